"""The plain records of reconciliation that pass through ports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from domain.bill import BillKind
from domain.method import Provider
from domain.reconciliation import Movement


class RunStatus(StrEnum):
    """Where a reconciliation run stands."""

    WAITING = "waiting"  # the provider is still making the bill
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"  # the bill was rejected, or its source refused; `failure` says why


@dataclass(slots=True, kw_only=True)
class Run:
    """One account and day held against its bill. A repeated run is the same row again."""

    id: str  # rec_…
    account: str
    day: date  # Asia/Shanghai
    status: RunStatus
    started_by: str  # an operator's name, or `basepay`
    created_at: datetime
    attempt: int = 1  # counts executions; what an older one found and the last did not is gone
    leased_until: datetime | None = None  # who executes it has it for himself until then
    next_try_at: datetime | None = None
    finished_at: datetime | None = None
    progress: int = 0  # bill rows and movements that the running execution has read so far
    failure: str = ""
    report: bytes = field(default=b"", repr=False)  # JSON: the summary with its certificate
    version: int = 0  # 0: never stored


@dataclass(frozen=True, slots=True)
class NoBill:
    """The provider has none: nothing happened that day."""


@dataclass(frozen=True, slots=True)
class BillNotReady:
    """Ask again later."""

    reason: str
    retry_after: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class BillRefused:
    """It will never come that way: no permission, a day out of range, wrong settings."""

    reason: str


@dataclass(frozen=True, slots=True)
class BillFile:
    """Downloaded whole, and true to the hash that the provider gave (if it gives one)."""

    name: str
    size: int  # bytes, as downloaded


Downloaded = BillFile | NoBill | BillNotReady | BillRefused


@dataclass(frozen=True, slots=True)
class StoredBill:
    """A bill as it was downloaded, kept as evidence."""

    account: str
    day: date
    kind: BillKind
    name: str
    source: str  # `provider`, or the name of the operator who handed in a file
    sha256: str  # of the stored bytes
    size: int
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Carry:
    """A movement whose bill row stands, or may stand, in a neighbouring day's bill."""

    movement: Movement
    from_day: date  # its day by our book
    settled_day: date | None  # the day in whose bill it was found


#: From these times in Shanghai a day's bill can be expected on the next one.
USUAL_HOURS: Mapping[Provider, time] = {Provider.WECHAT: time(10), Provider.ALIPAY: time(12)}


@dataclass(frozen=True, slots=True)
class Plan:
    """When days are reconciled without anybody asking, and how long their bills are kept."""

    scheduled: bool = True
    hours: Mapping[Provider, time] = field(default_factory=lambda: USUAL_HOURS)
    keep_bills: timedelta = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One reconciled day of a picture."""

    net_fen: int
    unresolved: int  # discrepancies that nobody settled yet
