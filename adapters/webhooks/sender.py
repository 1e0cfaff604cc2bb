"""Signs an event and sends it once, bounded in time and size."""

import asyncio
import ssl
from time import monotonic

import aiohttp
from standardwebhooks import Webhook

from adapters.webhooks.answers import excerpt, silence, why
from adapters.webhooks.resolver import CheckedResolver, LookUp, SystemLookUp, guarded_socket
from adapters.webhooks.rules import AddressRefused, Rules
from application.ports import Clock
from application.webhook_ports import Post, UrlRefused
from domain.webhook import Answer

#: Standard Webhooks asks for 15 to 30 s. An answer that is slower was no quick "taken".
TOTAL_SECONDS, CONNECT_SECONDS = 15.0, 5.0

#: Of the body only an excerpt is kept; what comes after this, or later, is not waited for.
BODY_BYTES, BODY_SECONDS = 64 << 10, 2.0

LOOK_UP_SECONDS = 3.0
KEEPALIVE_SECONDS = 5.0


class HttpSender:
    """Each connection goes to an address that was checked a moment before; TLS is verified.

    No redirect is followed, no cookie kept, no proxy used, no body decompressed.
    """

    def __init__(
        self,
        rules: Rules,
        wall_clock: Clock,
        *,
        look_up: LookUp | None = None,
        tls: ssl.SSLContext | None = None,
        total_seconds: float = TOTAL_SECONDS,
        connect_seconds: float = CONNECT_SECONDS,
    ) -> None:
        self._rules, self._wall_clock, self._tls = rules, wall_clock, tls
        self._total_seconds, self._connect_seconds = total_seconds, connect_seconds
        self._system = SystemLookUp()
        self._resolver = CheckedResolver(rules, look_up or self._system)
        self._session: aiohttp.ClientSession | None = None

    async def check(self, url: str) -> str:
        """Refuse what can be known to be wrong; a name that is not there yet may still come."""
        target = self._rules.read(url)
        assert target.raw_host is not None  # noqa: S101 -- `read` wants one
        try:
            async with asyncio.timeout(LOOK_UP_SECONDS):
                await self._resolver.resolve(target.raw_host, target.port or 0)
        except AddressRefused:
            raise UrlRefused("a URL that leads to a public address") from None
        except (OSError, TimeoutError, UnicodeError):
            pass
        return url

    async def send(self, post: Post) -> Answer:
        """Sign and send once; nothing is raised for what happens."""
        started = monotonic()

        def answered(status: int | None, text: str, **more: object) -> Answer:
            return Answer(status, text, round((monotonic() - started) * 1_000), **more)  # type: ignore[arg-type]  # silence only

        try:
            target = self._rules.read(post.url)  # the rules may have changed
            async with self._pool().post(
                target,
                data=post.body,
                headers=self._headers(post),
                allow_redirects=False,
            ) as answer:
                body = await _beginning(answer)
        except UrlRefused as error:
            return answered(None, f"not sent: expected {error}")
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            limits = {
                "connect_seconds": self._connect_seconds,
                "total_seconds": self._total_seconds,
            }
            return answered(None, why(error, **limits))
        now = self._wall_clock.now().timestamp()
        pause = silence(answer.status, answer.headers, at=now)
        return answered(answer.status, excerpt(answer.status, body), silence=pause)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
        self._system.close()

    def _headers(self, post: Post) -> dict[str, str]:
        at = self._wall_clock.now()
        text = post.body.decode()
        signatures = [Webhook(secret).sign(post.id, at, text) for secret in post.secrets]
        return {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "User-Agent": "basepay",
            "webhook-id": post.id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": " ".join(signatures),
        }

    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:  # aiohttp wants a running loop to be born in
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,  # how many are sent at a time is decided by who calls
                    ssl=self._tls or True,
                    resolver=self._resolver,
                    use_dns_cache=False,
                    socket_factory=guarded_socket(self._rules),
                    keepalive_timeout=KEEPALIVE_SECONDS,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                skip_auto_headers=("Accept-Encoding",),
                timeout=aiohttp.ClientTimeout(
                    total=self._total_seconds, sock_connect=self._connect_seconds
                ),
            )
        return self._session


async def _beginning(answer: aiohttp.ClientResponse) -> bytes:
    """The body as far as it is wanted; the status has decided already, whatever happens here."""
    parts = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in answer.content.iter_any():
                parts += part
                if len(parts) >= BODY_BYTES:
                    answer.close()
                    break
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError):
        answer.close()
    return bytes(parts[:BODY_BYTES])
