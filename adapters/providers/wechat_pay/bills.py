"""The daily bills of one WeChat Pay merchant account: applied for, fetched, proven, read."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import assert_never

import httpx

from adapters.providers.checked import NotUnderstood
from adapters.providers.wechat_pay.answers import normal_code
from adapters.providers.wechat_pay.bill_file import is_packed, sha1_of
from adapters.providers.wechat_pay.client import Answer, Client
from adapters.providers.wechat_pay.config import WeChatPayConfig
from adapters.providers.wechat_pay.fund_bill import read_fund_bill
from adapters.providers.wechat_pay.trade_bill import Scope, read_trade_bill
from adapters.providers.wechat_pay.wire import Statement, read_statement
from application.ports import Clock
from application.reconciliation_records import (
    BillFile,
    BillNotReady,
    BillRefused,
    Downloaded,
    NoBill,
)
from domain.bill import CHINA, BillKind, BillRejected, BillRow, BillTotals, FundRow, UnreadableRow
from domain.outcome import Unknown

log = logging.getLogger("basepay.wechat_pay")

TRADE_BILL = "/v3/bill/tradebill?bill_date={day}&bill_type=ALL&tar_type=GZIP"
FUND_BILL = "/v3/bill/fundflowbill?bill_date={day}&account_type=BASIC&tar_type=GZIP"

#: By this time in China WeChat Pay has made the bill of the day before.
READY_AT = time(10)

#: While a bill is being made, and after trouble on the line.
MAKING, TROUBLE = timedelta(minutes=30), timedelta(minutes=5)

#: As it is downloaded, packed: some 40 million rows.
MOST_BYTES = 4 << 30

#: No bill will ever come that way. Source: MAPPING.md §11.
REFUSALS = frozenset({"NOAUTH", "INVALIDREQUEST", "PARAMERROR", "MCHNOTEXISTS", "ACCOUNTERROR"})


@dataclass(frozen=True, slots=True)
class Broken:
    """What was downloaded is not what was promised."""

    reason: str


class WeChatBills:
    """A BillSource."""

    def __init__(self, config: WeChatPayConfig, client: Client, clock: Clock) -> None:
        self._config = config
        self._client = client
        self._clock = clock

    async def download(self, kind: BillKind, day: date, target: str) -> Downloaded:
        """Fetch and prove it; an address holds for minutes only, so a second try asks anew."""
        now = self._clock.now()
        if now < _midnight_after(day):
            return BillNotReady("the day is not over yet", _ready_at(day) - now)
        found = await self._try(kind, day, target)
        if isinstance(found, Broken):
            log.warning(
                "the bill of %s of %s came broken: %s", day, self._config.name, found.reason
            )
            found = await self._try(kind, day, target)
        return BillNotReady(found.reason, MAKING) if isinstance(found, Broken) else found

    def read(self, file: str, *, day: date) -> Iterator[BillRow | UnreadableRow | BillTotals]:
        """Read a trade bill; one of payments or refunds only would leave the others missing."""
        return read_trade_bill(
            file, mchid=self._config.mchid, day=day, scopes=frozenset({Scope.ALL})
        )

    def read_funds(self, file: str, *, day: date) -> Iterator[FundRow | UnreadableRow]:
        """Read a fund-flow bill."""
        return read_fund_bill(file, day=day)

    async def _try(self, kind: BillKind, day: date, target: str) -> Downloaded | Broken:
        applied = await self._apply(kind, day)
        if not isinstance(applied, Statement):
            return applied
        answer = await self._client.save(applied.download_url, target, most_bytes=MOST_BYTES)
        if isinstance(answer, Unknown):
            return _later(answer.reason, answer.retry_after)
        if answer.status != 200:
            return _not_handed_out(answer)
        if broken := await asyncio.to_thread(_difference, target, applied):
            return Broken(broken)
        name = f"{self._config.name}-{kind.value}-{day.isoformat()}.csv"
        return await asyncio.to_thread(_described, name, target)

    async def _apply(self, kind: BillKind, day: date) -> Statement | Downloaded:
        match kind:
            case BillKind.TRADE:
                asked = TRADE_BILL.format(day=day.isoformat())
            case BillKind.FUNDS:
                asked = FUND_BILL.format(day=day.isoformat())
            case _:
                assert_never(kind)
        answer = await self._client.call("GET", asked)
        if isinstance(answer, Unknown):
            return _later(answer.reason, answer.retry_after)
        if answer.status != 200:
            return self._refused(answer, day)
        if not answer.genuine:
            return _later(answer.doubt, None)
        return self._read_statement(answer)

    def _read_statement(self, answer: Answer) -> Statement | BillNotReady:
        try:
            statement = read_statement(answer.body)
        except NotUnderstood:
            return _later(f"the answer is not understood ({answer.trace})", None)
        if statement.hash_type.upper() != "SHA1":
            return _later(f"its hash is {statement.hash_type[:16]!r} and not SHA1", None)
        if not self._may_fetch(statement.download_url):
            return _later("its address is neither https nor WeChat Pay's own", None)
        return statement

    def _may_fetch(self, url: str) -> bool:
        try:
            there, ours = httpx.URL(url), httpx.URL(self._config.base_url)
        except httpx.InvalidURL:
            return False
        return there.host != "" and (
            there.scheme == "https" or (there.scheme, there.netloc) == (ours.scheme, ours.netloc)
        )

    def _refused(self, answer: Answer, day: date) -> Downloaded:
        """Only what is proven ends anything: an empty day makes all that we hold look missing."""
        refusal = answer.refusal
        if refusal is None or not answer.genuine or answer.pause:
            return _later(f"answered {answer.trace}", answer.pause)
        code, said = normal_code(refusal.code), f"{refusal.code[:64]} {refusal.message[:256]}"
        if code == "NOSTATEMENTEXIST":
            left = _ready_at(day) - self._clock.now()
            return NoBill() if left <= timedelta(0) else BillNotReady(said, min(left, MAKING))
        if code == "STATEMENTCREATING":
            return BillNotReady(said, MAKING)
        return BillRefused(said) if code in REFUSALS else _later(said, None)


def _not_handed_out(answer: Answer) -> BillNotReady | Broken:
    """A refused download; an address that went stale is worth another one."""
    if answer.pause or answer.status >= 500:
        return _later(f"the download answered {answer.trace}", answer.pause)
    return Broken(f"the download answered {answer.trace}")


def _difference(file: str, statement: Statement) -> str:
    try:
        found = sha1_of(file)
    except BillRejected as damaged:
        return str(damaged)
    if found == statement.hash_value.lower():
        return ""
    return f"its hash is {found} and not {statement.hash_value[:64]}"


def _later(reason: str, pause: timedelta | None) -> BillNotReady:
    return BillNotReady(reason, pause or TROUBLE)


def _described(name: str, file: str) -> BillFile:
    return BillFile(name + ".gz" * is_packed(file), Path(file).stat().st_size)


def _midnight_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(0), CHINA)


def _ready_at(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), READY_AT, CHINA)
