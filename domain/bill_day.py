"""A bill's day is a day in Shanghai; around its midnights two clocks may disagree."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self

from domain.bill import CHINA

#: How far the provider's clock may put a movement from ours, so that its row stands in the bill of
#: the neighbouring day.
MARGIN = timedelta(minutes=15)

#: In how many following days' bills a movement near midnight may still be found.
CARRY_DAYS = 1


def bill_day(at: datetime) -> date:
    """The day in whose bill a movement of this instant belongs."""
    return at.astimezone(CHINA).date()


@dataclass(frozen=True, slots=True)
class BillDay:
    """The instants of one Asia/Shanghai day, in UTC."""

    day: date
    start: datetime
    end: datetime  # the next day's start: belongs to that

    @classmethod
    def of(cls, day: date) -> Self:
        start = datetime.combine(day, time(), CHINA).astimezone(UTC)
        return cls(day, start, start + timedelta(days=1))

    @property
    def window(self) -> tuple[datetime, datetime]:
        """From when and until when movements may stand in this day's bill."""
        return self.start - MARGIN, self.end + MARGIN

    def belongs(self, at: datetime) -> bool:
        """Whether this is the movement's own day."""
        return self.start <= at < self.end

    def near_midnight(self, at: datetime) -> bool:
        """Whether a neighbouring day's bill may have a movement of this day."""
        return self.belongs(at) and (at < self.start + MARGIN or at >= self.end - MARGIN)
