"""What is handed to a database at once: steps that are kept together or not at all."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from adapters.persistence.sql.statements import Prepared
from adapters.persistence.sql.values import Value

Signal = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One statement with its values; `changes_one`: LostUpdate if it finds no row to change."""

    text: str
    values: tuple[Value, ...]
    changes_one: bool = False

    @classmethod
    def of(
        cls, statement: Prepared, values: Mapping[str, Value], *, changes_one: bool = False
    ) -> "Step":
        return cls(statement.text, statement.bind(values), changes_one)


@dataclass(frozen=True, slots=True)
class Unit:
    """Steps in their order, and who is told on the event loop once they are kept.

    `in_order`: a step builds on what an earlier one did, so they can't be one statement.
    `lasts`: it may change so many rows that nobody should stand still meanwhile.
    """

    steps: tuple[Step, ...]
    signal: Signal | None = None
    in_order: bool = False
    lasts: bool = False
