"""Keeping an order means: its row, its events for the outbox, its incidents, its evidence."""

from dataclasses import dataclass
from datetime import datetime

from application.ports import Clock, NewId, UnitOfWork
from application.records import Evidence, Incident, Message, RawCallback
from application.views import payment_view, refund_view, to_json
from domain.events import Order, Report
from domain.outcome import Outcome, RefundOutcome
from domain.payment import Payment
from domain.refund import Refund


@dataclass(frozen=True, slots=True)
class Numbers:
    """Makes ids, and from them the numbers that providers know; the prefix is the deployment's."""

    new_id: NewId
    prefix: str  # two characters, letters and digits

    def __call__(self, kind: str) -> str:
        """An id such as `pay_…`, `evt_…`."""
        return f"{kind}_{self.new_id()}"

    def at_provider(self, id: str) -> str:
        """The provider's order number: derived from our id, so a retry can't make a second."""
        return self.prefix + id.partition("_")[2]


class Keeper:
    """Stages orders in a unit of work together with everything they brought about."""

    def __init__(self, *, clock: Clock, numbers: Numbers) -> None:
        self._clock, self._numbers = clock, numbers

    def payment(self, work: UnitOfWork, payment: Payment) -> None:
        """Stage a payment with the events and incidents it brought about."""
        work.payments.save(payment)
        data = to_json(payment_view(payment)) if payment.events else b""
        self._announce(work, payment, data)

    def refund(self, work: UnitOfWork, refund: Refund) -> None:
        """Stage a refund likewise."""
        work.refunds.save(refund)
        data = to_json(refund_view(refund)) if refund.events else b""
        self._announce(work, refund, data)

    def evidence(
        self,
        work: UnitOfWork,
        order_id: str,
        *,
        source: str,
        outcome: Outcome | RefundOutcome,
        callback: RawCallback | None,
        now: datetime,
    ) -> None:
        """Stage what the provider said: the callback itself, or the trace of its answer."""
        if callback is not None:
            work.append(evidence_of(callback, order_id, type(outcome).__name__))
        else:
            text = f"{type(outcome).__name__} {outcome.trace}".rstrip()
            work.append(Evidence(self._numbers("evi"), order_id, source, text, now))

    def _announce(self, work: UnitOfWork, order: Order, data: bytes) -> None:
        for event in order.events:
            work.append(
                Message(
                    id=self._numbers("evt"),
                    app=order.app,
                    type=event.type,
                    order_id=order.id,
                    sequence=event.sequence,
                    occurred_at=event.occurred_at,
                    late=event.late,
                    data=data,
                )
            )
        now = self._clock.now()
        for report in order.reports:
            work.append(self.incident(report, order.app, order.id, now))
        order.events.clear()
        order.reports.clear()

    def incident(
        self, report: Report, app: str | None, order_id: str | None, now: datetime
    ) -> Incident:
        """Make an incident of what was reported."""
        return Incident(self._numbers("inc"), report.kind, app, order_id, report.detail, now)


def evidence_of(callback: RawCallback, order_id: str | None, verdict: str) -> Evidence:
    """A callback's raw bytes and headers; its own id, so that a repetition adds nothing."""
    return Evidence(
        id=callback.id,
        order_id=order_id,
        source="callback",
        text=verdict,
        received_at=callback.received_at,
        headers=callback.headers,
        body=callback.body,
    )
