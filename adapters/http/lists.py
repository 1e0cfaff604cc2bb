"""Which orders to list: the query parameters, page by page, newest first."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from adapters.http.requests import Name, OrderNo, PaymentId
from application.records import Caller, Filter, Page
from application.views import View
from domain.errors import FieldError, InvalidRequest
from domain.method import Method
from domain.status import PaymentStatus

T = TypeVar("T")

INSTANT = "an RFC 3339 time with offset, its `+` written `%2B`"

Instant = Annotated[
    str,
    Meta(
        max_length=40,
        pattern=r"^[0-9]{4}-.+$(?!\n)",
        description=INSTANT,
        examples=["2026-11-01T00:00:00+08:00"],
        extra_json_schema={"format": "date-time"},
    ),
]


class ListQuery(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What every list takes."""

    limit: Annotated[int, Meta(ge=1, le=200, description="an integer from 1 to 200")] = 50
    cursor: (
        Annotated[
            str,
            Meta(
                pattern=r"^[A-Za-z0-9_]{1,64}$(?!\n)",
                description="`next_cursor` of the page before",
            ),
        ]
        | UnsetType
    ) = UNSET
    created_from: Instant | UnsetType = UNSET
    created_to: Instant | UnsetType = UNSET
    app: Name | UnsetType = UNSET


class EventsQuery(ListQuery, frozen=True):
    """Which events."""

    status: PaymentStatus | UnsetType = UNSET


class PaymentsQuery(EventsQuery, frozen=True):
    """Which payments."""

    method: Method | UnsetType = UNSET
    account: Name | UnsetType = UNSET
    order_no: OrderNo | UnsetType = UNSET


class RefundsQuery(PaymentsQuery, frozen=True):
    """Which refunds."""

    payment_id: PaymentId | UnsetType = UNSET


class OneQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """How to read one order."""

    refresh: Annotated[
        bool, Meta(description="`true` asks the provider first, at most every 2 seconds")
    ] = False


class NoQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """No parameters at all."""


def wanted(query: ListQuery, caller: Caller) -> Filter:
    """The filter, narrowed to what the caller may see. Raises InvalidRequest."""
    given = {
        name: value for name, value in msgspec.structs.asdict(query).items() if value is not UNSET
    }
    for name in ("created_from", "created_to"):
        if name in given:
            given[name] = _instant(name, given[name])
    if not caller.operator and given.setdefault("app", caller.name) != caller.name:
        raise InvalidRequest(FieldError("app", "your own app; only operators read others"))
    return Filter(**given)


def range_of(
    created_from: str | UnsetType, created_to: str | UnsetType
) -> tuple[datetime | None, datetime | None]:
    """Both instants, where they are given. Raises InvalidRequest."""
    return (
        _instant("created_from", created_from) if created_from is not UNSET else None,
        _instant("created_to", created_to) if created_to is not UNSET else None,
    )


def page_view(page: Page[T], view: Callable[[T], View]) -> View:
    """A page as every list returns it."""
    items: Sequence[View] = [view(item) for item in page.items]
    return {"items": items, "next_cursor": page.next_cursor}


def _instant(name: str, text: str) -> datetime:
    try:
        instant: datetime = msgspec.convert(text, Annotated[datetime, Meta(tz=True)])
        return instant.astimezone(UTC)
    except (msgspec.ValidationError, OverflowError):
        raise InvalidRequest(FieldError(name, INSTANT)) from None
