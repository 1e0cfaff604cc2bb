"""One signed call to Alipay's gateway, and what can be believed of its answer."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

import httpx

from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.alipay.keys import Keys
from adapters.providers.alipay.quiet import quiet_after, quiet_after_limit
from adapters.providers.alipay.renewal import Renewal
from adapters.providers.alipay.signing import (
    SIGN_TYPE,
    Signed,
    content_to_sign,
    signed_node,
)
from adapters.providers.alipay.wire import CHINA, Head, read_head
from adapters.providers.checked import NotUnderstood
from adapters.providers.transport import exchange
from domain.outcome import Unknown

log = logging.getLogger("basepay.alipay")

#: «服务不可用»: the gateway's own word for what others say by HTTP 5xx.
BROKEN_CODE = "20000"

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
        return Unknown(reason, unanswered=self.head.code == BROKEN_CODE, trace=self.trace)


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
        self._renewal = Renewal(keys, self._exchange, wall)

    async def call(
        self, method: str, biz_content: bytes, *, notify_url: str = ""
    ) -> Answer | Unknown:
        """Send this business content, or Unknown if no whole, readable answer came."""
        try:
            response, body = await self._exchange(method, biz_content, notify_url)
        except httpx.HTTPError as error:
            return Unknown(f"no answer: {type(error).__name__} {error}", unanswered=True)
        trace_id = response.headers.get("trace_id", "")
        if response.status_code != 200:  # even refusals come with 200; this is a broken gateway
            quiet = quiet_after(response, at=self._wall())
            status, trace = response.status_code, trace_id[:128]
            return Unknown(f"HTTP {status}", quiet, unanswered=status >= 500, trace=trace)
        try:
            signed = signed_node(body, method)
            head = read_head(signed.node)
        except NotUnderstood as error:
            return Unknown(f"answer not understood: {error}", trace=trace_id[:128])
        answer = Answer(head, signed.node, await self._is_genuine(signed), trace_id)
        if signed.sign and not answer.genuine:
            log.warning("the answer to %s is not believed: no key fits", method)
        if quiet := quiet_after_limit(head):  # not executed, whoever says so
            return Unknown("too many calls", quiet, trace=answer.trace)
        return answer

    def link(self, method: str, biz_content: bytes, *, notify_url: str, return_url: str) -> str:
        """Sign a request that the payer carries to the gateway; its query, to be used as it is."""
        parameters = self._common(method, notify_url, return_url)
        parameters["biz_content"] = biz_content.decode()
        parameters["sign"] = self._keys.signer.sign_now(content_to_sign(parameters))
        return urlencode(parameters)

    async def _exchange(
        self, method: str, biz_content: bytes, notify_url: str = ""
    ) -> tuple[httpx.Response, bytes]:
        request = await self._request(method, biz_content.decode(), notify_url)
        return await exchange(self._transport, request)

    async def _is_genuine(self, signed: Signed) -> bool:
        """A certificate that nobody here knows yet is fetched first, at a limited rate."""
        if self._keys.genuine(signed.sign, signed.node):
            return True
        fetched = await self._renewal.fetch(signed.certificate_sn)
        return fetched and self._keys.genuine(signed.sign, signed.node)

    async def _request(self, method: str, biz_content: str, notify_url: str) -> httpx.Request:
        """Common parameters go in the query, the business content alone in the body."""
        common = self._common(method, notify_url)
        content = content_to_sign(common | {"biz_content": biz_content})
        query = urlencode(common | {"sign": await self._keys.signer.sign(content)})
        return httpx.Request(
            "POST",
            f"{self._config.gateway_url}?{query}",
            headers=HEADERS,
            content=urlencode({"biz_content": biz_content}).encode(),
        )

    def _common(self, method: str, notify_url: str = "", return_url: str = "") -> dict[str, str]:
        return {
            "app_id": self._config.app_id,
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": SIGN_TYPE,
            "timestamp": datetime.fromtimestamp(self._wall(), CHINA).strftime("%Y-%m-%d %H:%M:%S"),
            "version": "1.0",
            **self._keys.serials,
            **({"notify_url": notify_url} if notify_url else {}),
            **({"return_url": return_url} if return_url else {}),
        }
