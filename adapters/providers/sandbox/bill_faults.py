"""How a bill comes to tell what never happened: one row at a time, the same for the same day."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random

from msgspec.structs import replace

from adapters.providers.sandbox.china_days import start_of
from adapters.providers.sandbox.faults import Fault
from adapters.providers.sandbox.records import Change, Entry, EntryKind, Order, Refund

#: So near to midnight a row may slip into the neighbouring day's bill.
NEAR_MIDNIGHT = timedelta(minutes=15)

#: What order numbers are made of after the deployment's two characters.
LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

#: Makes up an order that nobody placed: its number, fen and when it was paid.
Invent = Callable[[str, int, datetime], Order]


@dataclass(slots=True)
class Scene:
    """A day whose bill is being made, and what is planted in it so far."""

    provider: str
    day: date
    entries: Sequence[Entry]  # what really moved, but for what an older bill took away
    next_day: Sequence[Entry]  # of which the first may slip in here; none if that bill is made
    next_is_open: bool  # the last of this day may slip there
    prefix: str  # of the merchant's order numbers
    invent: Invent
    changes: list[Change] = field(default_factory=list)

    def plant(self, fault: Fault) -> int:
        """Plant a fault in as many rows as it says and the day has; how many."""
        rows = 0
        while rows < (fault.times or 1):
            change = PLANTS[fault.kind](self, fault, self._dice(fault))
            if change is None:
                break
            self.changes.append(change)
            rows += 1
        return rows

    def untouched(self, *kinds: EntryKind) -> Sequence[Entry]:
        """The day's rows of these kinds in which nothing is planted yet."""
        touched = set(self._touched())
        return [e for e in self.entries if e.key not in touched and e.kind in (kinds or EntryKind)]

    def concerned(self) -> Sequence[str]:
        """Numbers of the orders that something is planted for."""
        pairs = [each for change in self.changes for each in (change.taken, change.given)]
        return [each.order.provider_order_no for each in pairs if each]

    def change(self, fault: Fault, taken: Entry | None, given: Entry | None) -> Change:
        """A change within the day."""
        return Change(
            fault=fault.kind, taken=taken, taken_from=self.day, given=given, given_on=self.day
        )

    def _touched(self) -> Iterator[str]:
        for change in self.changes:
            yield from (each.key for each in (change.taken, change.given) if each)

    def _dice(self, fault: Fault) -> Random:
        seed = f"{self.provider}/{self.day}/{fault.kind}/{len(self.changes)}"
        return Random(seed)  # noqa: S311 -- the same day gets the same rows


def tell(day: date, entries: Sequence[Entry], changes: Sequence[Change]) -> Sequence[Entry]:
    """What the day's bill tells of these entries, in the order of time."""
    taken = {each.taken.key for each in changes if each.taken and each.taken_from == day}
    given = [each.given for each in changes if each.given and each.given_on == day]
    told = [entry for entry in entries if entry.key not in taken] + given
    return sorted(told, key=lambda entry: (entry.at, entry.key))


def _added(scene: Scene, fault: Fault, dice: Random) -> Change | None:
    if fault.code in ("refund", "reversal"):
        return _taken_back(scene, EntryKind(fault.code), fault, dice)
    prefix = scene.prefix
    if fault.code == "foreign":
        prefix = "zz" if prefix != "zz" else "yy"
    number = prefix + "".join(dice.choices(LETTERS, k=26))
    fen = dice.randint(1, 99_999)
    at = start_of(scene.day) + timedelta(seconds=dice.randrange(3600, 82_800))
    order = scene.invent(number, fen, at)
    return scene.change(fault, None, Entry(kind=EntryKind.CHARGE, order=order, fen=fen, at=at))


