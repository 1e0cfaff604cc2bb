"""When an order and its code end. Source: REFERENCE.md §3.3."""

import re
from datetime import datetime, timedelta

from adapters.providers.alipay.sandbox import china_time
from adapters.providers.alipay.sandbox.order_content import OrderContent, Precreate
from adapters.providers.alipay.sandbox.refused import business

RELATIVE = re.compile(r"([0-9]{1,5})([mhd])")
UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=15)
#: Orders without any deadline of their own: face to face, and all others.
FACE_TO_FACE, OTHERWISE = timedelta(hours=3), timedelta(days=15)
#: However long the order lives, its code does not outlive this.
CODE_CAP = timedelta(hours=2)
#: A relative deadline of wap and app is raised to this.
SHORTEST_AFTER_LOGIN = timedelta(minutes=5)


def order_deadline(asked: OrderContent, now: datetime, *, default: timedelta) -> datetime:
    """`time_expire` wins over `timeout_express`; without either the default."""
    if asked.time_expire:
        return _absolute(asked.time_expire, now)
    if asked.timeout_express:
        return now + _relative(asked.timeout_express, now)
    return now + default


def link_deadline(asked: OrderContent, now: datetime, *, runs_from_login: bool) -> datetime | None:
    """When a link that is opened now ends; None where the time runs from the payer's login only.

    A payer may open it at the last second, so no least time is asked for.
    """
    if asked.time_expire:
        return _absolute(asked.time_expire, now, least=timedelta(0))
    if runs_from_login:
        login_deadline(asked.timeout_express or "", now)  # refuse now what could not be read then
        return None
    return order_deadline(asked, now, default=OTHERWISE)


def login_deadline(timeout_express: str, now: datetime) -> datetime:
    """When a trade ends whose payer logs in now."""
    if not timeout_express:
        return now + OTHERWISE
    return now + max(_relative(timeout_express, now), SHORTEST_AFTER_LOGIN)


def code_deadline(asked: Precreate, now: datetime, *, order_ends: datetime) -> datetime:
    """The code dies after two hours at the latest, and with its order."""
    lifetime = CODE_CAP
    if asked.qr_code_timeout_express:
        lifetime = min(lifetime, _relative(asked.qr_code_timeout_express, now))
    return min(now + lifetime, order_ends)


def _absolute(text: str, now: datetime, *, least: timedelta = SHORTEST) -> datetime:
    try:
        deadline = china_time.from_text(text)
    except ValueError:
        raise business("ACQ.INVALID_PARAMETER", "time_expire") from None
    if deadline <= now:
        raise business("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR")
    # The text has whole seconds, so a minute from now may be written up to a second short.
    if not least - timedelta(seconds=1) <= deadline - now <= LONGEST:
        raise business("ACQ.INVALID_PARAMETER", "time_expire")
    return deadline


def _relative(text: str, now: datetime) -> timedelta:
    if text == "1c":
        return _midnight_after(now) - now
    match = RELATIVE.fullmatch(text)
    if match is None:
        raise business("ACQ.INVALID_PARAMETER", "timeout_express")
    span = int(match[1]) * UNITS[match[2]]
    if not SHORTEST <= span <= LONGEST:
        raise business("ACQ.INVALID_PARAMETER", "timeout_express")
    return span


def _midnight_after(now: datetime) -> datetime:
    today = now.astimezone(china_time.CHINA).replace(hour=0, minute=0, second=0, microsecond=0)
    return today + timedelta(days=1)
