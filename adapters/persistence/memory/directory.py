"""Apps, operators and the hashes of their keys, in memory."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from adapters.persistence.memory.tables import ApiKey, Tables
from application.ports import Clock
from application.records import Caller


class MemoryDirectory:
    """Keys by hash; whether one is live is asked of `clock`."""

    def __init__(self, tables: Tables, clock: Clock) -> None:
        self._keys, self._clock = tables.api_keys, clock

    async def authenticate(self, key_hash: str) -> Caller | None:
        """Who holds this key, if it is live."""
        key = self._keys.get(key_hash)
        return key.caller if key is not None and key.live(self._clock.now()) else None

    async def add_key(
        self,
        caller: Caller,
        key_hash: str,
        at: datetime,  # noqa: ARG002 -- kept by the databases only
    ) -> None:
        """One more key for a new or known caller. Raises AlreadyExists."""
        self._keys.insert(ApiKey(key_hash, caller))

    async def retire_keys(self, caller: Caller, *, keep: str, after: datetime) -> None:
        """All other keys of the caller die at `after`, or earlier if that was said before."""
        for key in self._keys.where(lambda key: key.caller == caller and key.hash != keep):
            if key.live(after):
                self._keys.replace(replace(key, retired_at=after))

    async def callers(self) -> Sequence[tuple[Caller, int]]:
        """Everybody by name, with the number of live keys."""
        now = self._clock.now()
        live: Counter[Caller] = Counter()
        for key in self._keys.where(lambda _: True):
            live[key.caller] += key.live(now)
        return sorted(live.items(), key=lambda pair: (pair[0].name, pair[0].operator))
