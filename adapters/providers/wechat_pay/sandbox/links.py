"""What a prepay hands out to lead the payer to the order (§3.3)."""

import secrets
from datetime import datetime
from string import ascii_letters, digits

from adapters.providers.sandbox.records import Code
from adapters.providers.wechat_pay.sandbox.products import Product
from adapters.providers.wechat_pay.sandbox.wechat_time import BEIJING

#: Where the middle page of an H5 payment stands, at the platform and here alike (§3.9).
H5_PAGE = "/cgi-bin/mmpayweb-bin/checkmweb"


def new_codes(product: Product, base_url: str, now: datetime) -> tuple[Code, ...]:
    """Make a fresh link; the last is what the answer carries, the ones before lead there too."""
    until = now + product.link_lives
    if product.link == "code_url":
        token = "".join(secrets.choice(ascii_letters + digits) for _ in range(9))
        return (Code(url=f"weixin://wxpay/bizpayurl?pr={token}", expires_at=until),)
    prepay_id = _prepay_id(now)
    by_id = Code(url=prepay_id, expires_at=until)
    if product.link == "prepay_id":
        return (by_id,)
    query = f"prepay_id={prepay_id}&package={secrets.randbelow(10**10):010d}"
    return (by_id, Code(url=f"{base_url}{H5_PAGE}?{query}", expires_at=until))


def _prepay_id(now: datetime) -> str:
    """36 characters beginning with wx and the moment."""
    return f"wx{now.astimezone(BEIJING):%d%H%M%S%f}{secrets.token_hex(8)}0000"
