"""Alipay's certificate is replaced now and then: fetch the new one when it is first needed.

Source: MAPPING.md §2.
"""

import asyncio
import base64
import binascii
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

import httpx
import msgspec

from adapters.providers.alipay.keys import Keys
from adapters.providers.alipay.signing import signed_node
from adapters.providers.alipay.wire import read_download, read_head
from adapters.providers.checked import NotUnderstood

log = logging.getLogger("basepay.alipay")

DOWNLOAD: Final = "alipay.open.app.alipaycert.download"

#: Seconds between two attempts: numbers that are made up must not make us ask all the time.
PAUSE_SECONDS = 30.0

#: A payer waits for the answer that needs this certificate.
FETCH_SECONDS = 3.0

Exchange = Callable[[str, bytes], Awaitable[tuple[httpx.Response, bytes]]]


class Renewal:
    """Fetches certificates by number; only one at a time, and not often."""

    def __init__(self, keys: Keys, exchange: Exchange, wall: Callable[[], float]) -> None:
        self._keys, self._exchange, self._wall = keys, exchange, wall
        self._turn = asyncio.Lock()
        self._not_before = float("-inf")

    async def fetch(self, certificate_sn: str) -> bool:
        """Whether the certificate of this number is believed now."""
        if not (self._keys.has_certificates and certificate_sn):
            return False
        try:
            async with asyncio.timeout(FETCH_SECONDS), self._turn:
                return await self._fetch(certificate_sn)
        except (httpx.HTTPError, TimeoutError, NotUnderstood, ValueError) as error:
            log.warning("certificate %s not taken over: %s", certificate_sn[:32], error)
            return False

    async def _fetch(self, certificate_sn: str) -> bool:
        if certificate_sn in self._keys.known:  # somebody else's answer has brought it
            return True
        now = self._wall()
        if now < self._not_before:
            return False
        self._not_before = now + PAUSE_SECONDS
        content = msgspec.json.encode({"alipay_cert_sn": certificate_sn})
        _, body = await self._exchange(DOWNLOAD, content)
        at = datetime.fromtimestamp(now, UTC)
        self._keys.believe_if_vouched(_certificate_in(body), certificate_sn, at=at)
        log.info("certificate %s of Alipay is believed now", certificate_sn)
        return True


def _certificate_in(body: bytes) -> str:
    """Read a PEM text that its issuers vouch for, not the signature of this answer."""
    node = signed_node(body, DOWNLOAD).node
    head = read_head(node)
    if head.code != "10000":
        raise NotUnderstood(f"answered {head.code} {head.sub_code[:64]}")
    try:
        text = base64.b64decode(read_download(node).alipay_cert_content, validate=True)
        return text.decode()
    except (binascii.Error, UnicodeError):
        raise NotUnderstood("the certificate is not readable") from None
