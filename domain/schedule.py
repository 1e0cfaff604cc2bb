"""When to ask the provider again: one list of pauses per situation, dense at first, with jitter."""

from binascii import crc32
from datetime import datetime, timedelta
from enum import Enum


class Situation(Enum):
    """What an open order waits for; its value: seconds between the asks, the last one repeats."""

    #: A payer needs about half a minute, so the first asks are close together.
    PAYER = (5, 5, 10, 15, 30, 60, 120, 300, 600, 1_800)
    #: A payer at the till types a password; the queue behind is watching.
    TILL = (2, 2, 3, 3, 5)
    #: A charge to be taken back until that is certain: money may have moved, and is missed.
    TAKING_BACK = (2, 5, 10, 20, 30, 60)
    #: A close that the provider has not confirmed: the order may still be paid.
    ENDING = (2, 5, 10, 20, 30, 60, 60, 60, 60, 120, 300)
    #: A refund: balances get it in seconds or minutes, bank cards in days.
    REFUND = (5, 5, 10, 20, 60, 120, 300, 600, 1_800, 3_600)
    #: A mismatch that a person must judge.
    PARKED = (86_400,)


#: An order the provider does not know is believed gone only this long after its expiry.
GRACE = timedelta(minutes=10)

#: Share of a pause by which it may be longer or shorter, so that orders born together part.
JITTER = 0.1


def next_check(
    situation: Situation,
    checks: int,
    *,
    at: datetime,
    key: str,
    ends_at: datetime | None = None,
) -> datetime:
    """The instant of ask number `checks` + 1 about `key`; never sleeps through `ends_at`."""
    pauses = situation.value
    pause = pauses[min(checks, len(pauses) - 1)]
    due = at + timedelta(seconds=pause * _jitter(f"{key}/{checks}"))
    return min(due, ends_at) if ends_at is not None and at < ends_at else due


def _jitter(key: str) -> float:
    """A factor near 1 that is always the same for the same ask: no chance in the domain."""
    return 1 + JITTER * (2 * crc32(key.encode()) / 0xFFFF_FFFF - 1)
