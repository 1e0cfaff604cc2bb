"""What pages in WeChat's browser need: the way to the login, and a signed JS configuration."""

import hashlib
import time
from collections.abc import Callable
from urllib.parse import quote

from adapters.ids import new_nonce
from adapters.wechat_official_account.tokens import Tokens
from application.official_account_ports import JsConfig

#: What a page that takes payments calls.
FUNCTIONS = ("chooseWXPay",)


class Pages:
    """The pages of one 公众号."""

    def __init__(
        self,
        app_id: str,
        authorize_url: str,
        tokens: Tokens,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._app_id, self._authorize_url = app_id, authorize_url
        self._tokens, self._wall = tokens, wall

    def login_url(self, *, back_to: str, state: str) -> str:
        """The silent login. WeChat wants the parameters in this order, and the fragment."""
        return (
            f"{self._authorize_url}?appid={self._app_id}&redirect_uri={quote(back_to, safe='')}"
            f"&response_type=code&scope=snsapi_base&state={state}#wechat_redirect"
        )

    async def js_config(self, url: str) -> JsConfig:
        """Sign exactly this URL, which has no fragment."""
        ticket = await self._tokens.jsapi_ticket()
        nonce, timestamp = new_nonce(), int(self._wall())
        return JsConfig(
            app_id=self._app_id,
            timestamp=timestamp,
            nonce=nonce,
            signature=js_signature(ticket=ticket, nonce=nonce, timestamp=timestamp, url=url),
            functions=FUNCTIONS,
        )


def js_signature(*, ticket: str, nonce: str, timestamp: int, url: str) -> str:
    """SHA-1 is WeChat's choice, over raw values. Source: «JS-SDK使用权限签名算法»."""
    text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={url}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
