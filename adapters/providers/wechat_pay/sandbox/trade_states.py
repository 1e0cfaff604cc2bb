"""The states of a payment order and what each is called (§4.3)."""

from collections.abc import Mapping

#: Whose orders these are in the book both providers share.
PROVIDER = "wechat"

NOTPAY, USERPAYING, SUCCESS, REFUND = "NOTPAY", "USERPAYING", "SUCCESS", "REFUND"
CLOSED, REVOKED, PAYERROR = "CLOSED", "REVOKED", "PAYERROR"

#: `trade_state_desc`.
DESCRIPTIONS: Mapping[str, str] = {
    NOTPAY: "订单未支付",
    USERPAYING: "用户支付中，需要输入密码",
    SUCCESS: "支付成功",
    REFUND: "转入退款",
    CLOSED: "订单已关闭",
    REVOKED: "订单已撤销",
    PAYERROR: "支付失败",
}

#: Nothing leads out of these, whoever asks.
OVER = frozenset({CLOSED, REVOKED, PAYERROR})
