"""The merchant's daily bills: whether they are there, links to them, and the files. §7."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from urllib.parse import urlencode

from adapters.providers.alipay.sandbox.fund_statement import (
    fund_lines,
    fund_summary_lines,
    moves_of,
)
from adapters.providers.alipay.sandbox.parties import Parties
from adapters.providers.alipay.sandbox.settings import AlipayRules
from adapters.providers.alipay.sandbox.statement_day import balance_before, entries_of, invented
from adapters.providers.alipay.sandbox.statement_text import account_of, zipped
from adapters.providers.alipay.sandbox.trade_statement import trade_lines, trade_summary_lines
from adapters.providers.alipay.sandbox.trades import NAME
from adapters.providers.sandbox.bills import Bills
from adapters.providers.sandbox.china_days import is_finished
from adapters.providers.sandbox.provider import World

#: Where links lead; Alipay's own are on a host beside the gateway.
DOWNLOAD = "/alipay/downloadBillFile.resource"


@dataclass(frozen=True, slots=True)
class Link:
    """What a link is good for, and until when by wall time."""

    bill_type: str
    day: date
    ends_at: float


class Statements:
    """Bills of finished days; the same bill is the same file, however often it is asked for."""

    def __init__(
        self,
        world: World,
        parties: Parties,
        rules: AlipayRules,
        *,
        wall: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book = world.book
        self._parties = parties
        self._rules = rules
        self._wall = wall
        self._links: dict[str, Link] = {}
        self._bills = Bills(
            world, NAME, partial(entries_of, world.book, rules=rules), partial(invented, parties)
        )

    def are_made(self, day: date, now: datetime) -> bool:
        """Whether the day's bills are there."""
        return is_finished(day, now=now, hour=self._rules.bill_hour)

    def is_empty(self, bill_type: str, day: date) -> bool:
        """Whether nothing moved; makes the bill."""
        told = self._bills.told(day)
        if bill_type == "trade":
            return not told
        return not moves_of(told, self._rules, day)

    def link(self, base_url: str, bill_type: str, day: date) -> str:
        """Open a link for some seconds."""
        now, file_id = self._wall(), secrets.token_hex(16)
        self._links = {key: link for key, link in self._links.items() if link.ends_at > now}
        self._links[file_id] = Link(bill_type, day, now + self._rules.bill_link_seconds)
        account = account_of(self._parties)
        query = {
            "bizType": bill_type,
            "userId": account,
            "fileType": "csv.zip",
            "bizDates": f"{day:%Y%m%d}",
            "downloadFileName": f"{account}_{day:%Y%m%d}.csv.zip",
            "fileId": f"/{bill_type}/{account}/{file_id}",
        }
        return f"{base_url}{DOWNLOAD}?{urlencode(query)}"

    def file(self, file_id: str) -> bytes | None:
        """The zip behind a link; None if it is over, or never was one."""
        link = self._links.get(file_id.rpartition("/")[2])
        if link is None or link.ends_at <= self._wall():
            return None
        texts = self._trade(link.day) if link.bill_type == "trade" else self._funds(link.day)
        start = f"{account_of(self._parties)}_{link.day:%Y%m%d}"
        named = {f"{start}_{name}.csv": lines for name, lines in texts.items()}
        return zipped(named, self._rules.bill_codec, link.day)

    def _trade(self, day: date) -> Mapping[str, Sequence[str]]:
        given = self._bills.told(day), self._parties, self._rules, day
        return {"业务明细": trade_lines(*given), "业务明细(汇总)": trade_summary_lines(*given)}

    def _funds(self, day: date) -> Mapping[str, Sequence[str]]:
        moves = moves_of(self._bills.told(day), self._rules, day)
        balance = balance_before(self._book, day, self._rules)
        given = self._parties, self._rules, day
        return {
            "账务明细": fund_lines(moves, balance, *given),
            "账务明细(汇总)": fund_summary_lines(moves, *given),
        }
