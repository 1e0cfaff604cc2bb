"""Settings of reconciliation: when it begins by itself, and how long its evidence is kept."""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Annotated, Literal

from msgspec import Meta, Struct

from application.reconciliation_records import USUAL_HOURS, Plan
from domain.method import Provider

TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Reconciliation(Struct, frozen=True, forbid_unknown_fields=True):
    """Yesterday's bills are held against the books by the worker; times are of Shanghai."""

    enabled: bool = True  # off: only when somebody asks for it
    start_at: dict[Literal["wechat", "alipay"], TimeOfDay] = {}
    keep_bills_days: Annotated[int, Meta(ge=1, le=36_500)] = 400
    scratch_dir: str | None = None  # absent: the system's folder for temporary files

    @property
    def plan(self) -> Plan:
        """The same in the application's words."""
        told = {Provider(p): time.fromisoformat(at) for p, at in self.start_at.items()}
        hours: Mapping[Provider, time] = {**USUAL_HOURS, **told}
        return Plan(self.enabled, hours, timedelta(days=self.keep_bills_days))