def _taken_back(scene: Scene, kind: EntryKind, fault: Fault, dice: Random) -> Change | None:
    """A refund or reversal that nobody made, of a charge with which nothing else happened."""
    busy = Counter(each.order.provider_order_no for each in scene.entries)
    busy.update(scene.concerned())
    charges = scene.untouched(EntryKind.CHARGE)
    charge = _any([each for each in charges if busy[each.order.provider_order_no] == 1], dice)
    if charge is None:
        return None
    fen = charge.fen if kind is EntryKind.REVERSAL else dice.randint(1, charge.fen)
    at = min(charge.at + timedelta(minutes=1), start_of(scene.day) + timedelta(seconds=86_399))
    refund = Refund(
        provider=charge.order.provider,
        merchant=charge.order.merchant,
        provider_refund_no=charge.order.provider_order_no
        if kind is EntryKind.REVERSAL
        else "".join(dice.choices(LETTERS, k=28)),
        provider_order_no=charge.order.provider_order_no,
        provider_refund_id="".join(dice.choices(LETTERS[:10], k=28)),
        amount=fen,
        state="SUCCESS",
        created_at=at,
        succeeded_at=at,
    )
    entry = Entry(kind=kind, order=charge.order, refund=refund, fen=fen, at=at)
    return scene.change(fault, None, entry)


def _edited(scene: Scene, fault: Fault, dice: Random) -> Change | None:
    """One row of the day, told another way or not at all."""
    kinds = (EntryKind.CHARGE,) if fault.kind == "bill_fee_changed" else ()
    entry = _any(scene.untouched(*kinds), dice)
    return scene.change(fault, entry, EDITS[fault.kind](entry, dice)) if entry else None


def _duplicated(scene: Scene, fault: Fault, dice: Random) -> Change | None:
    entry = _any(scene.untouched(), dice)
    return scene.change(fault, None, entry) if entry else None


def _shifted(scene: Scene, fault: Fault, dice: Random) -> Change | None:
    """Out of this bill into the next one, or the other way round: each told just over the line."""
    midnight = start_of(scene.day + timedelta(days=1))
    untouched = scene.untouched()
    late = [e for e in untouched if scene.next_is_open and midnight - e.at < NEAR_MIDNIGHT]
    touched = {change.taken.key for change in scene.changes if change.taken}
    early = [e for e in scene.next_day if e.at - midnight < NEAR_MIDNIGHT and e.key not in touched]
    entry = _any([*late, *early], dice)
    if entry is None:
        return None
    days = scene.day, scene.day + timedelta(days=1)
    at = midnight + timedelta(seconds=dice.randint(0, 59))
    if entry.at >= midnight:
        days, at = days[::-1], midnight - timedelta(seconds=dice.randint(1, 60))
    return Change(
        fault=fault.kind,
        taken=entry,
        taken_from=days[0],
        given=replace(entry, at=at),
        given_on=days[1],
    )


#: What becomes of a row.
EDITS: dict[str, Callable[[Entry, Random], Entry | None]] = {
    "bill_row_dropped": lambda _, __: None,
    "bill_row_altered": lambda entry, dice: replace(entry, fen=_another(entry.fen, dice)),
    "bill_row_garbled": lambda entry, _: replace(entry, garbled=True),
    "bill_fee_changed": lambda entry, dice: replace(
        entry, fee_fen=entry.fee_fen + dice.randint(10, 100)
    ),
    "bill_balance_changed": lambda entry, dice: replace(
        entry, balance_fen=_another(entry.fen, dice)
    ),
}

PLANTS: dict[str, Callable[[Scene, Fault, Random], Change | None]] = {
    "bill_row_added": _added,
    "bill_row_duplicated": _duplicated,
    "bill_row_shifted": _shifted,
    **dict.fromkeys(EDITS, _edited),
}


def _any(entries: Sequence[Entry], dice: Random) -> Entry | None:
    return dice.choice(entries) if entries else None


def _another(fen: int, dice: Random) -> int:
    """A little more or less, and still some."""
    less = fen > 1 and dice.random() < 0.5
    return fen - dice.randint(1, min(fen - 1, 100)) if less else fen + dice.randint(1, 100)
