"""The file behind a book: every record by kind and key, committed in groups."""

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from adapters.providers.sandbox.records import Bill, Callback, Order, Record, Refund

KINDS: dict[str, type[Record]] = {
    "order": Order,
    "refund": Refund,
    "callback": Callback,
    "bill": Bill,
}

SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, body BLOB NOT NULL,
    UNIQUE (kind, key))
"""
WRITE = """
INSERT INTO record (kind, key, body) VALUES (?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body
"""


class Journal:
    """Keep records in a SQLite file; what `durable` returned for survives a power cut.

    Records written in one stretch without an `await` land in one transaction.
    """

    def __init__(self, path: Path) -> None:
        # One thread does all writing, so a cancelled waiter can't let two writes overlap.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sandbox-journal")
        self._turn = asyncio.Lock()
        self._pending: list[Record] = []
        self._written = 0
        self._saved = 0
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.execute("PRAGMA journal_mode = WAL")
        self._file.execute("PRAGMA synchronous = FULL")
        self._file.execute(SCHEMA)

    def load(self) -> Iterator[Record]:
        """Yield every record in the order of its first appearance."""
        for kind, body in self._file.execute("SELECT kind, body FROM record ORDER BY id"):
            yield msgspec.json.decode(body, type=KINDS[kind])

    def write(self, *records: Record) -> None:
        """Note records for the next commit."""
        self._pending.extend(records)
        self._written += len(records)

    async def durable(self) -> None:
        """Wait until everything written so far is on disk; waiters share a commit."""
        wanted = self._written
        if self._saved >= wanted:
            return
        async with self._turn:
            if self._saved < wanted:
                await self._commit()

    def close(self) -> None:
        """Commit what is left and let go of the file."""
        self._thread.shutdown()
        if self._pending:
            self._save(self._pending)
        self._file.close()

    async def _commit(self) -> None:
        batch, upto = self._pending, self._written
        self._pending = []
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._save, batch)
        except sqlite3.Error:
            self._pending = batch + self._pending  # the next answer tries again
            raise
        self._saved = upto

    def _save(self, batch: list[Record]) -> None:
        rows = [
            (type(record).__name__.lower(), record.key, msgspec.json.encode(record))
            for record in batch
        ]
        self._file.execute("BEGIN IMMEDIATE")
        try:
            self._file.executemany(WRITE, rows)
        except sqlite3.Error:
            self._file.execute("ROLLBACK")
            raise
        self._file.execute("COMMIT")
