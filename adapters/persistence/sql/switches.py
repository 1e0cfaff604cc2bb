"""What operators turn on and off at run time."""

from datetime import datetime

from adapters.persistence.sql.driver import Reader, Writer
from adapters.persistence.sql.statements import Statements
from adapters.persistence.sql.unit import Step, Unit
from adapters.persistence.sql.values import Row, micros

ONE_FEN = "one_fen"


class SqlSwitches:
    """One row each, with who turned it last; all processes see it from the next read on."""

    def __init__(self, reader: Reader, writer: Writer, statements: Statements) -> None:
        self._reader, self._writer, self._statements = reader, writer, statements

    async def one_fen(self) -> bool:
        """Whether new payments charge 1 fen; off until somebody turns it on."""
        row = await self._reader.row(self._statements.switch, {"name": ONE_FEN})
        return row is not None and bool(row["on"])

    async def turn_one_fen(self, *, on: bool, by: str, at: datetime) -> None:
        """Turn it; `by`: the operator. Raises Unavailable."""
        row: Row = {"name": ONE_FEN, "on": on, "turned_by": by, "turned_at": micros(at)}
        await self._writer.keep(Unit((Step.of(self._statements.turn_switch, row),)))
