"""Days as bills count them, China time, and when a bill is there."""

from datetime import UTC, date, datetime, time, timedelta, timezone

CHINA = timezone(timedelta(hours=8))


def day_of(at: datetime) -> date:
    """The day an instant falls on in China."""
    return at.astimezone(CHINA).date()


def start_of(day: date) -> datetime:
    """Its midnight, as UTC."""
    return datetime.combine(day, time(), CHINA).astimezone(UTC)


def is_finished(day: date, *, now: datetime, hour: int) -> bool:
    """Whether its bill is made: from this hour of the next day on."""
    return now >= start_of(day + timedelta(days=1)) + timedelta(hours=hour)
