"""What testers may do to the simulators: the payer's phone, the book, the clock, faults."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import FromPath, JSONBody
from litestar.types import ControllerRouterHandler

from adapters.providers.sandbox.faults import Fault, Faults, UnknownFault
from adapters.providers.sandbox.provider import PayerAction, World
from adapters.providers.sandbox.rows import BillRow, CallbackRow, OrderRow, RefundRow, bill_row, row
from adapters.providers.sandbox.tester import (
    KnownProviders,
    find_order,
    named,
    opened,
    refusals_told,
)

#: Nothing any provider promises lies further ahead.
TEN_YEARS_SECONDS = 10 * 365 * 86400


class BookAnswer(msgspec.Struct, frozen=True):
    """The provider's truth."""

    orders: list[OrderRow]
    refunds: list[RefundRow]
    pending_callbacks: list[CallbackRow]


class Payer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The order the payer holds the phone to, by number or by what leads there: a QR code's
    text, a page's address, a prepay_id, a payment code that was charged.
    """

    provider_order_no: str | None = None
    code_url: str | None = None
    provider: str | None = None


class ClockMove(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far to move the shared clock."""

    advance_seconds: Annotated[float, msgspec.Meta(ge=0, le=TEN_YEARS_SECONDS)]


@get("/sandbox/credentials")
async def credentials(
    request: Request[Any, Any, Any],
    providers: KnownProviders,
) -> dict[str, Mapping[str, Any]]:
    base_url = str(request.base_url).rstrip("/")
    return {name: provider.credentials(base_url) for name, provider in providers.items()}


@get("/sandbox/book")
async def read_book(world: NamedDependency[World]) -> BookAnswer:
    await world.book.durable()
    return BookAnswer(
        orders=[row(OrderRow, order) for order in world.book.orders()],
        refunds=[row(RefundRow, refund) for refund in world.book.refunds()],
        pending_callbacks=[row(CallbackRow, each) for each in world.book.pending_callbacks()],
    )


@get("/sandbox/bills")
async def list_bills(world: NamedDependency[World]) -> list[BillRow]:
    await world.book.durable()
    return [bill_row(bill) for bill in world.book.bills()]


@post("/sandbox/payer/{action:str}", status_code=200)
async def payer_acts(
    action: FromPath[str],
    data: JSONBody[Payer],
    world: NamedDependency[World],
    providers: KnownProviders,
) -> OrderRow:
    if action not in list(PayerAction):
        raise NotFoundException(f"a payer may {', '.join(PayerAction)}, not {action!r}")
    for provider in providers.values():
        provider.pass_time()
    wanted = data.code_url or data.provider_order_no
    names = named(providers, data.provider)
    with refusals_told():
        order = find_order(world, wanted, names) or opened(providers, data.code_url, names)
    if order is None:
        raise NotFoundException("no order has this provider_order_no or code_url")
    with refusals_told():
        providers[order.provider].payer_acts(order, PayerAction(action))
    await world.book.durable()
    return row(OrderRow, world.book.order(order.provider, order.provider_order_no) or order)


@post("/sandbox/clock", status_code=200)
async def move_clock(
    data: JSONBody[ClockMove],
    world: NamedDependency[World],
    providers: KnownProviders,
) -> dict[str, datetime]:
    world.clock.advance(data.advance_seconds)
    for provider in providers.values():
        provider.pass_time()
    await world.book.durable()
    return {"now": world.clock.now()}


@get("/sandbox/faults")
async def list_faults(faults: NamedDependency[Faults]) -> Sequence[Fault]:
    return faults.armed()


@post("/sandbox/faults", status_code=201)
async def arm_fault(data: JSONBody[Fault], faults: NamedDependency[Faults]) -> Sequence[Fault]:
    try:
        faults.arm(data)
    except UnknownFault as unknown:
        raise ClientException(str(unknown)) from unknown
    return faults.armed()


@delete("/sandbox/faults")
async def clear_faults(faults: NamedDependency[Faults]) -> None:
    faults.clear()


HANDLERS: Sequence[ControllerRouterHandler] = (
    credentials,
    read_book,
    list_bills,
    payer_acts,
    move_clock,
    list_faults,
    arm_fault,
    clear_faults,
)
