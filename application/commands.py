"""What apps ask for, and what can be told about it without asking anybody."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.errors import FieldError, InvalidRequest
from domain.method import MIN_EXPIRES_IN, TERMS, Method, Terms

#: Fen. One hundred million yuan; providers' own limits are lower.
MAX_AMOUNT = 10_000_000_000

NUMBER = re.compile(r"[A-Za-z0-9_-]{1,64}")
RESERVED_PREFIX = "dup-"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPayment:
    """What an app asks for."""

    app: str
    order_no: str
    amount: int  # fen
    subject: str
    method: Method
    payer: Mapping[str, str] = field(default_factory=dict)
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
    errors = [*_number_errors("order_no", command.order_no), *_need_errors(command, terms)]
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
    if value.startswith(RESERVED_PREFIX):
        return [FieldError(name, f"another prefix: `{RESERVED_PREFIX}` is reserved")]
    return []


def _need_errors(command: NewPayment, terms: Terms) -> list[FieldError]:
    given = {f"payer.{name}" for name, value in command.payer.items() if value}
    given |= {name for name in ("client_ip", "return_url") if getattr(command, name)}
    return [
        FieldError(need.replace("|", " or "), f"a value: {command.method} needs it")
        for need in terms.needs
        if given.isdisjoint(need.split("|"))
    ]
