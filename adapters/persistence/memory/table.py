"""Rows of one kind with their unique keys; every change can be undone."""

from collections.abc import Callable, Hashable, Iterable
from copy import deepcopy
from typing import Generic, TypeVar

from application.ports import AlreadyExists, LostUpdate

T = TypeVar("T")
Undo = Callable[[], None]
Key = Callable[[T], Hashable]


class Table(Generic[T]):
    """Rows by primary key, in the order in which they came; copies go in and come out.

    `unique` names what else no two rows may share.
    """

    def __init__(self, name: str, key: Key[T], **unique: Key[T]) -> None:
        self.name, self._key = name, key
        self._keys = unique
        self._rows: dict[Hashable, T] = {}
        self._taken: dict[str, dict[Hashable, Hashable]] = {by: {} for by in unique}

    def get(self, key: Hashable) -> T | None:
        """A copy of the row with this primary key."""
        return deepcopy(self._rows.get(key))

    def find(self, by: str, value: Hashable) -> T | None:
        """A copy of the row whose unique key `by` is `value`."""
        key = self._taken[by].get(value)
        return None if key is None else self.get(key)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._rows

    def where(self, wanted: Callable[[T], bool]) -> list[T]:
        """Copies of all rows that are wanted, oldest first."""
        return deepcopy([row for row in self._rows.values() if wanted(row)])

    def look(self) -> Iterable[T]:
        """The rows themselves, oldest first: not to be changed, nor kept."""
        return self._rows.values()

    def insert(self, row: T) -> Undo:
        """Raises AlreadyExists, and has then changed nothing."""
        key = self._key(row)
        taken = [by for by, of in self._keys.items() if of(row) in self._taken[by]]
        if key in self._rows or taken:
            raise AlreadyExists(f"{self.name}: {', '.join(map(str, taken)) or key}")
        self._put(key, row)
        return lambda: self._drop(key)

    def replace(self, row: T) -> Undo:
        """Put `row` in the place of the one with its key. Raises LostUpdate if there is none."""
        key = self._key(row)
        if key not in self._rows:
            raise LostUpdate(f"{self.name}: {key} is gone")
        before = self._rows[key]
        self._put(key, row)
        return lambda: self._put(key, before)

    def remove(self, keys: Iterable[Hashable]) -> None:
        for key in keys:
            if key in self._rows:
                self._drop(key)

    def _put(self, key: Hashable, row: T) -> None:
        self._rows[key] = row
        for by, of in self._keys.items():
            self._taken[by][of(row)] = key

    def _drop(self, key: Hashable) -> None:
        row = self._rows.pop(key)
        for by, of in self._keys.items():
            self._taken[by].pop(of(row), None)
