"""What testers may do to the simulators: the payer's phone, the book, the clock, faults."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, HTTPException, NotFoundException
from litestar.params import FromPath, JSONBody, SkipValidation
from litestar.types import ControllerRouterHandler

from adapters.providers.sandbox.faults import Fault, Faults, UnknownFault
from adapters.providers.sandbox.provider import PayerAction, PayerRefused, SandboxProvider, World
from adapters.providers.sandbox.records import Callback, Order, Refund

#: Litestar would ask each provider whether it is one, and a protocol can't tell.
KnownProviders = NamedDependency[SkipValidation[Mapping[str, SandboxProvider]]]

#: Nothing any provider promises lies further ahead.
TEN_YEARS_SECONDS = 10 * 365 * 86400


class OrderRow(msgspec.Struct, frozen=True):
    """An order as `GET /sandbox/book` lists it."""

    provider: str
    merchant: str
    provider_order_no: str
    provider_transaction_id: str | None
    amount: int  # fen
    subject: str
    state: str
    created_at: datetime
    expires_at: datetime | None
    paid_at: datetime | None
    closed_at: datetime | None
    charges: int


class RefundRow(msgspec.Struct, frozen=True):
    """A refund as `GET /sandbox/book` lists it."""

    provider: str
    merchant: str
    provider_refund_no: str
    provider_refund_id: str | None
    provider_order_no: str
    amount: int  # fen
    state: str
    created_at: datetime
    succeeded_at: datetime | None


class CallbackRow(msgspec.Struct, frozen=True):
    """A callback that is still to be delivered."""

    provider: str
    provider_order_no: str
    event: str
    attempts: int
    next_at: datetime | None
    last_answer: str | None


Row = TypeVar("Row", OrderRow, RefundRow, CallbackRow)


class BookAnswer(msgspec.Struct, frozen=True):
    """The provider's truth."""

    orders: list[OrderRow]
    refunds: list[RefundRow]
    pending_callbacks: list[CallbackRow]


class Payer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The order the payer holds the phone to, by number or by QR code text."""

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
        orders=[_row(OrderRow, order) for order in world.book.orders()],
        refunds=[_row(RefundRow, refund) for refund in world.book.refunds()],
        pending_callbacks=[_row(CallbackRow, each) for each in world.book.pending_callbacks()],
    )


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
    order = _find_order(world, data, list(providers))
    try:
        providers[order.provider].payer_acts(order, PayerAction(action))
    except PayerRefused as refusal:
        raise HTTPException(str(refusal), status_code=409) from refusal
    await world.book.durable()
    return _row(OrderRow, world.book.order(order.provider, order.provider_order_no) or order)


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
    payer_acts,
    move_clock,
    list_faults,
    arm_fault,
    clear_faults,
)


def _find_order(world: World, payer: Payer, names: Sequence[str]) -> Order:
    found = world.book.order_by_code(payer.code_url) if payer.code_url else None
    for name in names if payer.provider is None else [payer.provider]:
        if found is None and payer.provider_order_no:
            found = world.book.order(name, payer.provider_order_no)
    if found is None:
        raise NotFoundException("no order has this provider_order_no or code_url")
    return found


def _row(kind: type[Row], record: Order | Refund | Callback) -> Row:
    """Take what a row shows; its times in UTC, whatever zone a merchant wrote them in."""
    values = {name: getattr(record, name) for name in kind.__struct_fields__}
    times = {name: each for name, each in values.items() if isinstance(each, datetime)}
    return kind(**values | {name: at.astimezone(UTC) for name, at in times.items()})
