"""What stands in the place of a database in a process that has none: the gateway's."""

from collections.abc import Callable
from typing import Any, NoReturn

from adapters.persistence.sql.store import SqlStore
from application.ports import Unavailable


class NoStore(SqlStore):
    """Every port of it refuses: nothing of the gateway asks one."""

    def __init__(self) -> None:
        absent: Any = _Absent()
        self.outbox = self.callbacks = self.agenda = absent
        self.library = self.directory = self.switches = self.webhooks = absent
        self.books = self.runs = self.run_agenda = self.findings = absent
        self.discrepancies = self.bills = absent
        self.work: Callable[[], Any] = absent

    async def ping(self) -> None:
        """Raises Unavailable."""
        _Absent()()

    async def close(self) -> None:
        """There is nothing to let go of."""


class _Absent:
    def __getattr__(self, name: str) -> "_Absent":
        return self

    def __call__(self, *_: object, **__: object) -> NoReturn:
        raise Unavailable("this process has no database")
