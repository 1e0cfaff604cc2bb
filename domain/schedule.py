"""When to ask the provider again: dense at first, then backing off."""

from datetime import datetime, timedelta

#: Seconds between asks. A payer needs about half a minute, so the first asks are close together.
DELAYS = (5, 5, 10, 15, 30, 60, 120, 300, 600, 1_800)

#: Near the end of an order's life it is asked about at least this often.
ENDING = timedelta(seconds=60)

#: An order the provider does not know is believed gone only this long after its expiry.
GRACE = timedelta(minutes=10)

#: A parked order (a mismatch that a person must judge) is only looked at daily.
PARKED = timedelta(days=1)


def next_check(checks: int, *, at: datetime, ends_at: datetime | None = None) -> datetime:
    """The instant of ask number `checks` + 1; never sleeps through `ends_at`."""
    due = at + timedelta(seconds=DELAYS[min(checks, len(DELAYS) - 1)])
    if ends_at is None:
        return due
    return min(due, ends_at) if at < ends_at else min(due, at + ENDING)
