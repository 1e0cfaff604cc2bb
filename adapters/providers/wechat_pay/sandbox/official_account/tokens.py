"""Access tokens and tickets: issued, overlapping, replaced, expired (§9.3, §9.6)."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.clock import MovableClock
from adapters.providers.wechat_pay.sandbox.official_account.quotas import Quotas
from adapters.providers.wechat_pay.sandbox.official_account.refused import Refused
from adapters.providers.wechat_pay.sandbox.official_account.settings import OfficialAccountSettings

#: All tokens here begin like this; what does not was never one (40014).
PREFIX = "SIM_"


@dataclass(slots=True)
class Issued:
    """One token or ticket of one app id."""

    app_id: str
    value: str = field(repr=False)
    dies_at: datetime


class Tokens:
    """Both ways to a token keep their own; one does not invalidate the other."""

    def __init__(
        self, clock: MovableClock, settings: OfficialAccountSettings, quotas: Quotas
    ) -> None:
        self._clock, self._settings, self._quotas = clock, settings, quotas
        self._known: dict[str, Issued] = {}
        self._present: dict[tuple[str, str], Issued] = {}  # app id, kind
        self._forced_at: dict[str, datetime] = {}

    def plain(self, app_id: str) -> tuple[str, int]:
        """Issue a new one at every call; the one before lives a little longer."""
        self._quotas.count_day(f"token:{app_id}", self._settings.tokens_per_day)
        return self._told(self._renew(app_id, "plain"))

    def stable(self, app_id: str, *, force: bool) -> tuple[str, int]:
        """Tell the present one, renewed in its last minutes; by force, replace it at once."""
        self._quotas.count_minute(f"stable:{app_id}", self._settings.stable_tokens_per_minute)
        self._quotas.count_day(f"stable:{app_id}", self._settings.stable_tokens_per_day)
        if force:
            self._allow_force(app_id)
            self.revoke(app_id)
        present = self._present.get((app_id, "stable"))
        overlap = timedelta(seconds=self._settings.overlap_seconds)
        if present is None or self._clock.now() >= present.dies_at - overlap:
            present = self._renew(app_id, "stable")
        return self._told(present)

    def revoke(self, app_id: str) -> None:
        """Let the present stable token die at once: what a call by force does to it."""
        if present := self._present.pop((app_id, "stable"), None):
            del self._known[present.value]

    def ticket(self, app_id: str) -> tuple[str, int]:
        """Tell the jsapi ticket of an app id, a new one when it has died."""
        present = self._present.get((app_id, "ticket"))
        if present is None or self._clock.now() >= present.dies_at:
            present = self._renew(app_id, "ticket")
        return self._told(present)

    def holder(self, token: str) -> str:
        """Tell whose token this is; raise `Refused` for one that is not good any more."""
        if not token:
            raise Refused(41001)
        if not token.startswith(PREFIX):
            raise Refused(40014)
        issued = self._known.get(token)
        if issued is None:
            raise Refused(40001)
        if self._clock.now() >= issued.dies_at:
            raise Refused(42001)
        return issued.app_id

    def _renew(self, app_id: str, kind: str) -> Issued:
        now = self._clock.now()
        if before := self._present.get((app_id, kind)):
            overlap = timedelta(seconds=self._settings.overlap_seconds)
            before.dies_at = (
                min(before.dies_at, now + overlap) if kind == "plain" else now + overlap
            )
        lasts = timedelta(seconds=self._settings.token_lasts_seconds)
        fresh = Issued(app_id, PREFIX + secrets.token_urlsafe(96), now + lasts)
        self._present[app_id, kind] = fresh
        if kind != "ticket":
            self._known[fresh.value] = fresh
        return fresh

    def _told(self, issued: Issued) -> tuple[str, int]:
        return issued.value, int((issued.dies_at - self._clock.now()).total_seconds())

    def _allow_force(self, app_id: str) -> None:
        now, spacing = self._clock.now(), self._settings.forced_spacing_seconds
        before = self._forced_at.get(app_id)
        if before is not None and now - before < timedelta(seconds=spacing):
            raise Refused(self._settings.forced_too_soon)
        self._quotas.count_day(f"force:{app_id}", self._settings.forced_per_day)
        self._forced_at[app_id] = now
