"""Refusals as WeChat Pay words them (REFERENCE.md §8)."""

from collections.abc import Mapping
from typing import Any

#: Status and an example text per code, in the 2024 spelling (§8.3).
CODES: Mapping[str, tuple[int, str]] = {
    "USER_PAYING": (202, "需要用户输入支付密码"),
    "PARAM_ERROR": (400, "参数错误"),
    "INVALID_REQUEST": (400, "请求参数符合参数格式，但不符合业务规则"),
    "APPID_MCHID_NOT_MATCH": (400, "AppID和mchid不匹配"),
    "MCH_NOT_EXISTS": (400, "商户号不存在"),
    "ORDER_CLOSED": (400, "该订单已关闭"),
    "ORDERPAID": (400, "该订单已支付"),
    "ORDER_REVERSED": (400, "该订单已撤销"),
    "AUTH_CODE_EXPIRE": (400, "二维码已过期，请用户在微信上刷新后再试"),
    "AUTH_CODE_ERROR": (400, "付款码错误，请检查后再试"),
    "AUTH_CODE_INVALID": (400, "请扫描微信支付付款码"),
    "NOTSUPORTCARD": (400, "不支持的卡类型，请换卡后重新下单"),
    "BUYER_MISMATCH": (400, "支付账号错误，请换一个付款码"),
    "NO_STATEMENT_EXIST": (400, "请求的账单文件不存在"),
    "STATEMENT_CREATING": (400, "账单生成中"),
    "SIGN_ERROR": (401, "错误的签名，验签失败"),
    "NO_AUTH": (403, "商户无权限"),
    "ACCOUNT_ERROR": (403, "账户异常"),
    "RULE_LIMIT": (403, "业务规则限制"),
    "TRADE_ERROR": (403, "交易错误"),
    "NOT_ENOUGH": (403, "基本账户余额不足，请充值后重新发起"),
    "OUT_TRADE_NO_USED": (403, "商户订单号重复"),
    "USER_ACCOUNT_ABNORMAL": (403, "用户账户异常"),
    "ORDER_NOT_EXIST": (404, "订单不存在"),
    "RESOURCE_NOT_EXISTS": (404, "查询的资源不存在"),
    "FREQUENCY_LIMITED": (429, "频率限制，请降低申请频率再重试"),
    "RATELIMIT_EXCEEDED": (429, "请求超过频率限制"),
    "SYSTEM_ERROR": (500, "系统异常，请稍后重试"),
    "BANK_ERROR": (500, "银行系统异常"),
    "OPENID_MISMATCH": (500, "openid和appid不匹配"),
    "INVALID_TRANSACTIONID": (500, "订单号非法"),
}

#: §8.2: how the 2020 documents spell them.
OLD_SPELLING: Mapping[str, str] = {
    "SYSTEM_ERROR": "SYSTEMERROR",
    "BANK_ERROR": "BANKERROR",
    "USER_PAYING": "USERPAYING",
    "ORDER_NOT_EXIST": "ORDERNOTEXIST",
    "ORDER_CLOSED": "ORDERCLOSED",
    "ORDER_REVERSED": "ORDERREVERSED",
    "AUTH_CODE_EXPIRE": "AUTHCODEEXPIRE",
    "NOT_ENOUGH": "NOTENOUGH",
    "NO_AUTH": "NOAUTH",
    "RULE_LIMIT": "RULELIMIT",
    "ACCOUNT_ERROR": "ACCOUNTERROR",
}


class Refused(Exception):
    """The platform says no: a code, its HTTP status, a text, perhaps a detail or when to return."""

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        detail: Mapping[str, Any] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        self.code = code
        self.status, usual = CODES.get(code, (500, "系统异常"))
        self.message = message or usual
        self.detail = detail
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"{code}: {self.message}")


def bad_field(
    field: str, value: object, issue: str, *, location: str = "body", message: str | None = None
) -> Refused:
    """Refuse one field; `field` is a JSON pointer."""
    detail = {"field": field, "value": value, "issue": issue, "location": location}
    return Refused("PARAM_ERROR", message or f"输入源“{field}”{issue}", detail=detail)
