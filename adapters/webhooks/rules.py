"""Where webhooks may go: which URLs, ports and addresses. An app names them, so trust none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import SplitResult, urlsplit

from yarl import URL

from application.webhook_ports import UrlRefused

Address = IPv4Address | IPv6Address

#: IANA's special-purpose registry, multicast and what is reserved. Not Python's `is_global`: what
#: it covers changes between patch releases.
NOT_PUBLIC_V4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' own; a cloud's metadata too
        "127.0.0.0/8",
        "168.63.129.16/32",  # public by number, but a cloud's own service on every machine there
        "169.254.0.0/16",  # link-local: metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)

#: Everything public lies in here. What wraps an IPv4 address (mapped, NAT64) lies outside.
PUBLIC_V6 = IPv6Network("2000::/3")
NOT_PUBLIC_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo wraps an IPv4 address, ORCHID is none
        "2001:db8::/32",
        "2002::/16",  # 6to4, likewise a wrapping
        "3fff::/20",
    )
)

MAX_LENGTH = 512
_PRINTABLE = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*", re.IGNORECASE)

#: A last label like this makes the whole name a spelling of an IPv4 address, for browsers and libc.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


class AddressRefused(OSError):
    """The address is none that webhooks may go to. Which one it is, is nobody's business."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the configuration allows beyond https to public addresses on ports 443 and 80."""

    networks: Sequence[str] = ()  # allowed, though not public
    ports: Sequence[int] = ()
    any_port: bool = False  # dev and test
    plain_http: bool = False  # dev and test
    _networks: tuple[IPv4Network | IPv6Network, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_networks", tuple(ip_network(each) for each in self.networks))

    def read(self, text: str) -> URL:
        """The URL, rebuilt from what was understood. Raises UrlRefused."""
        parts = _split(text)
        if parts.scheme not in ("https", *(("http",) if self.plain_http else ())):
            raise UrlRefused("an https URL")
        host, port = self._host(parts), self._port(parts)
        port = port or {"https": 443, "http": 80}[parts.scheme]
        query = f"?{parts.query}" if parts.query else ""
        path = parts.path or "/"
        return URL(f"{parts.scheme}://{host}:{port}{path}{query}", encoded=True)

    def check(self, address: str) -> None:
        """Raises AddressRefused."""
        try:
            parsed = ip_address(address)
        except ValueError:
            raise AddressRefused("not an address") from None
        if not (_is_public(parsed) or any(parsed in network for network in self._networks)):
            raise AddressRefused("not a public address")

    def _host(self, parts: SplitResult) -> str:
        host = parts.hostname or ""
        if parts.netloc.startswith("["):
            return f"[{self._literal(host)}]"
        if not _NAME.fullmatch(host) or len(host) > 253:
            raise UrlRefused("a URL with a plain host name; international ones as xn--…")
        if _NUMBER.fullmatch(host.rpartition(".")[2]):
            return self._literal(host)
        return host

    def _literal(self, host: str) -> str:
        try:
            address = str(ip_address(host))
            self.check(address)
        except ValueError:
            raise UrlRefused("an address in its usual spelling, or a name") from None
        except AddressRefused:
            raise UrlRefused("a URL that leads to a public address") from None
        return address

    def _port(self, parts: SplitResult) -> int | None:
        try:
            port = parts.port
        except ValueError:
            port = 0
        if port is None or (self.any_port and port) or port in (443, 80, *self.ports):
            return port
        allowed = ", ".join(str(each) for each in (443, 80, *self.ports))
        raise UrlRefused(f"a URL with one of the ports {allowed}")


def _split(text: str) -> SplitResult:
    if len(text) > MAX_LENGTH or not _PRINTABLE.fullmatch(text) or "\\" in text:
        raise UrlRefused(f"an https URL of at most {MAX_LENGTH} characters, all of them ASCII")
    try:
        parts = urlsplit(text)
    except ValueError:
        raise UrlRefused("a URL that can be understood") from None
    if "@" in parts.netloc:
        raise UrlRefused("a URL without user and password; the signature tells who sends")
    if "#" in text:
        raise UrlRefused("a URL without a fragment")
    return parts


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_V4)
    inside = address in PUBLIC_V6 and address.scope_id is None
    return inside and not any(address in network for network in NOT_PUBLIC_V6)
