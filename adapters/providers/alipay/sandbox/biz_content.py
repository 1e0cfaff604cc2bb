"""What merchants may ask for in biz_content, field by field. Source: REFERENCE.md §3.2, §4, §5."""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from adapters.providers.alipay.sandbox.order_content import (
    ALSO_IN_ORDERS,
    NOT_IN_ORDERS,
    Number,
    Price,
)
from adapters.providers.alipay.sandbox.refused import Refused, business
from adapters.providers.alipay.sandbox.yuan import to_fen


class TradeReference(msgspec.Struct, frozen=True, kw_only=True):
    """Names a trade; with both numbers given `trade_no` wins."""

    trade_no: str | None = None
    out_trade_no: str | None = None
    query_options: list[str] = []

    def __post_init__(self) -> None:
        if not (self.trade_no or self.out_trade_no):
            raise ValueError("trade_no or out_trade_no is needed")


class Refund(TradeReference, frozen=True, kw_only=True):
    """alipay.trade.refund: give a part or all of it back."""

    refund_amount: Price
    out_request_no: Number | None = None
    refund_reason: Annotated[str, Meta(max_length=256)] | None = None


class RefundQuery(TradeReference, frozen=True, kw_only=True):
    """alipay.trade.fastpay.refund.query: what became of one refund."""

    out_request_no: Number


class CertificateWanted(msgspec.Struct, frozen=True, kw_only=True):
    """alipay.open.app.alipaycert.download: one of Alipay's own certificates."""

    alipay_cert_sn: str


class BillWanted(msgspec.Struct, frozen=True, kw_only=True):
    """alipay.data.dataservice.bill.downloadurl.query: one of a day's bills."""

    bill_type: Annotated[str, Meta(min_length=1, max_length=20)]
    bill_date: Annotated[str, Meta(min_length=1, max_length=15)]


Content = TypeVar("Content", bound=msgspec.Struct)

#: Fields that are documented for the call, and change nothing here.
# fmt: off
ALSO_DOCUMENTED: dict[type[msgspec.Struct], frozenset[str]] = {
    **ALSO_IN_ORDERS,
    TradeReference: frozenset({"org_pid", "operator_id", "notify_url"}),
    Refund: frozenset({
        "operator_id", "store_id", "terminal_id", "refund_goods_detail",
        "refund_royalty_parameters",
    }),
    RefundQuery: frozenset({"org_pid"}),
    CertificateWanted: frozenset(),
    BillWanted: frozenset({"smid"}),
}
# fmt: on


def read_content(text: str, kind: type[Content], *, strict: bool) -> Content:
    """Read biz_content; Refused says which field is wrong, `strict` refuses undocumented ones."""
    try:
        given = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        content = msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise business("ACQ.INVALID_PARAMETER", str(error)) from None
    except (msgspec.DecodeError, RecursionError):  # the latter: nested without end
        raise Refused("40002", "isv.illegal-json", "不合法的JSON") from None
    documented = (set(kind.__struct_fields__) | ALSO_DOCUMENTED[kind]) - NOT_IN_ORDERS.get(
        kind, frozenset()
    )
    unknown = given.keys() - documented
    if strict and unknown:
        raise business("ACQ.INVALID_PARAMETER", ", ".join(sorted(unknown)))
    return content


def fen_of(price: Price) -> int:
    """The price in fen; Refused unless it is one."""
    try:
        return to_fen(str(price))
    except ValueError as error:
        raise business("ACQ.INVALID_PARAMETER", str(error)) from None
