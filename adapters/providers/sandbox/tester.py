"""What all of the testers' routes share: whom they reach, and how a refusal is told."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.params import SkipValidation

from adapters.providers.sandbox.provider import PayerRefused, SandboxProvider, World
from adapters.providers.sandbox.records import Order

#: Litestar would ask each provider whether it is one, and a protocol can't tell.
KnownProviders = NamedDependency[SkipValidation[Mapping[str, SandboxProvider]]]

#: What a merchant appends to a page's address to get the payer back (WeChat Pay's H5).
RETURN_MARK = "&redirect_url="


def find_order(world: World, wanted: str | None, names: Sequence[str]) -> Order | None:
    """Find an order by the merchant's number, or by what leads a payer to it."""
    if not wanted:
        return None
    by_number = (world.book.order(name, wanted) for name in names)
    by_code = world.book.order_by_code(wanted.partition(RETURN_MARK)[0])
    return next((each for each in by_number if each), by_code)


def opened(
    providers: Mapping[str, SandboxProvider], link: str | None, names: Sequence[str]
) -> Order | None:
    """Open a link that no book knows of, as the payer's browser or app would."""
    openings = (providers[name].opens(link) for name in names if link and name in providers)
    return next((order for order in openings if order), None)


def named(providers: Mapping[str, SandboxProvider], name: str | None) -> Sequence[str]:
    """The names to look under: one, or all where a tester names none."""
    return list(providers) if name is None else [name]


@contextmanager
def refusals_told() -> Iterator[None]:
    """Answer 409 with what the provider tells the person who can't."""
    try:
        yield
    except PayerRefused as refusal:
        raise HTTPException(str(refusal), status_code=409) from refusal
