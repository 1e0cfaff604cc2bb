"""Apps' own HTTP subscribers, and the way of each event to them: states and schedule."""

from binascii import crc32
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from domain.events import AnyEventType, EventType, IncidentKind, Report

#: Seconds before each attempt, counted from the one before; after the last it is given up.
PAUSES = (0, 5, 30, 120, 600, 1_800, 7_200, 21_600, 43_200, 86_400)

#: Share of a pause by which it may be longer or shorter, so that a receiver that comes back is
#: not met by everybody at once.
JITTER = 0.2

#: A receiver may ask for silence, but not for ever.
LONGEST_SILENCE = timedelta(days=1)

#: How long the secret before the present one still signs, so that receivers change in peace.
OLD_SECRET_LIVES = timedelta(days=1)


class EndpointStatus(StrEnum):
    """Whether deliveries are sent; in the other two they wait, and none is lost."""

    ACTIVE = "active"
    PAUSED = "paused"  # by the app
    DISABLED = "disabled"  # the receiver answered 410: it wants no more


class DeliveryStatus(StrEnum):
    """How far one event is on its way to one endpoint."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"  # after the last attempt; redelivery is the app's to ask


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt; `status` None: no answer at all, and `text` says why."""

    status: int | None
    text: str  # the beginning of the answer's body, secrets blotted out
    milliseconds: int
    silence: timedelta | None = None  # `Retry-After` of a 429 or 503

    @property
    def accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        return self.status == 410


@dataclass(frozen=True, slots=True)
class Attempt:
    """One line of the delivery log."""

    at: datetime
    status: int | None
    milliseconds: int
    text: str


@dataclass(slots=True, kw_only=True)
class Endpoint:
    """One URL of one app. Secrets are sealed: who reads them here can't sign with them."""

    id: str  # whe_…
    app: str
    url: str
    types: tuple[EventType, ...]  # none: all of them
    secret: bytes = field(repr=False)
    created_at: datetime
    old_secret: bytes | None = field(default=None, repr=False)
    old_secret_until: datetime | None = None
    status: EndpointStatus = EndpointStatus.ACTIVE
    reason: str | None = None  # why it is disabled
    quiet_until: datetime | None = None  # it asked to be left alone
    giving_up_since: datetime | None = None  # no success since a delivery was given up
    version: int = 0
    reports: list[Report] = field(default_factory=list, compare=False)

    def wants(self, type: AnyEventType) -> bool:
        return not self.types or type in self.types

    def pause(self) -> None:
        """Keep what comes; a disabled endpoint stays disabled."""
        if self.status is EndpointStatus.ACTIVE:
            self.status = EndpointStatus.PAUSED

    def resume(self) -> None:
        """Send again, what has waited first."""
        self.status, self.reason, self.quiet_until = EndpointStatus.ACTIVE, None, None

    def rotate(self, secret: bytes, *, at: datetime) -> None:
        """Sign with the new secret, for a day with the present one too."""
        self.old_secret, self.old_secret_until = self.secret, at + OLD_SECRET_LIVES
        self.secret = secret

    def secrets(self, at: datetime) -> tuple[bytes, ...]:
        """The sealed secrets that sign now, the newest first."""
        if self.old_secret is None or self.old_secret_until is None or self.old_secret_until <= at:
            return (self.secret,)
        return (self.secret, self.old_secret)

    def concerned_by(self, answer: Answer, *, given_up: bool) -> bool:
        """Whether `learn` would change anything: mostly it would not."""
        recovered = answer.accepted and self.giving_up_since is not None
        return recovered or answer.gone or answer.silence is not None or given_up

    def learn(self, answer: Answer, *, event_id: str, given_up: bool, at: datetime) -> None:
        """Take what an attempt says about the receiver as a whole."""
        if answer.accepted:
            self.giving_up_since = None
        if answer.silence is not None:
            self.quiet_until = at + min(answer.silence, LONGEST_SILENCE)
        if answer.gone and self.status is not EndpointStatus.DISABLED:
            self.status, self.reason = EndpointStatus.DISABLED, "it answered 410 Gone"
            text = f"{self.id} answered 410 Gone and is disabled; its events wait until `resume`"
            self.reports.append(Report(IncidentKind.WEBHOOK_DISABLED, text))
        if given_up and self.giving_up_since is None:
            self.giving_up_since = at
            text = f"{self.id}: {event_id} is given up after {len(PAUSES)} attempts; redeliver it"
            self.reports.append(Report(IncidentKind.WEBHOOK_GIVEN_UP, text))


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One event on its way to one endpoint."""

    id: str  # del_…
    endpoint_id: str
    event_id: str
    order_id: str
    sequence: int  # of the event: earlier ones of the order go first
    created_at: datetime
    due_at: datetime
    redelivery: bool = False
    status: DeliveryStatus = DeliveryStatus.WAITING
    attempts: tuple[Attempt, ...] = ()
    finished_at: datetime | None = None
    version: int = 0

    def learn(self, answer: Answer, *, at: datetime) -> None:
        """Take the outcome of one attempt: delivered, planned again, or given up."""
        line = Attempt(at, answer.status, answer.milliseconds, answer.text)
        self.attempts = (*self.attempts, line)
        if answer.accepted:
            self._finish(DeliveryStatus.DELIVERED, at)
        elif answer.gone:
            self.due_at = at  # the endpoint is disabled; this one is the first after `resume`
        elif len(self.attempts) >= len(PAUSES):
            self._finish(DeliveryStatus.GIVEN_UP, at)
        else:
            planned = at + pause_before(len(self.attempts) + 1, key=self.id)
            silence = min(answer.silence or timedelta(0), LONGEST_SILENCE)
            self.due_at = max(planned, at + silence)

    def _finish(self, status: DeliveryStatus, at: datetime) -> None:
        self.status, self.finished_at = status, at


def pause_before(attempt: int, *, key: str) -> timedelta:
    """From the attempt before to attempt number `attempt`, counted from 1; no chance in it."""
    chance = 2 * crc32(f"{key}/{attempt}".encode()) / 0xFFFF_FFFF - 1
    return timedelta(seconds=PAUSES[attempt - 1] * (1 + JITTER * chance))
