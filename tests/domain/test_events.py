from domain.events import PAYMENT_EVENTS, REFUND_EVENTS, EventType
from domain.status import PaymentStatus, RefundStatus


def test_every_final_payment_status_has_its_event() -> None:
    expected = {
        status: f"basepay.payment.{status}"
        for status in PaymentStatus
        if status is not PaymentStatus.CREATED
    }

    assert expected == PAYMENT_EVENTS


def test_every_final_refund_status_has_its_event() -> None:
    expected = {
        status: f"basepay.refund.{status}"
        for status in RefundStatus
        if status is not RefundStatus.CREATED
    }

    assert expected == REFUND_EVENTS


def test_every_event_type_announces_one_status() -> None:
    announced = [*PAYMENT_EVENTS.values(), *REFUND_EVENTS.values()]

    assert sorted(announced) == sorted(EventType)
