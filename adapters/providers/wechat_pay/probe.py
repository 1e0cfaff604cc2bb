"""Questions of a doctor: do keys, clocks and app ids fit? Nothing here can be paid.

What WeChat Pay does is told in words; nothing is raised for it. Source: MAPPING.md §10.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

import httpx
import msgspec

from adapters.ids import new_nonce
from adapters.providers.checked import NotUnderstood
from adapters.providers.signer import read_private_key
from adapters.providers.wechat_pay.answers import normal_code
from adapters.providers.wechat_pay.certificates import Certificates
from adapters.providers.wechat_pay.client import Answer, Client
from adapters.providers.wechat_pay.config import WeChatPayConfig
from adapters.providers.wechat_pay.keys import Keys, normal_serial, read_certificate
from adapters.providers.wechat_pay.requests import BEIJING, close_body
from adapters.providers.wechat_pay.wire import read_echo
from application.ports import Clock
from domain.outcome import Unknown

AppIdKind = Literal["official_account", "mini_program", "app"]

#: The prepay that takes this kind of app id.
PREPAYS: dict[AppIdKind, str] = {
    "official_account": "native",
    "mini_program": "jsapi",
    "app": "app",
}

#: Nobody has this name; who is told so has an app id that was taken.
NOBODY = "basepay-doctor"
NOBODY_REFUSED = ("OPENIDMISMATCH", "PARAMERROR", "INVALIDREQUEST")


@dataclass(frozen=True, slots=True)
class Line:
    """What it takes to ask one merchant account's questions."""

    config: WeChatPayConfig
    keys: Keys
    client: Client
    certificates: Certificates
    clock: Clock


@dataclass(frozen=True, slots=True)
class KeyMatch:
    """How the merchant's private key, certificate and serial belong together."""

    key_fits: bool
    serial_fits: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Knock:
    """What one authenticated question without consequences showed."""

    answered: bool
    accepted: bool  # our key, serial, mchid and clock were taken
    genuine: bool  # the answer is signed by a key we believe
    clock_skew: timedelta | None  # of our clock, ahead of theirs; None: not told
    said: str


@dataclass(frozen=True, slots=True)
class Echo:
    """Whether a message came back, signed."""

    returned: bool
    said: str


@dataclass(frozen=True, slots=True)
class Binding:
    """Whether the merchant may use the app id; None: this can't be told."""

    app_id: str
    bound: bool | None
    said: str


def open_line(
    config: WeChatPayConfig,
    transport: httpx.AsyncBaseTransport,
    clock: Clock,
    *,
    wall: Callable[[], float] = time.time,
) -> Line:
    """Raises ValueError for keys that can't be read."""
    keys = Keys.load(config)
    client = Client(config, keys, transport, wall=wall)
    return Line(config, keys, client, Certificates(keys, client, clock, wall=wall), clock)


def compare_keys(private_key: str, certificate: str, serial_no: str) -> KeyMatch:
    """Hold the three against each other. Raises ValueError, which never quotes the key."""
    own, issued = read_private_key(private_key).public_key(), read_certificate(certificate)
    return KeyMatch(
        key_fits=own.public_numbers() == issued.key.public_numbers(),
        serial_fits=normal_serial(serial_no) == issued.serial,
        expires_at=issued.expires_at,
    )


async def knock(line: Line) -> Knock:
    """Ask for an order that can't exist; certificates are fetched first if there is no key."""
    if not line.keys.preferred:
        await line.certificates.fetch()
    target = f"/v3/pay/transactions/out-trade-no/{_number()}?mchid={line.config.mchid}"
    answer = await line.client.call("GET", target)
    if isinstance(answer, Unknown):
        return Knock(False, False, False, None, answer.reason)
    return Knock(
        answered=True,
        accepted=_code(answer) == "ORDERNOTEXIST",
        genuine=answer.genuine,
        clock_skew=_skew(answer),
        said=_said(answer),
    )


async def echo(line: Line, message: str) -> Echo:
    """Have a message come back: signatures both ways, without any order."""
    body = msgspec.json.encode({"echo_message": message})
    answer = await line.client.call("POST", "/v3/security/echo", body)
    if isinstance(answer, Unknown):
        return Echo(False, answer.reason)
    try:
        returned = answer.genuine and read_echo(answer.body).echo_message == message
    except NotUnderstood:
        returned = False
    return Echo(returned, _said(answer))


async def binding(line: Line, kind: AppIdKind) -> Binding:
    """Ask for a prepay of one fen whose code nobody gets; what comes of it is closed at once."""
    app_id, number = getattr(line.config.app_ids, kind), _number()
    if app_id is None:
        return Binding("", None, "not configured")
    body = _prepay(line, kind, app_id, number)
    answer = await line.client.call("POST", f"/v3/pay/transactions/{PREPAYS[kind]}", body)
    if isinstance(answer, Unknown):
        return Binding(app_id, None, answer.reason)
    if answer.status == 200:
        target = f"/v3/pay/transactions/out-trade-no/{number}/close"
        await line.client.call("POST", target, close_body(line.config))
    return Binding(app_id, _bound(answer, kind), _said(answer))


def _prepay(line: Line, kind: AppIdKind, app_id: str, number: str) -> bytes:
    until = (line.clock.now() + timedelta(minutes=5)).astimezone(BEIJING)
    payer = {"payer": {"openid": NOBODY}} if kind == "mini_program" else {}
    return msgspec.json.encode(
        payer
        | {
            "appid": app_id,
            "mchid": line.config.mchid,
            "description": "basepay doctor",
            "out_trade_no": number,
            "time_expire": until.isoformat(timespec="seconds"),
            "notify_url": line.config.notify_url,
            "amount": {"total": 1, "currency": "CNY"},
        }
    )


def _bound(answer: Answer, kind: AppIdKind) -> bool | None:
    code = _code(answer)
    if code == "APPIDMCHIDNOTMATCH":
        return False
    taken = answer.status == 200 or (kind == "mini_program" and code in NOBODY_REFUSED)
    return True if taken and answer.genuine else None


def _number() -> str:
    """A number that no order has."""
    return f"probe-{new_nonce()[:26]}"


def _code(answer: Answer) -> str:
    return normal_code(answer.refusal.code) if answer.refusal else ""


def _said(answer: Answer) -> str:
    """Trace, words and doubts, for a person."""
    words = answer.refusal.message[:256] if answer.refusal else ""
    return "; ".join(filter(None, [answer.trace, words, answer.doubt]))


def _skew(answer: Answer) -> timedelta | None:
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", "")).replace(tzinfo=UTC)
    except ValueError:
        return None
    return datetime.fromtimestamp(answer.at, UTC) - theirs
