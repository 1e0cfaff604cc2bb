"""What can be found out about an account's settings before money depends on them.

Facts only: whoever asks says what they mean and how to mend them. Source: MAPPING.md §10.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx

from adapters.providers.alipay.answers import Next, order_answer
from adapters.providers.alipay.certificates import (
    public_key_of,
    read_certificates,
    vouched_for,
)
from adapters.providers.alipay.client import Client
from adapters.providers.alipay.config import CERTIFICATES, AlipayConfig
from adapters.providers.alipay.keys import Keys
from adapters.providers.alipay.upkeep import NOBODYS_ORDER
from adapters.providers.signer import read_private_key
from domain.outcome import Unknown


@dataclass(frozen=True, slots=True)
class Question:
    """How one harmless question to the gateway went."""

    reached: bool  # something answered
    accepted: bool  # and it was Alipay's signed "no such order": app id, keys and time all fit
    code: str = ""  # what it said otherwise: its sub_code or code
    words: str = ""
    skew: timedelta | None = None  # our clock minus its own, as its Date header tells


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """One certificate file of the settings."""

    setting: str
    ends_at: datetime
    fits: bool  # the app's: to its private key; Alipay's: a root vouches for it


async def ask_gateway(
    config: AlipayConfig,
    transport: httpx.AsyncBaseTransport,
    *,
    wall: Callable[[], float] = time.time,
) -> Question:
    """Ask for an order that nobody has. Raises ValueError for keys that can't be read."""
    watched = _Watch(transport, wall)
    client = Client(config, Keys.load(config), watched, wall=wall)
    answer = await client.call("alipay.trade.query", NOBODYS_ORDER)
    if isinstance(answer, Unknown):
        return Question(watched.reached, accepted=False, words=answer.reason, skew=watched.skew)
    return Question(
        reached=True,
        accepted=answer.genuine and order_answer(answer.head) in (Next.ABSENT, Next.DONE),
        code=(answer.head.sub_code or answer.head.code)[:64],
        words=answer.head.sub_msg[:256] if answer.genuine else "not signed with the known keys",
        skew=watched.skew,
    )


def key_matches_certificate(config: AlipayConfig) -> bool | None:
    """Whether the private key is the app certificate's; None in key mode. Raises ValueError."""
    if not config.has_certificates:
        return None
    leaf, *_ = read_certificates(config.app_certificate)
    ours = read_private_key(config.private_key).public_key()
    return public_key_of(leaf).public_numbers() == ours.public_numbers()


def certificate_facts(config: AlipayConfig, *, at: datetime) -> list[CertificateFacts]:
    """Tell of each certificate when it ends and whether it fits; nothing in key mode."""
    if not config.has_certificates:
        return []
    app, alipay, roots = (read_certificates(getattr(config, name)) for name in CERTIFICATES)
    fits = (
        bool(key_matches_certificate(config)),
        vouched_for(alipay[0], alipay[1:], roots, at=at),
        all(root.not_valid_after_utc > at for root in roots),
    )
    ends = (
        app[0].not_valid_after_utc,
        alipay[0].not_valid_after_utc,
        min(root.not_valid_after_utc for root in roots),
    )
    return [CertificateFacts(*each) for each in zip(CERTIFICATES, ends, fits, strict=True)]


class _Watch(httpx.AsyncBaseTransport):
    """Notes what the first answer says of the time."""

    def __init__(self, transport: httpx.AsyncBaseTransport, wall: Callable[[], float]) -> None:
        self._transport, self._wall = transport, wall
        self.reached = False
        self.skew: timedelta | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._transport.handle_async_request(request)
        self.reached = True
        if self.skew is None:
            self.skew = self._skew(answer.headers.get("date", ""))
        return answer

    def _skew(self, told: str) -> timedelta | None:
        """Its Date has whole seconds, so a second of difference is none."""
        try:
            theirs = parsedate_to_datetime(told)
        except (ValueError, OverflowError):
            return None
        theirs = theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC)
        return datetime.fromtimestamp(self._wall(), UTC) - theirs
