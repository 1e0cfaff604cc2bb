"""One signed call to Alipay's gateway, and what can be believed of its answer."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

import httpx

from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.alipay.keys import Keys
from adapters.providers.alipay.signing import (
    SIGN_TYPE,
    content_to_sign,
    signed_node,
)
from adapters.providers.alipay.wire import CHINA, Head, read_head
from adapters.providers.checked import NotUnderstood
from adapters.providers.signer import verifies
from adapters.providers.transport import exchange
from domain.outcome import Unknown

HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",  # the signature is over the plain body
    "Content-Type": "application/x-www-form-urlencoded;charset=utf-8",
    "User-Agent": "basepay",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A node as it came. Only a genuine one may end anything."""

    head: Head
    node: bytes
    genuine: bool
    trace_id: str

    @property
    def trace(self) -> str:
        """Return trace id and codes: what Alipay's support asks for."""
        words = [self.trace_id[:128], self.head.code[:16], self.head.sub_code[:64]]
        return " ".join(filter(None, words))

    def unknown(self, reason: str) -> Unknown:
        """Nothing was learned from this answer."""
        return Unknown(reason, trace=self.trace)


class Client:
    """Signs what goes out and verifies what comes in, for one app."""

    def __init__(
        self,
        config: AlipayConfig,
        keys: Keys,
        transport: httpx.AsyncBaseTransport,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._keys = keys
        self._transport = transport
        self._wall = wall

    async def call(
        self, method: str, biz_content: bytes, *, notify_url: str = ""
    ) -> Answer | Unknown:
        """Send this business content, or Unknown if no whole, readable answer came."""
        request = await self._request(method, biz_content.decode(), notify_url)
        try:
            response, body = await exchange(self._transport, request)
        except httpx.HTTPError as error:
            return Unknown(f"no answer: {type(error).__name__} {error}")
        trace_id = response.headers.get("trace_id", "")
        if response.status_code != 200:  # even refusals come with 200; this is a broken gateway
            return Unknown(f"HTTP {response.status_code}", trace=trace_id[:128])
        try:
            node, sign = signed_node(body, method)
            head = read_head(node)
        except NotUnderstood as error:
            return Unknown(f"answer not understood: {error}", trace=trace_id[:128])
        return Answer(head, node, verifies(self._keys.believed, sign, node), trace_id)

    async def _request(self, method: str, biz_content: str, notify_url: str) -> httpx.Request:
        """Common parameters go in the query, the business content alone in the body."""
        common = {
            "app_id": self._config.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": SIGN_TYPE,
            "timestamp": datetime.fromtimestamp(self._wall(), CHINA).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            **({"notify_url": notify_url} if notify_url else {}),
        }
        content = content_to_sign(common | {"biz_content": biz_content})
        query = urlencode(common | {"sign": await self._keys.signer.sign(content)})
        return httpx.Request(
            "POST",
            f"{self._config.gateway_url}?{query}",
            headers=HEADERS,
            content=urlencode({"biz_content": biz_content}).encode(),
        )
