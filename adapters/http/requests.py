"""What apps may send: the fields, their limits, and the way to the use cases' commands."""

from ipaddress import ip_address
from typing import Annotated

from msgspec import Meta, Struct, field
from msgspec.structs import asdict

from application.commands import MAX_AMOUNT, NewPayment, NewRefund
from domain.errors import FieldError, InvalidRequest
from domain.method import MAX_EXPIRES_IN, MIN_EXPIRES_IN, Method

#: No control characters, so that every store and every provider can hold the text;
#: the look-ahead is there because Python's `$` also matches before a final line feed.
TEXT = r"^[^\x00-\x1f\x7f]+$(?!\n)"


def _number(example: str) -> Meta:
    return Meta(
        pattern=r"^[A-Za-z0-9_-]{1,64}$(?!\n)",
        description="1 to 64 letters, digits, `_` or `-`, unique in your app",
        examples=[example],
    )


OrderNo = Annotated[str, _number("SO-1001")]
RefundNo = Annotated[str, _number("RO-1001-1")]
Amount = Annotated[
    int, Meta(ge=1, le=MAX_AMOUNT, description=f"an integer from 1 to {MAX_AMOUNT}, in fen")
]
Name = Annotated[
    str,
    Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$(?!\n)", description="a name of `a-z`, `0-9`, `-`"),
]
PaymentId = Annotated[
    str, Meta(pattern=r"^pay_[0-9A-Z]{26}$(?!\n)", description="the id of a payment, `pay_…`")
]


def _text(most: int, description: str) -> Meta:
    return Meta(
        min_length=1, max_length=most, pattern=TEXT, description=f"1 to {most} {description}"
    )


Opaque = Annotated[str, _text(128, "characters, as the provider gave it")]


# `omit_defaults`: a fingerprint covers what was sent, so a new optional field changes no old one.


class Payer(Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """Who pays, where the method needs to know."""

    openid: Opaque | None = None
    buyer_id: Opaque | None = None
    buyer_open_id: Opaque | None = None
    auth_code: Opaque | None = None


class PaymentRequest(
    Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True, kw_only=True
):
    """A payment to be taken."""

    order_no: OrderNo
    amount: Amount
    subject: Annotated[str, _text(127, "characters that the payer will read")]
    method: Method
    payer: Payer | None = None
    client_ip: (
        Annotated[
            str,
            Meta(  # no zone: it means something to one machine only, and may be any text
                max_length=45,
                pattern=r"^[0-9A-Fa-f:.]+$(?!\n)",
                description="the payer's IPv4 or IPv6 address",
            ),
        ]
        | None
    ) = None
    return_url: (
        Annotated[
            str,
            Meta(
                max_length=256,
                pattern=r"^https://[!-~]+$(?!\n)",
                description="an https URL of at most 256 visible ASCII characters",
            ),
        ]
        | None
    ) = None
    expires_in: (
        Annotated[
            int,
            Meta(
                ge=MIN_EXPIRES_IN,
                le=MAX_EXPIRES_IN,
                description=f"an integer from {MIN_EXPIRES_IN} to {MAX_EXPIRES_IN}, in seconds",
            ),
        ]
        | None
    ) = None
    account: Name | None = None
    metadata: Annotated[
        dict[
            Annotated[str, Meta(min_length=1, max_length=40, pattern=r"^[^\x00]*$(?!\n)")],
            Annotated[str, Meta(max_length=500, pattern=r"^[^\x00]*$(?!\n)")],
        ],
        Meta(
            max_length=50,
            description="at most 50 strings of up to 500 characters, their names up to 40",
        ),
    ] = field(default_factory=dict)


class RefundRequest(Struct, forbid_unknown_fields=True, omit_defaults=True, frozen=True):
    """Money to be given back."""

    payment_id: PaymentId
    refund_no: RefundNo
    amount: Amount
    reason: Annotated[str, _text(80, "characters that the payer may read")]


class Nothing(Struct, forbid_unknown_fields=True):
    """A body without fields."""


def new_payment(wanted: PaymentRequest, *, app: str) -> NewPayment:
    """Raises InvalidRequest for a `client_ip` that is none."""
    payer = asdict(wanted.payer) if wanted.payer else {}
    return NewPayment(
        app=app,
        order_no=wanted.order_no,
        amount=wanted.amount,
        subject=wanted.subject,
        method=wanted.method,
        payer={name: value for name, value in payer.items() if value is not None},
        client_ip=_address(wanted.client_ip),
        return_url=wanted.return_url,
        expires_in=wanted.expires_in,
        account=wanted.account,
        metadata=wanted.metadata,
    )


def new_refund(wanted: RefundRequest, *, app: str) -> NewRefund:
    """The command behind a refund."""
    return NewRefund(
        app=app,
        payment_id=wanted.payment_id,
        refund_no=wanted.refund_no,
        amount=wanted.amount,
        reason=wanted.reason,
    )


def _address(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        return str(ip_address(text))
    except ValueError:
        error = FieldError("client_ip", "the payer's IPv4 or IPv6 address")
        raise InvalidRequest(error) from None
