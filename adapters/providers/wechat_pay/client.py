"""One signed call to WeChat Pay, and what can be believed of its answer."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from http import HTTPStatus

import httpx

from adapters.providers.checked import NotGenuine, NotUnderstood
from adapters.providers.transport import DOWNLOAD_SECONDS, exchange, retry_after, save
from adapters.providers.wechat_pay.answers import normal_code
from adapters.providers.wechat_pay.config import WeChatPayConfig
from adapters.providers.wechat_pay.keys import Keys
from adapters.providers.wechat_pay.signing import authorization, verify
from adapters.providers.wechat_pay.wire import Refusal, read_refusal
from domain.outcome import Unknown

log = logging.getLogger("basepay.wechat_pay")

USER_AGENT = "basepay"

#: How long to leave alone who said "too often" and not for how long.
USUAL_PAUSE = timedelta(seconds=5)

#: Of a bill, in seconds: large ones take their time, and one that stalls is given up.
DOWNLOAD = {"timeout": {"connect": 4.0, "pool": 4.0, "read": 20.0}, DOWNLOAD_SECONDS: 1800.0}
UNSIGNED = "downloads are not signed"

#: Reading an address costs a tenth of a signature, and every prepay goes to the same one.
_address = lru_cache(maxsize=256)(httpx.URL)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Only a genuine one may end anything."""

    status: int
    body: bytes
    doubt: str  # why it can't be shown to be genuine; empty if it can
    headers: httpx.Headers = field(repr=False)
    at: float  # wall time of its arrival

    @property
    def genuine(self) -> bool:
        """The raw bytes carry a signature of WeChat Pay."""
        return not self.doubt

    @property
    def signed(self) -> bool:
        """It carries a signature at all, good or bad."""
        return "wechatpay-signature" in self.headers

    @property
    def pause(self) -> timedelta | None:
        """How long WeChat Pay asks to be left alone; who says so need not be proven."""
        if self.status < 400:
            return None
        refusal = self.refusal
        limited = refusal is not None and normal_code(refusal.code) == "FREQUENCYLIMITED"
        usual = USUAL_PAUSE if limited or self.status == HTTPStatus.TOO_MANY_REQUESTS else None
        return retry_after(self.headers, at=self.at) or usual

    @property
    def refusal(self) -> Refusal | None:
        """The error body, if this is a well-formed one."""
        if self.status < 400 and self.status != 202:
            return None
        try:
            return read_refusal(self.body)
        except NotUnderstood:
            return None

    @property
    def trace(self) -> str:
        """Return request id, status and code: what WeChat Pay's support asks for."""
        refusal = self.refusal
        code = normal_code(refusal.code)[:32] if refusal else ""
        request_id = self.headers.get("request-id", "")
        return " ".join(filter(None, [request_id[:128], str(self.status), code]))

    def unknown(self, reason: str) -> Unknown:
        """Nothing was learned from this answer."""
        broken = self.status >= 500
        said = f"HTTP {self.status}: {reason}" if broken else reason
        return Unknown(said, self.pause, unanswered=broken, trace=self.trace)


class Client:
    """Signs what goes out and verifies what comes in, for one merchant."""

    def __init__(
        self,
        config: WeChatPayConfig,
        keys: Keys,
        transport: httpx.AsyncBaseTransport,
        *,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._keys = keys
        self._transport = transport
        self._wall = wall

    async def call(self, method: str, target: str, body: bytes = b"") -> Answer | Unknown:
        """Send these bytes to this path and query, or Unknown if no whole answer came."""
        answer = await self.ask(method, target, body)
        if isinstance(answer, Answer) and answer.signed and answer.doubt:
            path = target.partition("?")[0]
            log.warning("the answer to %s %s is not believed: %s", method, path, answer.doubt)
        return answer

    async def ask(self, method: str, target: str, body: bytes = b"") -> Answer | Unknown:
        """Likewise, for an answer that may bring along the key it is signed with."""
        request = httpx.Request(
            method,
            _address(self._config.base_url + target),
            headers=await self._headers(method, target, body),
            content=body,
        )
        try:
            response, content = await exchange(self._transport, request)
        except httpx.HTTPError as error:
            return Unknown(f"no answer: {type(error).__name__} {error}", unanswered=True)
        return Answer(
            status=response.status_code,
            body=content,
            doubt=self._doubt(response.headers, content),
            headers=response.headers,
            at=self._wall(),
        )

    async def save(self, url: str, file: str, *, most_bytes: int) -> Answer | Unknown:
        """Write what stands at this address to a file; a bill, which nobody signs.

        The answer has no body if it is one, or else the words of a refusal.
        """
        request = httpx.Request("GET", url, extensions=DOWNLOAD)
        target = request.url.raw_path.decode("ascii")
        request.headers.update(await self._headers("GET", target, b""))
        try:
            response, words = await save(self._transport, request, file, most_bytes=most_bytes)
        except httpx.HTTPError as error:
            return Unknown(f"no whole file: {type(error).__name__} {error}")
        return Answer(response.status_code, words, UNSIGNED, response.headers, self._wall())

    async def _headers(self, method: str, target: str, body: bytes) -> dict[str, str]:
        preferred = self._keys.preferred
        named = {"Wechatpay-Serial": preferred} if preferred else {}
        return named | {
            "Authorization": await authorization(
                self._keys.signer,
                mchid=self._config.mchid,
                serial_no=self._config.serial_no,
                method=method,
                target=target,
                body=body,
                at=self._wall(),
            ),
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # the signature is over the plain body
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
        }

    def _doubt(self, headers: httpx.Headers, body: bytes) -> str:
        try:
            verify(self._keys, headers, body, at=self._wall())
        except NotGenuine as reason:
            return str(reason)
        return ""
