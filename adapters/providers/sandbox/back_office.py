"""What happens past business systems and payers: on the merchant's site, and to the keys."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import JSONBody
from litestar.types import ControllerRouterHandler

from adapters.providers.sandbox.provider import SandboxProvider, World
from adapters.providers.sandbox.records import Refund
from adapters.providers.sandbox.rows import RefundRow, row
from adapters.providers.sandbox.tester import KnownProviders, find_order, named, refusals_told


class SiteRefund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A refund that somebody makes on the merchant's own site, past every business system."""

    provider_order_no: str
    amount: Annotated[int, msgspec.Meta(ge=1)]  # fen
    provider_refund_no: Annotated[str, msgspec.Meta(pattern=r"^[0-9A-Za-z_-]{1,64}$")] | None = None
    reason: str = ""
    provider: str | None = None


class Mend(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an abnormal refund ends on the merchant's site."""

    provider_refund_no: str
    arrives: bool
    provider_order_no: str | None = None  # where refund numbers are unique per order only
    provider: str | None = None


class KeyTurn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the steps that the address lists."""

    provider: str
    step: str


@post("/sandbox/merchant/refund", status_code=200)
async def refund_on_site(
    data: JSONBody[SiteRefund],
    world: NamedDependency[World],
    providers: KnownProviders,
) -> RefundRow:
    for provider in providers.values():
        provider.pass_time()
    order = find_order(world, data.provider_order_no, named(providers, data.provider))
    if order is None:
        raise NotFoundException("no order has this provider_order_no")
    number = data.provider_refund_no or f"site{secrets.token_hex(12)}"
    with refusals_told():
        providers[order.provider].merchant_refunds(order, number, data.amount, data.reason)
    await world.book.durable()
    return _refund_row(world, order.provider, order.provider_order_no, number)


@post("/sandbox/merchant/mend", status_code=200)
async def mend_on_site(
    data: JSONBody[Mend],
    world: NamedDependency[World],
    providers: KnownProviders,
) -> RefundRow:
    for provider in providers.values():
        provider.pass_time()
    refund = _find_refund(world, data, named(providers, data.provider))
    with refusals_told():
        providers[refund.provider].merchant_mends(refund, arrives=data.arrives)
    await world.book.durable()
    return _refund_row(world, refund.provider, refund.provider_order_no, refund.provider_refund_no)


@get("/sandbox/keys")
async def list_key_steps(providers: KnownProviders) -> dict[str, Sequence[str]]:
    return {name: provider.key_steps for name, provider in providers.items()}


@post("/sandbox/keys", status_code=200)
async def turn_keys(data: JSONBody[KeyTurn], providers: KnownProviders) -> dict[str, Sequence[str]]:
    provider = _known(providers, data.provider)
    _check_step(data.step, provider.key_steps)
    with refusals_told():
        provider.turn_keys(data.step)
    return {name: each.key_steps for name, each in providers.items()}


@get("/sandbox/merchant/keys")
async def list_merchant_key_steps(providers: KnownProviders) -> dict[str, Sequence[str]]:
    return {name: provider.merchant_key_steps for name, provider in providers.items()}


@post("/sandbox/merchant/keys", status_code=200)
async def turn_merchant_keys(
    data: JSONBody[KeyTurn], providers: KnownProviders
) -> dict[str, Sequence[str]]:
    provider = _known(providers, data.provider)
    _check_step(data.step, provider.merchant_key_steps)
    with refusals_told():
        provider.merchant_turns_keys(data.step)
    return {name: each.merchant_key_steps for name, each in providers.items()}


HANDLERS: Sequence[ControllerRouterHandler] = (
    refund_on_site,
    mend_on_site,
    list_key_steps,
    turn_keys,
    list_merchant_key_steps,
    turn_merchant_keys,
)


def _known(providers: Mapping[str, SandboxProvider], name: str) -> SandboxProvider:
    if name not in providers:
        raise ClientException(f"no provider {name!r}; known: {sorted(providers)}")
    return providers[name]


def _check_step(step: str, known: Sequence[str]) -> None:
    if step not in known:
        raise ClientException(f"no step {step!r}; known: {list(known)}")


def _find_refund(world: World, mend: Mend, names: Sequence[str]) -> Refund:
    """Find by both numbers, or by the refund's alone where one provider has it."""
    for name in names:
        if mend.provider_order_no is None:
            found = world.book.refund_by_number(name, mend.provider_refund_no)
        else:
            found = world.book.refund(name, mend.provider_order_no, mend.provider_refund_no)
        if found is not None:
            return found
    raise NotFoundException("no refund has this provider_refund_no")


def _refund_row(world: World, provider: str, order_no: str, refund_no: str) -> RefundRow:
    refund = world.book.refund(provider, order_no, refund_no)
    if refund is None:
        raise NotFoundException("the provider made no such refund")
    return row(RefundRow, refund)
