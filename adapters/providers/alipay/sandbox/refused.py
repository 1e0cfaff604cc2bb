"""What the gateway or the business behind it refuses. Source: REFERENCE.md §8."""

#: Text of every gateway code (REFERENCE.md §8.2).
MESSAGES = {
    "10000": "Success",
    "10003": "order success pay inprocess",
    "20000": "Service Currently Unavailable",
    "40001": "Missing Required Arguments",
    "40002": "Invalid Arguments",
    "40003": "Insufficient Conditions",
    "40004": "Business Failed",
    "40005": "Call Limited",
    "40006": "Insufficient Permissions",
}

#: Chinese texts of business refusals (REFERENCE.md §4, §5, §8).
SUB_MESSAGES = {
    "ACQ.APPLY_PC_MERCHANT_CODE_ERROR": "申请二维码失败",
    "ACQ.BUYER_BALANCE_NOT_ENOUGH": "买家余额不足",
    "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH": "用户银行卡余额不足",
    "ACQ.BUYER_SELLER_EQUAL": "买卖家不能相同",
    "ACQ.CONTEXT_INCONSISTENT": "交易信息被篡改",
    "ACQ.DISCORDANT_REPEAT_REQUEST": "不一致的请求",
    "ACQ.INVALID_PARAMETER": "参数无效",
    "ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR": "当前时间已超过允许支付的时间",
    "ACQ.PAYMENT_AUTH_CODE_INVALID": "支付授权码无效",
    "ACQ.REASON_ILLEGAL_STATUS": "交易状态异常",
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": "退款金额无效",
    "ACQ.REASON_TRADE_STATUS_INVALID": "交易状态异常",
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": "撤销或退款金额与订单金额不一致",
    "ACQ.SELLER_BALANCE_NOT_ENOUGH": "商户的余额不足",
    "ACQ.SELLER_NOT_EXIST": "卖家不存在",
    "ACQ.SYSTEM_ERROR": "系统错误",
    "ACQ.TRADE_BUYER_NOT_MATCH": "交易买家不匹配",
    "ACQ.TRADE_CANCEL_TIME_OUT": "超过撤销时间范围",
    "ACQ.TRADE_HAS_CLOSE": "交易已经关闭",
    "ACQ.TRADE_HAS_FINISHED": "交易已完结",
    "ACQ.TRADE_HAS_SUCCESS": "交易已被支付",
    "ACQ.TRADE_NOT_EXIST": "交易不存在",
    "ACQ.TRADE_STATUS_ERROR": "交易状态不合法",
}


class Refused(Exception):
    """The request is answered with an error instead of being carried out.

    `signed` is False only where the gateway does not know whose request it is (§2.2).
    """

    def __init__(self, code: str, sub_code: str, sub_message: str, *, signed: bool = True) -> None:
        super().__init__(f"{code} {sub_code}: {sub_message}")
        self.code = code
        self.sub_code = sub_code
        self.sub_message = sub_message
        self.signed = signed


def missing(name: str, *, signed: bool = True) -> Refused:
    """A common parameter is absent: 40001 `isv.missing-…`."""
    return Refused("40001", f"isv.missing-{name}", f"缺少参数：{name}", signed=signed)


def invalid(name: str, sub_message: str = "", *, signed: bool = True) -> Refused:
    """A common parameter is wrong: 40002 `isv.invalid-…`."""
    return Refused(
        "40002", f"isv.invalid-{name}", sub_message or f"无效参数：{name}", signed=signed
    )


def business(sub_code: str, detail: str = "") -> Refused:
    """The trade does not allow it: 40004 `ACQ.…`."""
    return Refused("40004", sub_code, SUB_MESSAGES[sub_code] + (f"：{detail}" if detail else ""))


def of_code(code: str | None) -> Refused:
    """The refusal a tester asks for, by sub_code; `20000` or none: the system is unavailable."""
    match (code or "20000").split("."):
        case ["20000"]:
            return Refused("20000", "isp.unknow-error", "系统繁忙")
        case ["isp", "unknow-error"] | ["aop", *_]:
            return Refused("20000", f"{code}", "系统繁忙")
        case ["isv", ("app-call-limited" | "method-call-limited")]:
            return Refused("40005", f"{code}", "调用频率超限")
        case ["isv", name] if name.startswith("insufficient-"):
            return Refused("40006", f"{code}", "权限不足")
        case ["isv", name] if name.startswith("missing-"):
            return missing(name.removeprefix("missing-"))
        case ["isv", *_]:
            return Refused("40002", f"{code}", f"{code}")
    return Refused("40004", f"{code}", SUB_MESSAGES.get(f"{code}", f"{code}"))
