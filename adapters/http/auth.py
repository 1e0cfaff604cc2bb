"""Who asks: API keys, by their hash, looked up rarely."""

from hashlib import sha256
from time import monotonic

from adapters.http.describe import AUDIENCE, Audience
from adapters.http.errors import AppKeyRequired, OperatorKeyRequired, Unauthenticated
from adapters.http.reading import ApiRequest, headers_named
from application.ports import Directory
from application.records import Caller

#: Seconds that a good key is believed without asking the directory; a retired one lives on as long.
BELIEVED_SECONDS = 5.0
REMEMBERED = 1_000


class Authentication:
    """Runs before every route: names the caller in `request.user`, or refuses.

    A hook and not a guard: for every guard Litestar copies the route at every request.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._believed: dict[str, tuple[float, Caller]] = {}

    async def __call__(self, request: ApiRequest) -> None:
        """Raises Unauthenticated, AppKeyRequired, OperatorKeyRequired."""
        audience = request.route_handler.opt.get(AUDIENCE, Audience.CALLERS)
        if audience is Audience.ANYONE:
            return
        caller = await self._caller(_key_hash(request))
        if audience is Audience.APPS and caller.operator:
            raise AppKeyRequired
        if audience is Audience.OPERATORS and not caller.operator:
            raise OperatorKeyRequired
        request.scope["user"] = caller

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


def _key_hash(request: ApiRequest) -> str:
    """SHA-256 of the key, the only form in which it goes any further."""
    sent = headers_named(request, b"authorization")
    scheme, _, key = sent[0].partition(b" ") if len(sent) == 1 else (b"", b"", b"")
    if scheme.lower() != b"bearer" or not key.strip():
        raise Unauthenticated
    return sha256(key.strip()).hexdigest()
