"""Looks names up, refuses what leads inside, and lets nobody connect to anything else."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult

from adapters.webhooks.rules import Rules

LookUp = Callable[[str, int], Awaitable[Sequence[str]]]

#: Look-ups at a time. They have threads of their own: a name server that keeps silent holds up
#: nobody who needs a thread for something else.
LOOK_UPS = 32


class SystemLookUp:
    """The addresses of a name, as the machine knows them."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="webhook-dns")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return [str(each[4][0]) for each in found]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


class CheckedResolver(AbstractResolver):
    """Resolves anew for every connection; one refused address refuses the whole name."""

    def __init__(self, rules: Rules, look_up: LookUp) -> None:
        self._rules, self._look_up = rules, look_up

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 -- both are welcome
    ) -> list[ResolveResult]:
        """The addresses that will be connected to. Raises AddressRefused, OSError."""
        addresses = await self._look_up(host, port)
        if not addresses:
            raise OSError(socket.EAI_NONAME, "no addresses")
        for address in addresses:
            self._rules.check(address)
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing is held open."""


def guarded_socket(rules: Rules) -> Callable[[AddrInfoType], socket.socket]:
    """The last gate: makes a socket for the very address that it is about to be connected to.

    Literal addresses pass no resolver, and whatever a library does in between, it ends here.
    """

    def make(info: AddrInfoType) -> socket.socket:
        family, kind, proto, _, address = info
        rules.check(str(address[0]))
        return socket.socket(family, kind, proto)

    return make
