"""What an app sends besides the common fields, method by method."""

import secrets
from typing import Any

from domain.method import Method

#: The last two digits of a payment code tell the double's and the simulator's wallet what to do.
PAYS, ASKS_PASSWORD, HAS_NO_BALANCE = "00", "01", "02"

#: What the 18 digits of a payment code begin with.
BEGINNINGS = {Method.WECHAT_CODE: "13", Method.ALIPAY_CODE: "28"}

NEEDS: dict[Method, dict[str, Any]] = {
    Method.WECHAT_NATIVE: {},
    Method.WECHAT_JSAPI: {"payer": {"openid": "o-payer-1"}},
    Method.WECHAT_MINI_PROGRAM: {"payer": {"openid": "o-payer-2"}},
    Method.WECHAT_APP: {},
    Method.WECHAT_H5: {"client_ip": "203.0.113.7", "return_url": "https://shop.test/done"},
    Method.WECHAT_CODE: {},
    Method.ALIPAY_QR: {},
    Method.ALIPAY_PAGE: {"return_url": "https://shop.test/done"},
    Method.ALIPAY_WAP: {"return_url": "https://shop.test/done"},
    Method.ALIPAY_APP: {},
    Method.ALIPAY_JSAPI: {"payer": {"buyer_id": "2088000000000011"}},
    Method.ALIPAY_CODE: {},
}


def an_order_by(method: Method, *, wallet: str = PAYS) -> dict[str, Any]:
    """The method and what it needs; payment codes are fresh, from a wallet that does so."""
    facts = {"method": method.value, **NEEDS[method]}
    if method in BEGINNINGS:
        facts["payer"] = {"auth_code": a_code(method, wallet)}
    return facts


def a_code(method: Method, wallet: str = PAYS) -> str:
    """A payment code that nobody has used."""
    return f"{BEGINNINGS[method]}{secrets.randbelow(10**14):014d}{wallet}"
