"""The files by which a domain proves to Tencent that it is ours; the gateway serves them."""

import re
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, SkipValidation

from adapters.http.describe import AUDIENCE, Audience
from application.official_account import DomainProofs
from domain.errors import NotFound

TheDomainProofs: TypeAlias = NamedDependency[SkipValidation[DomainProofs]]

#: What Tencent's console hands out, and nothing else.
NAME = re.compile(r"MP_verify_[A-Za-z0-9]{16}\.txt")

AnyRequest = Request[None, None, State]


@get("/{name:str}", opt={AUDIENCE: Audience.ANYONE})
async def domain_proof(
    request: AnyRequest, name: FromPath[str], domain_proofs: TheDomainProofs
) -> Response[bytes]:
    """Serve `MP_verify_….txt` exactly as configured."""
    if not NAME.fullmatch(name):
        raise NotFoundException
    visitor = client_address(request, domain_proofs.trusted_proxies)
    try:
        content = await domain_proofs(name, visitor=visitor)
    except NotFound:
        raise NotFoundException from None
    return Response(content.encode(), media_type="text/plain")


ROUTES = [domain_proof]


def client_address(request: AnyRequest, trusted_proxies: Iterable[str]) -> str:
    """Who called: the connection's other end, or whom our own proxies name, the last one first."""
    client = request.scope["client"]
    address = client[0] if client else ""
    trusted = _networks(tuple(trusted_proxies))
    named = [
        each.strip()
        for header, value in request.scope["headers"]
        if header == b"x-forwarded-for"
        for each in value.decode("latin-1").split(",")
    ]
    while named and _within(address, trusted):
        address = named.pop()
    return address


@lru_cache(maxsize=8)
def _networks(proxies: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(proxy, strict=False) for proxy in proxies)


def _within(address: str, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in networks)
