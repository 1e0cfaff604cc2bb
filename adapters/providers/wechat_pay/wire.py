"""What WeChat Pay says, as types: unknown fields are ignored, an unknown state is not understood.

Sources are named in MAPPING.md; all amounts are fen.
"""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from adapters.providers.checked import Reader

Text = Annotated[str, Meta(min_length=1)]
MAX_FEN = 10**13  # far above any order, far below what a database column holds
Fen = Annotated[int, Meta(ge=0, le=MAX_FEN)]
Price = Annotated[int, Meta(ge=1, le=MAX_FEN)]
Instant = Annotated[datetime, Meta(tz=True)]


class Amount(msgspec.Struct, frozen=True):
    """Money of a paid order. Source: MAPPING.md §4."""

    total: Price  # what the order asked for, before coupons
    payer_total: Fen | None = None  # what the payer paid
    currency: str = "CNY"


class Payer(msgspec.Struct, frozen=True):
    openid: str | None = None


class Promotion(msgspec.Struct, frozen=True):
    """A coupon; NOCASH ones are borne by the merchant."""

    amount: Fen
    type: str | None = None


class Order(msgspec.Struct, frozen=True, tag_field="trade_state"):
    """Common to an order in every state."""

    mchid: Text
    appid: Text
    out_trade_no: Text


class Success(Order, frozen=True, tag="SUCCESS"):
    """Paid."""

    transaction_id: Text
    success_time: Instant
    amount: Amount
    payer: Payer | None = None
    promotion_detail: tuple[Promotion, ...] = ()


class Refunding(Success, frozen=True, tag="REFUND"):
    """Paid, and at least one refund was accepted."""


class NotPaid(Order, frozen=True, tag="NOTPAY"):
    """Unpaid; stays so while the payer mistypes the password."""


class UserPaying(Order, frozen=True, tag="USERPAYING"):
    """The payer is typing the password (payment code only)."""


class Accepted(Order, frozen=True, tag="ACCEPT"):
    """Waits for a deduction."""


class Closed(Order, frozen=True, tag="CLOSED"):
    """Can't be paid any more."""


class Revoked(Order, frozen=True, tag="REVOKED"):
    """Reversed (payment code only); only what was paid before has a transaction id."""

    transaction_id: str | None = None


class PayError(Order, frozen=True, tag="PAYERROR"):
    """The bank refused (payment code only)."""

    trade_state_desc: str = ""


Trade = Success | Refunding | NotPaid | UserPaying | Accepted | Closed | Revoked | PayError


class RefundAmount(msgspec.Struct, frozen=True):
    """Money of a refund; callbacks leave the currency out."""

    refund: Price
    currency: str = "CNY"


class RefundOrder(msgspec.Struct, frozen=True, tag_field="status"):
    """Common to a refund in every status, as the API answers it."""

    refund_id: Text
    out_refund_no: Text
    out_trade_no: Text
    amount: RefundAmount
    create_time: Instant


class RefundSuccess(RefundOrder, frozen=True, tag="SUCCESS"):
    """The money reached the payer."""

    success_time: Instant


class RefundProcessing(RefundOrder, frozen=True, tag="PROCESSING"):
    """Accepted and under way."""


class RefundClosed(RefundOrder, frozen=True, tag="CLOSED"):
    """Closed; the money stays with the merchant."""


class RefundAbnormal(RefundOrder, frozen=True, tag="ABNORMAL"):
    """The money could not reach the payer and waits for the merchant."""


RefundState = RefundSuccess | RefundProcessing | RefundClosed | RefundAbnormal


class RefundNotice(msgspec.Struct, frozen=True, tag_field="refund_status"):
    """A refund as callbacks tell it: another name for the status, and no creation time."""

    mchid: Text
    refund_id: Text
    out_refund_no: Text
    out_trade_no: Text
    amount: RefundAmount


class SuccessNotice(RefundNotice, frozen=True, tag="SUCCESS"):
    """The money reached the payer."""

    success_time: Instant


class ClosedNotice(RefundNotice, frozen=True, tag="CLOSED"):
    """Closed; the money stays with the merchant."""


class AbnormalNotice(RefundNotice, frozen=True, tag="ABNORMAL"):
    """The money could not reach the payer and waits for the merchant."""


Notice = SuccessNotice | ClosedNotice | AbnormalNotice


class Resource(msgspec.Struct, frozen=True):
    """The sealed part of a callback. Source: MAPPING.md §6."""

    ciphertext: str
    nonce: str
    algorithm: str
    associated_data: str | None = None


class Envelope(msgspec.Struct, frozen=True):
    """A callback as it arrives."""

    event_type: str
    resource: Resource


class ListedCertificate(msgspec.Struct, frozen=True):
    """A platform certificate, sealed. Its dates and serial are read from itself."""

    encrypt_certificate: Resource


class CertificateList(msgspec.Struct, frozen=True):
    """Every platform certificate that is or soon will be in use."""

    data: tuple[ListedCertificate, ...]


class Refusal(msgspec.Struct, frozen=True):
    """An error body. `message` is for people; nothing branches on it."""

    code: Text
    message: str = ""


class Statement(msgspec.Struct, frozen=True):
    """Where a bill is to be had for some minutes, and its hash. Source: MAPPING.md §11."""

    hash_type: Text
    hash_value: Text
    download_url: Annotated[str, Meta(pattern=r"^https?://[!-~]{1,4096}$")]

    def __repr__(self) -> str:
        """Without the address: whoever has it has the bill."""
        return f"Statement({self.hash_type} {self.hash_value[:64]})"


class Echo(msgspec.Struct, frozen=True):
    """What was said comes back."""

    echo_message: str


class Prepaid(msgspec.Struct, frozen=True):
    """A session for the payer's device (JSAPI, mini program, app)."""

    prepay_id: Annotated[str, Meta(pattern=r"^[!-~]{1,128}$")]


class H5Prepaid(msgspec.Struct, frozen=True):
    """Where the payer's browser goes."""

    h5_url: Annotated[str, Meta(pattern=r"^https?://[!-~]{1,2048}$")]


class NativePrepaid(msgspec.Struct, frozen=True):
    """What the payer scans."""

    code_url: Annotated[str, Meta(min_length=1, max_length=512)]


read_trade: Reader[Trade] = Reader(msgspec.json.Decoder(Trade))
read_refund: Reader[RefundState] = Reader(msgspec.json.Decoder(RefundState))
read_notice: Reader[Notice] = Reader(msgspec.json.Decoder(Notice))
read_envelope = Reader(msgspec.json.Decoder(Envelope))
read_certificates = Reader(msgspec.json.Decoder(CertificateList))
read_refusal = Reader(msgspec.json.Decoder(Refusal))
read_statement = Reader(msgspec.json.Decoder(Statement))
read_echo = Reader(msgspec.json.Decoder(Echo))
read_prepaid = Reader(msgspec.json.Decoder(Prepaid))
read_h5 = Reader(msgspec.json.Decoder(H5Prepaid))
read_native = Reader(msgspec.json.Decoder(NativePrepaid))
