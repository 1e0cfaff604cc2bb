"""The servers of the many-machine shape. Absent ones are replaced within the process."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class Redis(Struct, frozen=True, forbid_unknown_fields=True):
    """Where processes share locks, kept answers and tokens."""

    url: Annotated[str, Meta(pattern=r"^rediss?://.+")] | None = None

    @property
    def shown(self) -> str:
        """The URL without what may be secret."""
        scheme, _, place = (self.url or "").partition("://")
        return f"{scheme}://{place.rpartition('@')[2].partition('?')[0]}"

    def __repr__(self) -> str:
        return f"Redis({'configured' if self.url else 'in process'})"


class Nats(Struct, frozen=True, forbid_unknown_fields=True):
    """The event platform: callbacks from the gateway, events for business systems."""

    url: Annotated[str, Meta(pattern=r"^(nats|tls)://.+")] | None = None  # several: commas
    replicas: Literal[1, 3, 5] = 1  # of every stream: 3 in a cluster of three servers
    monitor_url: Annotated[str, Meta(pattern=r"^https?://[^/?#]+$")] | None = None

    def __repr__(self) -> str:
        return f"Nats({'configured' if self.url else 'in process'}, replicas={self.replicas})"
