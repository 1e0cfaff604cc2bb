"""How often a call may be made: per minute and per Beijing day."""

from datetime import timedelta, timezone

from adapters.clock import MovableClock
from adapters.providers.wechat_pay.sandbox.official_account.refused import Refused

BEIJING = timezone(timedelta(hours=8))


class Quotas:
    """Counts calls; a new day or minute begins at nought."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self._counts: dict[str, tuple[str, int]] = {}

    def count_day(self, name: str, limit: int) -> None:
        """Count one more call today; raise `Refused` beyond the limit."""
        day = self._clock.now().astimezone(BEIJING).date().isoformat()
        self._count(f"{name}:day", day, limit, errcode=45009)

    def count_minute(self, name: str, limit: int) -> None:
        """Count one more call this minute; raise `Refused` beyond the limit."""
        minute = self._clock.now().isoformat(timespec="minutes")
        self._count(f"{name}:minute", minute, limit, errcode=45011)

    def _count(self, name: str, period: str, limit: int, *, errcode: int) -> None:
        known, count = self._counts.get(name, (period, 0))
        count = count + 1 if known == period else 1
        if count > limit:
            raise Refused(errcode)
        self._counts[name] = period, count
