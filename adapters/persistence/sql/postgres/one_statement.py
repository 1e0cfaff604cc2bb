"""A whole unit as one statement: one round trip, one transaction, one wait for the disk."""

import re
from functools import lru_cache

from adapters.persistence.sql.unit import Step

#: Beyond this many steps, or values, a unit is sent step by step.
STEPS, VALUES = 16, 1_000

_NUMBER = re.compile(r"\$(\d+)")


def fits(steps: tuple[Step, ...]) -> bool:
    """Whether the steps may be one statement."""
    return len(steps) <= STEPS and sum(len(step.values) for step in steps) <= VALUES


def joined(steps: tuple[Step, ...]) -> tuple[str, list[object]]:
    """The text and its values."""
    text = _text(tuple((step.text, step.changes_one) for step in steps))
    return text, [value for step in steps for value in step.values]


@lru_cache(maxsize=1_024)
def _text(steps: tuple[tuple[str, bool], ...]) -> str:
    """Every step is counted, in its order.

    Where a row that must change is not there, the count divides: the statement fails, and with it
    everything that it did.
    """
    parts, counts, before = [], [], 0
    for place, (text, changes_one) in enumerate(steps):
        parts.append(f"s{place} AS ({_shifted(text, before)} RETURNING 1)")
        count = f"(SELECT count(*) FROM s{place})"  # noqa: S608 -- a number of ours
        counts.append(f"1 / {count}" if changes_one else count)
        before += max((int(number) for number in _NUMBER.findall(text)), default=0)
    return f"WITH {', '.join(parts)} SELECT {', '.join(counts)}"


def _shifted(text: str, by: int) -> str:
    return _NUMBER.sub(lambda found: f"${int(found[1]) + by}", text)
