"""Who does what only one may do at a time, while many could."""

from contextlib import suppress

from adapters.ids import new_ulid
from adapters.persistence.sql.postgres.pool import Pool
from application.ports import Unavailable

#: A process that died gives way after this; one that works renews it with every batch.
SECONDS = 10

#: By the server's clock: those of the processes may differ.
_NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

_HOLD = f"""
INSERT INTO leases (name, owner, until) VALUES ($1, $2, {_NOW} + {SECONDS * 1_000_000})
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
WHERE leases.owner = excluded.owner OR leases.until <= {_NOW}
RETURNING 1
"""  # noqa: S608 -- constants of ours

_LET_GO = "DELETE FROM leases WHERE name = $1 AND owner = $2"


class Lease:
    """One task that one process at a time may have."""

    def __init__(self, pool: Pool, name: str) -> None:
        self._pool, self._name, self._owner = pool, name, new_ulid()

    async def hold(self) -> bool:
        """Whether it is ours for the next seconds. Raises Unavailable."""
        ours = await self._pool.use(lambda c: c.fetchval(_HOLD, self._name, self._owner))
        return ours is not None

    async def let_go(self) -> None:
        """Let somebody else have it at once."""
        with suppress(Unavailable):
            await self._pool.use(lambda c: c.fetch(_LET_GO, self._name, self._owner))
