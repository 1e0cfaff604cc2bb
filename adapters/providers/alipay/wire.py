"""What Alipay says, as types: unknown fields are ignored, an unknown status is not understood.

Amounts are decimal yuan in text, times are Chinese wall time; both are read once, exactly.
Sources are named in MAPPING.md.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated

import msgspec
from msgspec import Meta

from adapters.providers.checked import NotUnderstood, Reader
from domain.money import Money

CHINA = timezone(timedelta(hours=8))

Text = Annotated[str, Meta(min_length=1)]
Yuan = Annotated[str, Meta(pattern=r"^[0-9]{1,11}(\.[0-9]{1,2})?\Z")]


class Head(msgspec.Struct, frozen=True):
    """The first fields of every node. Only `code` and `sub_code` decide, never the texts."""

    code: Text
    sub_code: str = ""
    sub_msg: str = ""


class Precreated(msgspec.Struct, frozen=True):
    """What the payer scans."""

    out_trade_no: Text
    qr_code: Annotated[str, Meta(min_length=1, max_length=1024)]


class Created(msgspec.Struct, frozen=True):
    """The trade that the payer's front end opens."""

    out_trade_no: Text
    trade_no: Text


class Charge(msgspec.Struct, frozen=True):
    """A charge that went through at once."""

    trade_no: Text
    out_trade_no: Text
    total_amount: Yuan
    gmt_payment: Text
    buyer_pay_amount: str = ""
    receipt_amount: str = ""
    buyer_user_id: str = ""
    buyer_open_id: str = ""


class Closing(msgspec.Struct, frozen=True):
    """A close that was done."""

    out_trade_no: Text


class Cancelling(msgspec.Struct, frozen=True):
    """What a cancel did: `action` is `close`, `refund` or, if it found no trade, left out."""

    out_trade_no: Text
    retry_flag: str = ""
    action: str = ""


class Download(msgspec.Struct, frozen=True):
    """A certificate of Alipay's: base64 of its PEM text."""

    alipay_cert_content: Text


class Statement(msgspec.Struct, frozen=True):
    """Where a bill is, for 30 seconds."""

    bill_download_url: str = ""
    bill_file_code: str = ""


class Trade(msgspec.Struct, frozen=True, tag_field="trade_status"):
    """An order as a query answers it. The answer does not name the merchant."""

    trade_no: Text
    out_trade_no: Text
    total_amount: Yuan
    buyer_pay_amount: str = ""
    receipt_amount: str = ""
    send_pay_date: str = ""
    buyer_user_id: str = ""
    buyer_open_id: str = ""


class Waiting(Trade, frozen=True, tag="WAIT_BUYER_PAY"):
    """Scanned and unpaid."""


class Success(Trade, frozen=True, tag="TRADE_SUCCESS"):
    """Paid; stays so after partial refunds."""


class Finished(Trade, frozen=True, tag="TRADE_FINISHED"):
    """Paid, and past refunding."""


class Closed(Trade, frozen=True, tag="TRADE_CLOSED"):
    """Never paid, or paid and refunded in full."""


TradeState = Waiting | Success | Finished | Closed


class RefundDone(msgspec.Struct, frozen=True):
    """The answer to a refund. `refund_fee` is left out: it is the sum of all refunds."""

    trade_no: Text
    out_trade_no: Text
    fund_change: str = ""
    gmt_refund_pay: str = ""


class RefundFound(msgspec.Struct, frozen=True):
    """The answer to a refund query; a number that is not known brings nothing at all."""

    out_request_no: str = ""
    out_trade_no: str = ""
    trade_no: str = ""
    refund_amount: str = ""
    refund_status: str = ""
    gmt_refund_pay: str = ""


class Notice(msgspec.Struct, frozen=True, tag_field="trade_status"):
    """An order as a callback tells it."""

    app_id: Text
    trade_no: Text
    out_trade_no: Text
    total_amount: Yuan
    seller_id: str | None = None
    gmt_payment: str = ""
    buyer_pay_amount: str = ""
    receipt_amount: str = ""
    buyer_id: str = ""
    buyer_open_id: str = ""
    refund_fee: str = ""
    gmt_refund: str = ""
    out_biz_no: str = ""


class WaitingNotice(Notice, frozen=True, tag="WAIT_BUYER_PAY"):
    """Scanned and unpaid."""


class SuccessNotice(Notice, frozen=True, tag="TRADE_SUCCESS"):
    """Paid, or refunded in part."""


class FinishedNotice(Notice, frozen=True, tag="TRADE_FINISHED"):
    """Paid, and past refunding."""


class ClosedNotice(Notice, frozen=True, tag="TRADE_CLOSED"):
    """Never paid, or paid and refunded in full."""


NoticeState = WaitingNotice | SuccessNotice | FinishedNotice | ClosedNotice


read_head = Reader(msgspec.json.Decoder(Head))
read_precreated = Reader(msgspec.json.Decoder(Precreated))
read_created = Reader(msgspec.json.Decoder(Created))
read_charge = Reader(msgspec.json.Decoder(Charge))
read_closing = Reader(msgspec.json.Decoder(Closing))
read_cancelling = Reader(msgspec.json.Decoder(Cancelling))
read_download = Reader(msgspec.json.Decoder(Download))
read_statement = Reader(msgspec.json.Decoder(Statement))
read_trade: Reader[TradeState] = Reader(msgspec.json.Decoder(TradeState))
read_refund_done = Reader(msgspec.json.Decoder(RefundDone))
read_refund_found = Reader(msgspec.json.Decoder(RefundFound))


def read_notice(parameters: Mapping[str, str]) -> NoticeState:
    """Read a verified callback. Raises NotUnderstood."""
    try:
        notice: NoticeState = msgspec.convert(dict(parameters), NoticeState)
    except msgspec.ValidationError as error:
        raise NotUnderstood(str(error)) from None
    return notice


def yuan(text: str) -> Money | None:
    """Read an amount exactly; None if it was left out. Raises NotUnderstood."""
    if not text:
        return None
    try:
        return Money.from_yuan(text)
    except (ValueError, ArithmeticError) as error:
        raise NotUnderstood(str(error)) from None


def instant(text: str) -> datetime | None:
    """Read Chinese wall time, with or without milliseconds; None if it was left out.

    Raises NotUnderstood.
    """
    if not text:
        return None
    try:
        local = datetime.fromisoformat(text)
        if local.tzinfo is not None:
            raise NotUnderstood(f"a time with a zone: {text!r}")
        return local.replace(tzinfo=CHINA).astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotUnderstood(f"not a time: {text!r}") from None
