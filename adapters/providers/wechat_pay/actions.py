"""What the payer's device needs, made of a prepay's answer and signed where it must be.

Source: MAPPING.md §3. Signatures bear wall time, whatever the business clock says.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from adapters.ids import new_nonce
from adapters.providers.signer import Signer
from adapters.providers.wechat_pay.config import WeChatPayConfig
from adapters.providers.wechat_pay.signing import pay_signature
from adapters.providers.wechat_pay.wire import read_h5, read_native, read_prepaid
from domain.payment import Payment


@dataclass(frozen=True, slots=True)
class Prepaid:
    """A prepay that was answered."""

    config: WeChatPayConfig
    payment: Payment
    body: bytes  # of the answer, known to be genuine
    signer: Signer
    at: float  # wall time


#: Makes the details of an action; raises NotUnderstood.
Details = Callable[[Prepaid], Awaitable[Mapping[str, object]]]


async def code_url(prepaid: Prepaid) -> Mapping[str, object]:
    """Make the text of a QR code."""
    return {"code_url": read_native(prepaid.body).code_url}


async def jsapi_call(prepaid: Prepaid) -> Mapping[str, object]:
    """Make what `WeixinJSBridge` takes as `getBrandWCPayRequest`."""
    package = f"prepay_id={read_prepaid(prepaid.body).prepay_id}"
    app_id, timestamp, nonce = _signed_with(prepaid)
    sign = await pay_signature(prepaid.signer, app_id, timestamp, nonce, package)
    params = {"appId": app_id, "timeStamp": timestamp, "nonceStr": nonce, "package": package}
    return {"params": params | {"signType": "RSA", "paySign": sign}}


#: `wx.requestPayment` takes the same names, and signs the app id without taking it.
mini_program_call = jsapi_call


async def app_call(prepaid: Prepaid) -> Mapping[str, object]:
    """Make what the app's SDK takes as a `PayReq`; the bare prepay id is signed."""
    prepay_id = read_prepaid(prepaid.body).prepay_id
    app_id, timestamp, nonce = _signed_with(prepaid)
    return {
        "params": {
            "appid": app_id,
            "partnerid": prepaid.config.mchid,
            "prepayid": prepay_id,
            "package": "Sign=WXPay",
            "noncestr": nonce,
            "timestamp": timestamp,
            "sign": await pay_signature(prepaid.signer, app_id, timestamp, nonce, prepay_id),
        }
    }


async def redirect(prepaid: Prepaid) -> Mapping[str, object]:
    """Make the address to send the browser to, and the host it must say it comes from."""
    url = read_h5(prepaid.body).h5_url
    if prepaid.payment.return_url:
        mark = "&" if "?" in url else "?"
        url = f"{url}{mark}redirect_url={quote(prepaid.payment.return_url, safe='')}"
    host = prepaid.config.h5_domain
    return {"url": url, "referer_host": host} if host else {"url": url}


def _signed_with(prepaid: Prepaid) -> tuple[str, str, str]:
    """Return the app id of the prepay, the time, and a nonce."""
    return str(prepaid.payment.payee.app_id), str(int(prepaid.at)), new_nonce()
