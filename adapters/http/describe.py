"""What a route tells the OpenAPI document about itself, beside its docstring."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import Struct

from adapters.http.lists import NoQuery

#: The keys under which a route's `opt` holds its description, and who may call it.
OPERATION, AUDIENCE = "operation", "audience"


class Audience(StrEnum):
    """Who may call a route; what says nothing wants some API key."""

    ANYONE = "anyone"
    CALLERS = "callers"  # an app for its own, an operator for all
    APPS = "apps"  # who moves money
    OPERATORS = "operators"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route: its answers, its problems, its body and query."""

    tag: str
    answers: Mapping[int, tuple[str, type[Struct]]] = field(default_factory=dict)
    file: tuple[str, str] | None = None  # or it answers this media type: what that is
    problems: tuple[type[Exception], ...] = ()
    missing: str | None = None  # what a 404 could not find
    body: type[Struct] | None = None
    example: Mapping[str, object] = field(default_factory=dict)
    query: type[Struct] = NoQuery
    keyed: bool = False  # takes an Idempotency-Key
    audience: Audience = Audience.CALLERS

    def opt(self) -> dict[str, object]:
        """For the route's decorator."""
        return {OPERATION: self, AUDIENCE: self.audience}
