"""What an order is asked with, one class a way to pay. Source: REFERENCE.md §3."""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

#: Hyphens are outside the documented alphabet, but accepted in practice (REFERENCE.md §9).
Number = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
#: `/`, `=` and `&` are forbidden (REFERENCE.md §3.2).
Subject = Annotated[str, Meta(pattern=r"\A[^/=&]{1,256}\Z")]
#: A price is text; a bare JSON number is read by its digits.
Price = str | int | float
#: A PID or a payer's id (REFERENCE.md §9).
UserId = Annotated[str, Meta(pattern=r"\A2088[0-9]{12}\Z")]
AppId = Annotated[str, Meta(pattern=r"\A[0-9]{1,32}\Z")]
OpenId = Annotated[str, Meta(min_length=1, max_length=128)]
#: JSON as a text where a browser or an app carries it, an object in calls (§3.2).
ParamsAsText: TypeAlias = str | None
ParamsAsObject: TypeAlias = dict[str, str] | None


class OrderContent(msgspec.Struct, frozen=True, kw_only=True):
    """What every order says of itself."""

    out_trade_no: Number
    total_amount: Price
    subject: Subject
    body: Annotated[str, Meta(max_length=128)] | None = None
    time_expire: str | None = None
    timeout_express: str | None = None
    passback_params: Annotated[str, Meta(max_length=512)] | None = None
    seller_id: str | None = None


class Precreate(OrderContent, frozen=True, kw_only=True):
    """alipay.trade.precreate: a code for the payer to scan."""

    product_code: Literal["FACE_TO_FACE_PAYMENT", "QR_CODE_OFFLINE"] = "FACE_TO_FACE_PAYMENT"
    business_params: ParamsAsObject = None
    qr_code_timeout_express: str | None = None


class PagePay(OrderContent, frozen=True, kw_only=True):
    """alipay.trade.page.pay: a link for the browser of a computer."""

    product_code: Literal["FAST_INSTANT_TRADE_PAY"]
    business_params: ParamsAsText = None


class WapPay(OrderContent, frozen=True, kw_only=True):
    """alipay.trade.wap.pay: a link for the browser of a phone."""

    #: The second one is what many merchants send (§3.1).
    product_code: Literal["QUICK_WAP_WAY", "QUICK_WAP_PAY"] = "QUICK_WAP_WAY"
    business_params: ParamsAsText = None
    quit_url: Annotated[str, Meta(max_length=400)] | None = None


class AppPay(OrderContent, frozen=True, kw_only=True):
    """alipay.trade.app.pay: an order string for the merchant's own app."""

    product_code: Literal["QUICK_MSECURITY_PAY"] = "QUICK_MSECURITY_PAY"
    business_params: ParamsAsText = None


class Create(OrderContent, frozen=True, kw_only=True):
    """alipay.trade.create: a trade for one payer inside Alipay's app."""

    product_code: Literal["JSAPI_PAY", "FACE_TO_FACE_PAYMENT"] = "FACE_TO_FACE_PAYMENT"
    business_params: ParamsAsObject = None
    buyer_id: UserId | None = None
    buyer_open_id: OpenId | None = None
    op_app_id: AppId | None = None

    def __post_init__(self) -> None:
        if not (self.buyer_id or self.buyer_open_id):
            raise ValueError("buyer_id or buyer_open_id is needed")
        if self.product_code == "JSAPI_PAY" and not self.op_app_id:
            raise ValueError("op_app_id is needed")


class Pay(OrderContent, frozen=True, kw_only=True):
    """alipay.trade.pay: charge the code that the payer shows."""

    auth_code: str
    scene: Literal["bar_code", "security_code", "wave_code"] = "bar_code"
    product_code: Literal["FACE_TO_FACE_PAYMENT", "OFFLINE_PAYMENT"] = "FACE_TO_FACE_PAYMENT"
    business_params: ParamsAsObject = None


# fmt: off
_ANYWHERE = frozenset({
    "goods_detail", "extend_params", "disable_pay_channels", "store_id",
    "merchant_order_no", "sub_merchant", "settle_info", "royalty_info", "query_options",
})
_IN_A_SHOP = _ANYWHERE | {
    "terminal_id", "operator_id", "alipay_store_id", "discountable_amount",
    "undiscountable_amount",
}
_CHANNELS = frozenset({"enable_pay_channels"})

#: Fields that are documented for the order, and change nothing here.
ALSO_IN_ORDERS: dict[type[msgspec.Struct], frozenset[str]] = {
    Precreate: _IN_A_SHOP | _CHANNELS | {"buyer_logon_id", "code_type"},
    PagePay: _ANYWHERE | _CHANNELS | {
        "qr_pay_mode", "qrcode_width", "integration_type", "request_from_url",
    },
    WapPay: _ANYWHERE | _CHANNELS,
    AppPay: _ANYWHERE | _CHANNELS,
    Create: _IN_A_SHOP | _CHANNELS | {"buyer_logon_id", "op_buyer_open_id"},
    Pay: _IN_A_SHOP,
}
#: All orders may name their seller, but this one.
NOT_IN_ORDERS: dict[type[msgspec.Struct], frozenset[str]] = {PagePay: frozenset({"seller_id"})}
# fmt: on
