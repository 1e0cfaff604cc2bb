"""Tokens shared among the tasks of one process."""

from application.official_account_ports import Token
from application.ports import Clock

#: Login codes come and go; what has expired is thrown out when so many are kept.
TIDY_AT = 1_000


class InProcessTokens:
    """Forgets everything with the process, which costs a fetch."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, Token] = {}
        self._tidy_at = TIDY_AT

    async def get(self, key: str) -> Token | None:
        """What was put last, unless it has expired."""
        token = self._kept.get(key)
        return token if token is not None and self._clock.now() < token.expires_at else None

    async def put(self, key: str, token: Token) -> None:
        """Keep it until it expires, in place of what was there."""
        self._kept[key] = token
        if len(self._kept) >= self._tidy_at:
            now = self._clock.now()
            self._kept = {name: each for name, each in self._kept.items() if now < each.expires_at}
            self._tidy_at = max(TIDY_AT, 2 * len(self._kept))
