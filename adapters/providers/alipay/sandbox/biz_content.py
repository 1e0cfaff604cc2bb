"""What merchants may ask for in biz_content, field by field. Source: REFERENCE.md §3.2, §4, §5."""

from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from adapters.providers.alipay.sandbox.refused import Refused, business
from adapters.providers.alipay.sandbox.yuan import to_fen

#: Hyphens are outside the documented alphabet, but accepted in practice (REFERENCE.md §9).
Number = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
#: `/`, `=` and `&` are forbidden (REFERENCE.md §3.2).
Subject = Annotated[str, Meta(pattern=r"\A[^/=&]{1,256}\Z")]
#: A price is text; a bare JSON number is read by its digits.
Price = str | int | float


class Precreate(msgspec.Struct, frozen=True, kw_only=True):
    """alipay.trade.precreate: a code for the payer to scan."""

    out_trade_no: Number
    total_amount: Price
    subject: Subject
    body: Annotated[str, Meta(max_length=128)] | None = None
    time_expire: str | None = None
    timeout_express: str | None = None
    qr_code_timeout_express: str | None = None
    passback_params: Annotated[str, Meta(max_length=512)] | None = None
    seller_id: str | None = None


class TradeReference(msgspec.Struct, frozen=True, kw_only=True):
    """Names a trade; with both numbers given `trade_no` wins."""

    trade_no: str | None = None
    out_trade_no: str | None = None

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
    query_options: list[str] = []


Content = TypeVar("Content", bound=msgspec.Struct)

#: Fields that are documented for the call, and change nothing here.
# fmt: off
ALSO_DOCUMENTED: dict[type[msgspec.Struct], frozenset[str]] = {
    Precreate: frozenset({
        "product_code", "goods_detail", "extend_params", "business_params",
        "enable_pay_channels", "disable_pay_channels", "store_id", "terminal_id", "operator_id",
        "alipay_store_id", "discountable_amount", "undiscountable_amount", "merchant_order_no",
        "sub_merchant", "settle_info", "royalty_info", "query_options", "buyer_logon_id",
        "code_type",
    }),
    TradeReference: frozenset({"query_options", "org_pid", "operator_id", "notify_url"}),
    Refund: frozenset({
        "operator_id", "store_id", "terminal_id", "refund_goods_detail",
        "refund_royalty_parameters", "query_options",
    }),
    RefundQuery: frozenset({"org_pid"}),
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
    unknown = given.keys() - set(kind.__struct_fields__) - ALSO_DOCUMENTED[kind]
    if strict and unknown:
        raise business("ACQ.INVALID_PARAMETER", ", ".join(sorted(unknown)))
    return content


def fen_of(price: Price) -> int:
    """The price in fen; Refused unless it is one."""
    try:
        return to_fen(str(price))
    except ValueError as error:
        raise business("ACQ.INVALID_PARAMETER", str(error)) from None
