"""Bills: applied for, and handed out for some minutes (§7.1, §7.2, §7.3)."""

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from adapters.providers.sandbox.bills import Bills, cut_short
from adapters.providers.sandbox.china_days import day_of, is_finished, start_of
from adapters.providers.sandbox.faults import Struck
from adapters.providers.sandbox.provider import Call, World
from adapters.providers.wechat_pay.sandbox.bill_day import entries_of, invented
from adapters.providers.wechat_pay.sandbox.bill_text import packed
from adapters.providers.wechat_pay.sandbox.fund_bill import fund_bill
from adapters.providers.wechat_pay.sandbox.h5_page import base_url
from adapters.providers.wechat_pay.sandbox.refused import Refused, bad_field
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.trade_bill import ALL, COLUMNS, trade_bill
from adapters.providers.wechat_pay.sandbox.trade_states import PROVIDER

#: So far back there are bills (§7.3).
KEPT = timedelta(days=92)

#: Bills of things that never happen here.
OTHER_TYPES = ("RECHARGE_REFUND", "ALL_SPECIAL", "SUC_SPECIAL", "REF_SPECIAL")
BASIC, OTHER_ACCOUNTS = "BASIC", ("OPERATION", "FEES")


@dataclass(frozen=True, slots=True)
class Handed:
    """What a token leads to, and until when by this process's clock."""

    content: bytes
    until: float


class BillDesk:
    """Hands out the bills of finished days."""

    def __init__(
        self,
        world: World,
        settings: WeChatPaySandboxSettings,
        *,
        wall: Callable[[], float] = time.monotonic,
    ) -> None:
        self._world = world
        self._settings = settings
        self._wall = wall
        self._handed: dict[str, Handed] = {}
        self._bills = Bills(
            world,
            PROVIDER,
            partial(entries_of, world.book, settings),
            partial(invented, settings),
        )

    def apply_for_trade(self, call: Call, _: str, struck: Struck) -> Mapping[str, Any]:
        """Apply for a trade bill of one type."""
        bill_type = _one_of(call, "bill_type", (*COLUMNS, *OTHER_TYPES), ALL)
        day = self._finished_day(call, struck)
        made_at = start_of(day + timedelta(days=1)) + timedelta(hours=self._settings.bill_hour)
        content = None
        if bill_type in COLUMNS:
            content = trade_bill(self._bills.told(day), bill_type, self._settings, made_at)
        return self._hand(call, content, struck)

    def apply_for_funds(self, call: Call, _: str, struck: Struck) -> Mapping[str, Any]:
        """Apply for the fund-flow bill of one account."""
        account = _one_of(call, "account_type", (BASIC, *OTHER_ACCOUNTS), BASIC)
        day = self._finished_day(call, struck)
        content = None
        if account == BASIC:
            told = self._bills.told(day)
            content = fund_bill(told, self._world.book, self._settings, day)
        return self._hand(call, content, struck)

    def hand_out(self, call: Call, struck: Struck) -> bytes:
        """The file behind a token, or `Refused`."""
        token = parse_qs(call.query).get("token", [""])[0]
        handed = self._handed.get(token)
        if handed is None or handed.until <= self._wall():
            raise Refused("INVALID_REQUEST", "token已失效，请重新申请账单")
        return cut_short(handed.content) if "bill_truncated" in struck else handed.content

    def _finished_day(self, call: Call, struck: Struck) -> date:
        day, now = _day(call), self._world.clock.now()
        today = day_of(now)
        if not today - KEPT <= day < today:
            raise Refused("INVALID_REQUEST", "账单日期不在可查询的范围内")
        if "bill_late" in struck:
            raise Refused("STATEMENT_CREATING")
        if not is_finished(day, now=now, hour=self._settings.bill_hour):
            raise Refused(self._settings.unmade_bill_code)
        return day

    def _hand(self, call: Call, content: bytes | None, struck: Struck) -> Mapping[str, Any]:
        tar_type = _one_of(call, "tar_type", ("GZIP", ""), "")
        if content is None:
            raise Refused("NO_STATEMENT_EXIST")
        now, token = self._wall(), secrets.token_urlsafe(48)
        self._handed = {key: each for key, each in self._handed.items() if each.until > now}
        file = packed(content) if tar_type else content
        self._handed[token] = Handed(file, now + self._settings.bill_link_seconds)
        hashed = content + b"?" if "bill_wrong_hash" in struck else content
        more = "&tartype=gzip" if tar_type else ""
        return {
            "hash_type": "SHA1",
            "hash_value": hashlib.sha1(hashed, usedforsecurity=False).hexdigest(),
            "download_url": f"{base_url(call)}/v3/billdownload/file?token={token}{more}",
        }


def _day(call: Call) -> date:
    text = parse_qs(call.query).get("bill_date", [""])[0]
    wrong = bad_field("bill_date", text, "格式应为yyyy-MM-dd", location="query")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise wrong from None
    if day.isoformat() != text:  # other ISO 8601 forms
        raise wrong
    return day


def _one_of(call: Call, name: str, known: tuple[str, ...], usual: str) -> str:
    value = parse_qs(call.query).get(name, [usual])[0]
    if value not in known:
        raise bad_field(name, value, "不在取值范围内", location="query")
    return value
