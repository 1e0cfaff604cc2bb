"""One provider's daily bills: made when they are first asked for, the same ever after."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from adapters.providers.sandbox.bill_faults import Invent, Scene, tell
from adapters.providers.sandbox.provider import World
from adapters.providers.sandbox.records import Bill, Change, Entry

#: Of the merchant's order numbers, where the book has none to tell by.
USUAL_PREFIX = "d1"

ONE_DAY = timedelta(days=1)


class Bills:
    """Tells what a finished day's bill says; the caller knows that the day is finished."""

    def __init__(
        self,
        world: World,
        provider: str,
        entries: Callable[[date], Sequence[Entry]],
        invent: Invent,
    ) -> None:
        """`entries`: what really moved on a day; `invent`: an order that nobody placed."""
        self._world = world
        self._provider = provider
        self._entries = entries
        self._invent = invent

    def told(self, day: date) -> Sequence[Entry]:
        """The day's rows in the order of time; what is armed for them is planted the first time."""
        if self._world.book.bill(self._provider, day) is None:
            self._make(day)
        return tell(day, self._entries(day), self._changes(day))

    def _make(self, day: date) -> None:
        scene = self._scene(day)
        for fault in self._world.faults.to_plant(self._provider, day):
            self._world.faults.planted(fault, scene.plant(fault))
        self._world.book.keep(Bill(provider=self._provider, day=day, changes=tuple(scene.changes)))

    def _scene(self, day: date) -> Scene:
        is_open = self._world.book.bill(self._provider, day + ONE_DAY) is None
        gone = {each.taken.key for each in self._changes(day) if each.taken}
        return Scene(
            provider=self._provider,
            day=day,
            entries=[entry for entry in self._entries(day) if entry.key not in gone],
            next_day=self._entries(day + ONE_DAY) if is_open else (),
            next_is_open=is_open,
            prefix=self._prefix(),
            invent=self._invent,
        )

    def _changes(self, day: date) -> Sequence[Change]:
        """What was planted in this bill and in its neighbours, which may have sent rows here."""
        days = (day - ONE_DAY, day, day + ONE_DAY)
        bills = (self._world.book.bill(self._provider, each) for each in days)
        return [change for bill in bills if bill for change in bill.changes]

    def _prefix(self) -> str:
        orders = reversed(self._world.book.orders())
        numbers = (o.provider_order_no for o in orders if o.provider == self._provider)
        return next(numbers, USUAL_PREFIX)[:2]


def fee_of(fen: int, rate: Decimal) -> int:
    """The provider's part in whole fen, half a fen upwards."""
    return int((fen * rate).quantize(Decimal(1), ROUND_HALF_UP))


def cut_short(content: bytes) -> bytes:
    """The beginning of a file whose end never came."""
    return content[: len(content) * 2 // 3]
