"""Daily bills of the provider in memory, and how they can be late or tell what never happened."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec

from adapters.providers.in_memory.book import Returned, Trade
from application.ports import Clock
from application.reconciliation_records import BillFile, BillNotReady, Downloaded, NoBill
from domain.bill import (
    BillKind,
    BillRejected,
    BillRow,
    BillTotals,
    FundKind,
    FundRow,
    MovementKind,
    UnreadableRow,
)
from domain.bill_day import BillDay, bill_day
from domain.method import Provider

#: What the provider keeps of a charge.
FEE_PER_MILLE = 6

#: A day's bill is made so long after its midnight.
MADE_AFTER = timedelta(hours=9)

Change = Callable[[Sequence[BillRow]], Sequence[BillRow]]

_rows = msgspec.json.Decoder(list[BillRow])
_funds = msgspec.json.Decoder(list[FundRow])


class InMemoryBills:
    """A BillSource over the provider's book. What a bill told once, it tells ever after."""

    def __init__(
        self, book: Callable[[], Mapping[str, Trade]], provider: Provider, clock: Clock
    ) -> None:
        self._book, self._provider, self._clock = book, provider, clock
        self._made: dict[date, Sequence[BillRow]] = {}
        self._changes: list[Change] = []
        self.late = False  # still being made, whatever the hour
        self.damaged = False  # its hash is not that of what comes
        self.downloads = 0

    def will_tell(self, change: Change) -> None:
        """The next bill that is made is changed like this."""
        self._changes.append(change)

    async def download(self, kind: BillKind, day: date, target: str) -> Downloaded:
        self.downloads += 1
        if self.late or self._clock.now() < BillDay.of(day).end + MADE_AFTER:
            return BillNotReady("the bill is still being made")
        if self.damaged:
            return BillNotReady("what came does not bear out its hash")
        rows = self._told(day)
        if not rows:
            return NoBill()
        told: Sequence[object] = rows if kind is BillKind.TRADE else list(_balance(rows))
        content = msgspec.json.encode(told)
        Path(target).write_bytes(content)  # noqa: ASYNC240 -- this provider is in memory
        return BillFile(f"{day}-{kind}.json", len(content))

    def read(self, file: str, *, day: date) -> Iterator[BillRow | UnreadableRow | BillTotals]:
        try:
            rows = _rows.decode(Path(file).read_bytes())
        except (msgspec.DecodeError, UnicodeError) as error:
            raise BillRejected(f"not a bill: {error}") from None
        if strange := [row for row in rows if not _near(row.at, day)]:
            raise BillRejected(f"line {strange[0].line} is of another day than {day}")
        yield from rows
        yield _totals(rows)

    def read_funds(self, file: str, *, day: date) -> Iterator[FundRow | UnreadableRow]:  # noqa: ARG002 -- the file says it
        yield from _funds.decode(Path(file).read_bytes())

    def _told(self, day: date) -> Sequence[BillRow]:
        if day not in self._made:
            rows: Sequence[BillRow] = sorted(
                (row for row in self._moved() if bill_day(row.at) == day),
                key=lambda row: (row.at, row.key),
            )
            changes, self._changes = self._changes, []
            for change in changes:
                rows = change(rows)
            self._made[day] = [replace(row, line=line) for line, row in enumerate(rows, 1)]
        return self._made[day]

    def _moved(self) -> Iterator[BillRow]:
        for trade in self._book().values():
            if trade.paid_at is None:
                continue
            yield _row(trade, MovementKind.CHARGE, trade.amount.fen, trade.paid_at)
            if trade.state == "reversed" and trade.reversed_at is not None:
                yield _row(trade, MovementKind.REVERSAL, trade.amount.fen, trade.reversed_at)
            for returned in trade.refunds.values():
                if (at := self._counts_at(returned)) is not None:
                    fen = returned.amount.fen
                    yield _row(trade, MovementKind.REFUND, fen, at, returned.number)

    def _counts_at(self, returned: Returned) -> datetime | None:
        """WeChat Pay's day of a refund is that of its acceptance, Alipay's that of its end."""
        return returned.accepted_at if self._provider is Provider.WECHAT else returned.done_at


def _row(trade: Trade, kind: MovementKind, fen: int, at: datetime, refund_no: str = "") -> BillRow:
    fee = fee_of(fen)
    return BillRow(
        line=0,
        order_no=trade.number,
        kind=kind,
        refund_no=refund_no,
        fen=fen,
        at=at,
        fee_fen=fee if kind is MovementKind.CHARGE else -fee,
        funds_no=f"funds-{refund_no or trade.number}-{kind}",
        raw=f"{kind.name} {trade.number} {refund_no} {fen}",
    )


def fee_of(fen: int) -> int:
    """Half a fen upwards."""
    return (fen * FEE_PER_MILLE + 500) // 1000


def _balance(rows: Iterable[BillRow]) -> Iterator[FundRow]:
    for row in rows:
        charge = row.kind is MovementKind.CHARGE
        main, fee = (
            (FundKind.TRADE, FundKind.FEE) if charge else (FundKind.REFUND, FundKind.FEE_RETURN)
        )
        yield FundRow(row.line, row.funds_no, main, row.signed_fen, row.at)
        yield FundRow(row.line, row.funds_no, fee, -row.fee_fen, row.at)


def _totals(rows: Sequence[BillRow]) -> BillTotals:
    charged = sum(row.fen for row in rows if row.kind is MovementKind.CHARGE)
    return BillTotals(
        rows=len(rows),
        charged_fen=charged,
        refunded_fen=sum(row.fen for row in rows) - charged,
        fee_fen=sum(row.fee_fen for row in rows),
    )


def _near(at: datetime, day: date) -> bool:
    start, end = BillDay.of(day).window
    return start <= at < end
