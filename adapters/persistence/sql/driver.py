"""What a database must do for the store: read, keep units, and hand rows to one taker."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Protocol

from adapters.persistence.sql.statements import Prepared
from adapters.persistence.sql.unit import Step, Unit
from adapters.persistence.sql.values import Stored, Value


class Reader(Protocol):
    """Each statement sees what is committed when it starts."""

    async def rows(self, statement: Prepared, values: Mapping[str, Value]) -> list[Stored]:
        """All rows. Raises Unavailable."""

    async def row(self, statement: Prepared, values: Mapping[str, Value]) -> Stored | None:
        """The only row, or None. Raises Unavailable."""

    def pages(
        self, statement: Prepared, values: Mapping[str, Value], size: int
    ) -> AsyncGenerator[Sequence[Sequence[Any]], None]:
        """All rows, `size` at a time, as they were when it began; holds nobody up.

        A row is its values in the order of the statement's columns.

        Must be closed. Raises Unavailable.
        """

    async def close(self) -> None:
        """Let go of the database."""


class Writer(Protocol):
    """Keeps units durably, each whole or not at all."""

    async def keep(self, unit: Unit) -> None:
        """Return once `unit` is durable. Raises LostUpdate, AlreadyExists, Unavailable.

        A caller that is cancelled meanwhile does not learn whether all of it was kept or nothing.
        """

    async def take(self, step: Step) -> list[Stored]:
        """Keep one step; the rows that it changed, as they are now. Raises Unavailable."""

    async def close(self) -> None:
        """Write what waits, then let go of the database. Repeating it is harmless."""
