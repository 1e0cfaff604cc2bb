"""What an app sends besides the common fields, method by method."""

from typing import Any

from domain.method import Method

#: The last two digits tell the double's and the simulator's wallet what to do; these pay at once.
AUTH_CODES = {Method.WECHAT_CODE: "134567890123456700", Method.ALIPAY_CODE: "284567890123456700"}

NEEDS: dict[Method, dict[str, Any]] = {
    Method.WECHAT_NATIVE: {},
    Method.WECHAT_JSAPI: {"payer": {"openid": "o-payer-1"}},
    Method.WECHAT_MINI_PROGRAM: {"payer": {"openid": "o-payer-2"}},
    Method.WECHAT_APP: {},
    Method.WECHAT_H5: {"client_ip": "203.0.113.7", "return_url": "https://shop.test/done"},
    Method.WECHAT_CODE: {"payer": {"auth_code": AUTH_CODES[Method.WECHAT_CODE]}},
    Method.ALIPAY_QR: {},
    Method.ALIPAY_PAGE: {"return_url": "https://shop.test/done"},
    Method.ALIPAY_WAP: {"return_url": "https://shop.test/done"},
    Method.ALIPAY_APP: {},
    Method.ALIPAY_JSAPI: {"payer": {"buyer_id": "2088000000000011"}},
    Method.ALIPAY_CODE: {"payer": {"auth_code": AUTH_CODES[Method.ALIPAY_CODE]}},
}


def an_order_by(method: Method) -> dict[str, Any]:
    """The method and what it needs."""
    return {"method": method.value, **NEEDS[method]}
