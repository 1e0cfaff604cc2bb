"""What apps ask for, and what can be told about it without asking anybody."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.errors import FieldError, InvalidRequest
from domain.method import AUTH_CODES, MIN_EXPIRES_IN, TERMS, Method, Terms

#: Fen. One hundred million yuan; providers' own limits are lower.
MAX_AMOUNT = 10_000_000_000

NUMBER = re.compile(r"[A-Za-z0-9_-]{1,64}")

#: basepay's own: refunds of a second success, and refunds made on the provider's own site.
DUPLICATE_PREFIX, EXTERNAL_PREFIX = RESERVED_PREFIXES = ("dup-", "ext-")

#: Visible ASCII. No user info and no backslash: readers disagree about where the host ends.
RETURN_URL = re.compile(r"(?=[!-~]+\Z)https://[^/?#@\\]+([/?#].*)?")
MAX_RETURN_URL = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayment:
    """What an app asks for."""

    app: str
    order_no: str
    amount: int  # fen
    subject: str
    method: Method
    payer: Mapping[str, str] = field(default_factory=dict, repr=False)
    client_ip: str | None = None
    return_url: str | None = None
    expires_in: int | None = None  # seconds
    account: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRefund:
    """What an app asks for."""

    app: str
    payment_id: str
    refund_no: str
    amount: int  # fen
    reason: str  # 1–80 characters, shown to the payer


def validate_payment(command: NewPayment) -> None:
    """What can be told without a provider. Raises InvalidRequest with every wrong field."""
    terms = TERMS[command.method]
    errors = [
        *_number_errors("order_no", command.order_no),
        *_need_errors(command, terms),
        *_payer_errors(command, terms),
        *_return_url_errors(command.return_url),
    ]
    if not 1 <= command.amount <= MAX_AMOUNT:
        errors.append(FieldError("amount", f"1 to {MAX_AMOUNT}, in fen"))
    if not command.subject.strip() or len(command.subject) > 127:
        errors.append(FieldError("subject", "1 to 127 characters that the payer will read"))
    seconds = command.expires_in
    if seconds is not None and terms.charges_at_once:
        errors.append(FieldError("expires_in", "absent: a code payment is charged at once"))
    elif seconds is not None and not MIN_EXPIRES_IN <= seconds <= terms.max_expires_in:
        limits = f"{MIN_EXPIRES_IN} to {terms.max_expires_in}"
        errors.append(FieldError("expires_in", f"{limits} seconds for {command.method}"))
    if errors:
        raise InvalidRequest(*errors)


def validate_refund(command: NewRefund) -> None:
    """What can be told without the payment. Raises InvalidRequest with every wrong field."""
    errors = _number_errors("refund_no", command.refund_no)
    if command.amount < 1:
        errors.append(FieldError("amount", "at least 1, in fen"))
    if not command.reason.strip() or len(command.reason) > 80:
        errors.append(FieldError("reason", "1 to 80 characters that the payer will read"))
    if errors:
        raise InvalidRequest(*errors)


def _number_errors(name: str, value: str) -> list[FieldError]:
    if not NUMBER.fullmatch(value):
        return [FieldError(name, "1 to 64 letters, digits, `_` or `-`")]
    if value.startswith(RESERVED_PREFIXES):
        return [FieldError(name, f"another prefix: `{value[:4]}` is reserved")]
    return []


def _need_errors(command: NewPayment, terms: Terms) -> list[FieldError]:
    given = {f"payer.{name}" for name, value in command.payer.items() if value}
    given |= {name for name in ("client_ip", "return_url") if getattr(command, name)}
    return [
        FieldError(need.replace("|", " or "), f"a value: {command.method} needs it")
        for need in terms.needs
        if given.isdisjoint(need.split("|"))
    ]


def _payer_errors(command: NewPayment, terms: Terms) -> list[FieldError]:
    known = terms.payer_fields()
    strange = [name for name in command.payer if name not in known]
    errors = [
        FieldError(f"payer.{n}", f"absent: {command.method} has no use for it") for n in strange
    ]
    for name in known & command.payer.keys():
        shape, value = terms.payer_shape(name), command.payer[name]
        if value and not shape.pattern.fullmatch(value):
            errors.append(FieldError(f"payer.{name}", shape.words + _hint(name, value)))
    return errors


def _hint(name: str, value: str) -> str:
    """A code of the other wallet is the commonest mistake at a till."""
    owners = [o for o, shape in AUTH_CODES.items() if shape.pattern.fullmatch(value)]
    return f"; this one is {owners[0]}'s" if name == "auth_code" and owners else ""


def _return_url_errors(url: str | None) -> list[FieldError]:
    if url is None or (RETURN_URL.fullmatch(url) and len(url) <= MAX_RETURN_URL):
        return []
    return [
        FieldError(
            "return_url", f"an https URL of at most {MAX_RETURN_URL} visible ASCII characters"
        )
    ]
