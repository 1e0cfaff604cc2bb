"""Settings of webhooks: the key that seals their secrets, and where they may go."""

from ipaddress import ip_network
from typing import Annotated

from msgspec import Meta, Struct

from adapters.webhooks.vault import read_key
from entrypoints.errors import SettingsError

Port = Annotated[int, Meta(ge=1, le=65535)]

#: Networks that no production machine may be reached at by an app's word, whoever configures it.
NEVER_IN_PRODUCTION = ("127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10")


class Webhooks(Struct, frozen=True, forbid_unknown_fields=True):
    """Without a key there are no webhooks."""

    seal_key: str | None = None  # 32 bytes in base 64
    previous_seal_key: str | None = None  # still opens, while the key is being changed
    networks: list[str] = []  # not public, and allowed all the same
    ports: list[Port] = []  # besides 443 and 80
    any_port: bool = False  # dev and test only, like the next
    plain_http: bool = False

    def __repr__(self) -> str:
        return f"Webhooks({'sealed' if self.seal_key else 'no key'}, networks={self.networks})"


def check_webhooks(webhooks: Webhooks, *, production: bool) -> None:
    """Raises SettingsError."""
    for name in ("seal_key", "previous_seal_key"):
        key = getattr(webhooks, name)
        try:
            read_key(key or "A" * 43 + "=")
        except ValueError as error:
            raise SettingsError(f"webhooks.{name}: {error}") from None
    for name in ("any_port", "plain_http"):
        if production and getattr(webhooks, name):
            raise SettingsError(f"webhooks.{name}: must be off in production; remove it")
    for network in webhooks.networks:
        _check_network(network, production=production)


def _check_network(text: str, *, production: bool) -> None:
    try:
        network = ip_network(text)
    except ValueError:
        raise SettingsError(
            f"webhooks.networks: expected a network like 10.1.0.0/16, got {text!r}"
        ) from None
    for each in map(ip_network, NEVER_IN_PRODUCTION):
        if production and network.version == each.version and network.overlaps(each):
            raise SettingsError(
                f"webhooks.networks: {text} contains {each}, the machine itself or its cloud's"
                " metadata; name only the networks that receivers are in"
            )
