"""Apps, operators and the hashes of their keys."""

from collections.abc import Sequence
from datetime import datetime

from adapters.persistence.sql.driver import Reader, Writer
from adapters.persistence.sql.statements import Statements
from adapters.persistence.sql.unit import Step, Unit
from adapters.persistence.sql.values import Row, micros
from application.ports import Clock
from application.records import Caller


class SqlDirectory:
    """Keys by hash; whether one is live is asked of `clock`."""

    def __init__(
        self, reader: Reader, writer: Writer, statements: Statements, clock: Clock
    ) -> None:
        self._reader, self._writer, self._statements = reader, writer, statements
        self._clock = clock

    async def authenticate(self, key_hash: str) -> Caller | None:
        """Who holds this key, if it is live."""
        values: Row = {"hash": key_hash, "at": micros(self._clock.now())}
        row = await self._reader.row(self._statements.key_holder, values)
        return Caller(row["name"], bool(row["operator"])) if row else None

    async def add_key(self, caller: Caller, key_hash: str, at: datetime) -> None:
        """One more key for a new or known caller. Raises AlreadyExists."""
        row: Row = {
            "hash": key_hash,
            "name": caller.name,
            "operator": caller.operator,
            "created_at": micros(at),
            "retired_at": None,
        }
        await self._writer.keep(Unit((Step.of(self._statements.insert_key, row),)))

    async def retire_keys(self, caller: Caller, *, keep: str, after: datetime) -> None:
        """All other keys of the caller die at `after`, or earlier if that was said before."""
        values: Row = {
            "caller": caller.name,
            "is_operator": caller.operator,
            "keep": keep,
            "after": micros(after),
        }
        await self._writer.keep(Unit((Step.of(self._statements.retire_keys, values),)))

    async def callers(self) -> Sequence[tuple[Caller, int]]:
        """Everybody by name, with the number of live keys."""
        values: Row = {"at": micros(self._clock.now())}
        rows = await self._reader.rows(self._statements.callers, values)
        return [(Caller(row["name"], bool(row["operator"])), row["live"]) for row in rows]
