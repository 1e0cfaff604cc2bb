"""Tencent's addresses: who fetches our domain proof, and where our own calls go."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from msgspec import Struct

from adapters.wechat_official_account.tokens import Tokens
from application.official_account_ports import Token, WeChatMisconfigured, WeChatUnavailable
from application.ports import Clock
from application.shared import Shared

#: WeChat advises to look about daily.
FRESH = timedelta(days=1)
#: Not every visitor may wait for a WeChat that is down.
PATIENCE_SECONDS = 2.0
LOOK_AGAIN = timedelta(minutes=1)

Network = IPv4Network | IPv6Network


class Listed(Struct, frozen=True):
    """Addresses or networks. Source: «获取微信服务器IP地址», MAPPING.md §1."""

    ip_list: list[str]


class CallbackAddresses:
    """A `Visitors` that asks `getcallbackip` about daily.

    It never keeps anybody out for WeChat's silence: an old list goes on, and without any list
    everybody may come in. The proof is no secret; keeping Tencent out would cost the domain.
    """

    def __init__(self, app_id: str, tokens: Tokens, shared: Shared, clock: Clock) -> None:
        self._app_id, self._tokens, self._shared, self._clock = app_id, tokens, shared, clock
        self._networks: Sequence[Network] = ()
        self._look_at = clock.now()

    async def may_fetch(self, address: str) -> bool:
        """Whether an address is listed; True while no list was ever seen."""
        if self._clock.now() >= self._look_at:
            await self._look()
        return not self._networks or _within(address, self._networks)

    async def _look(self) -> None:
        self._look_at = self._clock.now() + LOOK_AGAIN
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                listed = await self._shared.get(f"wechat:callback-ip:{self._app_id}", self._fetch)
        except (WeChatUnavailable, WeChatMisconfigured, TimeoutError):
            return
        self._networks = _networks(json.loads(listed))

    async def _fetch(self) -> Token:
        listed = await callback_addresses(self._tokens)
        return Token(json.dumps(list(listed)), self._clock.now() + FRESH)


async def callback_addresses(tokens: Tokens) -> Sequence[str]:
    """From where WeChat's servers call ours. Raises WeChatMisconfigured, WeChatUnavailable."""
    return (await tokens.call("/cgi-bin/getcallbackip", Listed)).ip_list


async def api_addresses(tokens: Tokens) -> Sequence[str]:
    """Where api.weixin.qq.com lives, for an egress firewall. Raises likewise."""
    return (await tokens.call("/cgi-bin/get_api_domain_ip", Listed)).ip_list


async def listed_destinations(tokens: Tokens, addresses: Iterable[str]) -> Mapping[str, bool]:
    """Which of the addresses that our calls go to are WeChat's. Raises likewise."""
    networks = _networks(await api_addresses(tokens))
    return {address: _within(address, networks) for address in addresses}


def _networks(listed: Iterable[str]) -> Sequence[Network]:
    """What can be read; one odd line must not spoil the list."""
    networks = []
    for each in listed:
        try:
            networks.append(ip_network(each.strip(), strict=False))
        except ValueError:
            continue
    return networks


def _within(address: str, networks: Iterable[Network]) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)  # a v4 visitor at a v6 listener
    return any((mapped or ip) in network for network in networks)
