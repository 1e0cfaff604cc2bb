"""Who asks: API keys, by their hash, looked up rarely."""

from hashlib import sha256
from time import monotonic

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from adapters.http.errors import AppKeyRequired, OperatorKeyRequired, Unauthenticated
from application.ports import Directory
from application.records import Caller

#: Seconds that a good key is believed without asking the directory; a retired one lives on as long.
BELIEVED_SECONDS = 5.0
REMEMBERED = 1_000

Connection = ASGIConnection[BaseRouteHandler, Caller, object, object]  # type: ignore[type-var]  # any state will do


class Authentication:
    """A guard that names the caller in `request.user`."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._believed: dict[str, tuple[float, Caller]] = {}

    async def __call__(self, connection: Connection, _: BaseRouteHandler) -> None:
        connection.scope["user"] = await self._caller(_key_hash(connection))

    async def _caller(self, key_hash: str) -> Caller:
        until, caller = self._believed.get(key_hash, (0.0, None))
        if caller is not None and monotonic() < until:
            return caller
        found = await self._directory.authenticate(key_hash)
        if found is None:
            self._believed.pop(key_hash, None)
            raise Unauthenticated
        if len(self._believed) >= REMEMBERED:
            self._believed.clear()
        self._believed[key_hash] = (monotonic() + BELIEVED_SECONDS, found)
        return found


async def only_apps(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard what moves money: operators have no orders of their own."""
    if connection.user.operator:
        raise AppKeyRequired


async def only_operators(connection: Connection, _: BaseRouteHandler) -> None:
    """Guard what no app may see."""
    if not connection.user.operator:
        raise OperatorKeyRequired


def _key_hash(connection: Connection) -> str:
    """SHA-256 of the key, the only form in which it goes any further."""
    sent = [value for name, value in connection.scope["headers"] if name == b"authorization"]
    if len(sent) != 1:
        raise Unauthenticated
    scheme, _, key = sent[0].partition(b" ")
    if scheme.lower() != b"bearer" or not key.strip():
        raise Unauthenticated
    return sha256(key.strip()).hexdigest()
