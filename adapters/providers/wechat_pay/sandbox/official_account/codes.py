"""Login codes: single use, five minutes (§9.5, §9.7)."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.clock import MovableClock
from adapters.providers.wechat_pay.sandbox.official_account.refused import Refused


@dataclass(slots=True)
class Code:
    """What one login is exchanged for."""

    app_id: str
    person: str
    scope: str
    snapshot: bool
    dies_at: datetime
    used: bool = False


class Codes:
    """Every code ever issued, so that a used one is told from a made-up one."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock
        self._issued: dict[str, Code] = {}

    def issue(
        self,
        app_id: str,
        person: str,
        *,
        lives_seconds: int,
        scope: str = "",
        snapshot: bool = False,
    ) -> str:
        """Let a person log in; the code names the login."""
        code = secrets.token_hex(16)
        dies_at = self._clock.now() + timedelta(seconds=lives_seconds)
        self._issued[code] = Code(app_id, person, scope, snapshot, dies_at)
        return code

    def redeem(self, app_id: str, code: str) -> Code:
        """Use a code up, or raise `Refused`."""
        login = self._issued.get(code)
        if login is None or login.app_id != app_id:
            raise Refused(40029)
        if login.used:
            raise Refused(40163)
        if self._clock.now() >= login.dies_at:
            raise Refused(42003)
        login.used = True
        return login
