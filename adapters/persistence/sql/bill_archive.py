"""Bills as evidence: each in parts, which appear and are replaced all at once."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Dialect,
    Executable,
    Table,
    bindparam,
    delete,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from adapters.clock import SystemClock
from adapters.ids import made_at, new_ulid
from adapters.persistence.sql.driver import Reader, Writer
from adapters.persistence.sql.reconciliation_rows import bill_key, bill_of, bill_row
from adapters.persistence.sql.reconciliation_tables import bill_parts, bills
from adapters.persistence.sql.statements import KEY, prepare
from adapters.persistence.sql.unit import Step, Unit
from adapters.persistence.sql.values import Row
from application.ports import AlreadyExists, LostUpdate, Unavailable
from application.reconciliation_records import StoredBill
from domain.bill import BillKind

#: Bytes in a row, and rows deleted at once: neither holds a writer up for more than milliseconds.
PART, SLICE = 524_288, 16

#: Parts that are nobody's are left by a process that died; a younger one may still be writing.
ABANDONED_AFTER = timedelta(days=1)

_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_KEY = ("account", "day", "kind")


class SqlBillArchive:
    """The row of a bill names its parts; a new bill's parts lie beside the old one's until then."""

    def __init__(self, reader: Reader, writer: Writer, dialect: Dialect) -> None:
        self._reader, self._writer = reader, writer
        self._statements = _Statements(dialect)
        self._clock = SystemClock()

    async def put(self, bill: StoredBill, file: str) -> None:
        """Keep it in place of an older one. Raises Unavailable.

        Raises ValueError if the file is not what `bill` says.
        """
        key = bill_key(bill.account, bill.day, bill.kind)
        content = f"bill_{new_ulid()}"
        try:
            await self._write(bill, {**key, "content": content}, file)
        except BaseException:
            with suppress(Unavailable):
                await self._drop({**key, "content": content})
            raise
        replaced = await self._show(bill, content)  # if it breaks, the parts may be shown
        for row in await self._reader.rows(self._statements.contents, key):
            other = row["content"]
            if other == replaced or (other != content and self._abandoned(other)):
                await self._drop({**key, "content": other})

    async def find(self, account: str, day: date, kind: BillKind) -> StoredBill | None:
        """What is kept."""
        row = await self._reader.row(self._statements.bill, bill_key(account, day, kind))
        return bill_of(row) if row else None

    async def fetch(self, bill: StoredBill, target: str) -> None:
        """Write its bytes there. Raises Unavailable if they are not what was kept."""
        row = await self._reader.row(
            self._statements.bill, bill_key(bill.account, bill.day, bill.kind)
        )
        if row is None or row["sha256"] != bill.sha256:
            raise Unavailable(f"{bill.name} was replaced or forgotten meanwhile")
        digest = hashlib.sha256()
        with await asyncio.to_thread(Path(target).open, "wb") as kept:
            async for part in self._parts(row["content"], bill):
                await asyncio.to_thread(kept.write, part)
                await asyncio.to_thread(digest.update, part)
        if digest.hexdigest() != bill.sha256:
            await asyncio.to_thread(Path(target).unlink)
            raise Unavailable(f"{bill.name} is not what was kept")

    async def forget(self, before: date) -> int:
        """Delete the bills of days before this one; how many."""
        values: Row = {"before": before.isoformat()}
        forgotten = await self._writer.take(Step.of(self._statements.forget, values))
        for row in await self._reader.rows(self._statements.old_contents, values):
            await self._drop({name: row[name] for name in (*_KEY, "content")})
        return len(forgotten)

    async def _write(self, bill: StoredBill, key: Row, file: str) -> None:
        digest, size, place = hashlib.sha256(), 0, 0
        with await asyncio.to_thread(Path(file).open, "rb") as given:
            while body := await asyncio.to_thread(given.read, PART):
                row: Row = {**key, "place": place, "body": body}
                await self._writer.keep(Unit((Step.of(self._statements.insert_part, row),)))
                await asyncio.to_thread(digest.update, body)
                size, place = size + len(body), place + 1
        if (size, digest.hexdigest()) != (bill.size, bill.sha256):
            raise ValueError(f"{bill.name} is not the file that it is said to be")

    async def _show(self, bill: StoredBill, content: str) -> str | None:
        """From here on it is the one that is kept; the content in whose place it is."""
        row = bill_row(bill, content)
        while True:
            before = await self._reader.row(self._statements.bill, row)
            if before is None:
                step = Step.of(self._statements.insert, row)
            else:
                values: Row = {**row, "replaced": before["content"]}
                step = Step.of(self._statements.replace, values, changes_one=True)
            try:
                await self._writer.keep(Unit((step,)))
            except (AlreadyExists, LostUpdate):
                continue  # another was kept, or forgotten, at the same moment
            return None if before is None else str(before["content"])

    def _abandoned(self, content: str) -> bool:
        return made_at(content) < self._clock.now() - ABANDONED_AFTER

    async def _parts(self, content: str, bill: StoredBill) -> AsyncIterator[bytes]:
        key: Row = {**bill_key(bill.account, bill.day, bill.kind), "content": content}
        place = 0
        while row := await self._reader.row(self._statements.part, {**key, "place": place}):
            yield row["body"]
            place += 1

    async def _drop(self, key: Row) -> None:
        first = 0
        while True:
            values: Row = {**key, "first": first, "last": first + SLICE - 1}
            if not await self._writer.take(Step.of(self._statements.drop_parts, values)):
                return
            first += SLICE


class _Statements:
    """All statements for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        names = [column.name for column in bills.columns]
        into = _INSERTS[dialect.name]
        self.bill = prepare(select(bills).where(*_of_bill(bills)), dialect)
        self.insert = prepare(into(bills).inline(), dialect, names)
        self.replace = prepare(_replace(), dialect, [n for n in names if n not in _KEY])
        forget = delete(bills).where(bills.c.day < bindparam("before"))
        self.forget = prepare(forget.returning(bills.c.account), dialect)

        p = bill_parts.c
        names = [column.name for column in bill_parts.columns]
        self.insert_part = prepare(into(bill_parts).inline(), dialect, names)
        of_content = (*_of_bill(bill_parts), p.content == bindparam("content"))
        part = select(p.body).where(*of_content, p.place == bindparam("place"))
        self.part = prepare(part, dialect)
        contents = select(p.content).distinct().where(*_of_bill(bill_parts))
        self.contents = prepare(contents, dialect)
        old = select(*(p[name] for name in (*_KEY, "content"))).distinct()
        self.old_contents = prepare(old.where(p.day < bindparam("before")), dialect)
        some = p.place.between(bindparam("first"), bindparam("last"))
        dropped = delete(bill_parts).where(*of_content, some).returning(p.place)
        self.drop_parts = prepare(dropped, dialect)


def _of_bill(table: Table) -> list[ColumnElement[bool]]:
    return [table.c[name] == bindparam(KEY + name) for name in _KEY]


def _replace() -> Executable:
    known = bills.c.content == bindparam("replaced")
    return update(bills).where(*_of_bill(bills), known)
