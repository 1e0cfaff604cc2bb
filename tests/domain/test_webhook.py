from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.events import EventType, IncidentKind
from domain.webhook import (
    JITTER,
    LONGEST_SILENCE,
    PAUSES,
    Answer,
    Delivery,
    DeliveryStatus,
    Endpoint,
    EndpointStatus,
    pause_before,
)
from tests.builders import NOON, later

TAKEN = Answer(204, "", 5)
BROKEN = Answer(500, "oh", 5)
GONE = Answer(410, "", 5)


def an_endpoint(**changes: Any) -> Endpoint:
    facts: dict[str, Any] = {
        "id": "whe_1",
        "app": "shop",
        "url": "https://shop.example/hooks",
        "types": (),
        "secret": b"new",
        "created_at": NOON,
    }
    return Endpoint(**(facts | changes))


def a_delivery(**changes: Any) -> Delivery:
    facts: dict[str, Any] = {
        "id": "del_1",
        "endpoint_id": "whe_1",
        "event_id": "evt_1",
        "order_id": "pay_1",
        "sequence": 2,
        "created_at": NOON,
        "due_at": NOON,
    }
    return Delivery(**(facts | changes))


def told(
    endpoint: Endpoint, answer: Answer, *, given_up: bool = False, at: datetime = NOON
) -> None:
    assert endpoint.concerned_by(answer, given_up=given_up)
    endpoint.learn(answer, event_id="evt_1", given_up=given_up, at=at)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_only_a_2xx_delivers(status: int) -> None:
    delivery = a_delivery()
    delivery.learn(Answer(status, "ok", 7), at=later(seconds=1))

    assert delivery.status is DeliveryStatus.DELIVERED
    assert delivery.finished_at == later(seconds=1)


@pytest.mark.parametrize("status", [None, 199, 300, 302, 400, 404, 429, 500, 503])
def test_anything_else_is_tried_again(status: int | None) -> None:
    delivery = a_delivery()
    delivery.learn(Answer(status, "no", 7), at=NOON)

    assert delivery.status is DeliveryStatus.WAITING
    assert later(seconds=4) <= delivery.due_at <= later(seconds=6)


def test_the_schedule_is_followed_to_its_end_and_then_it_is_given_up() -> None:
    delivery, at = a_delivery(), NOON
    waited = []
    for _ in PAUSES:
        delivery.learn(BROKEN, at=at)
        waited.append((delivery.due_at - at).total_seconds())
        at = delivery.due_at

    assert delivery.status is DeliveryStatus.GIVEN_UP
    assert len(delivery.attempts) == len(PAUSES)
    for pause, real in zip(PAUSES[1:], waited, strict=False):
        assert abs(real / pause - 1) <= JITTER


def test_the_jitter_is_the_same_for_the_same_attempt_and_differs_among_deliveries() -> None:
    pauses = {pause_before(5, key=f"del_{number}") for number in range(20)}

    assert len(pauses) > 15
    assert pause_before(5, key="del_1") == pause_before(5, key="del_1")


def test_a_receiver_that_asks_for_time_is_left_alone_so_long() -> None:
    endpoint, delivery = an_endpoint(), a_delivery()
    busy = Answer(429, "", 5, silence=timedelta(minutes=7))
    delivery.learn(busy, at=NOON)
    told(endpoint, busy)

    assert delivery.due_at == endpoint.quiet_until == later(minutes=7)


def test_nobody_is_left_alone_for_ever() -> None:
    endpoint, delivery = an_endpoint(), a_delivery()
    busy = Answer(503, "", 5, silence=timedelta(days=365))
    delivery.learn(busy, at=NOON)
    told(endpoint, busy)

    assert delivery.due_at == endpoint.quiet_until == NOON + LONGEST_SILENCE


def test_410_disables_the_endpoint_once_and_the_event_waits() -> None:
    endpoint, delivery = an_endpoint(), a_delivery()
    delivery.learn(GONE, at=NOON)
    told(endpoint, GONE)
    told(endpoint, GONE)

    assert delivery.status is DeliveryStatus.WAITING
    assert endpoint.status is EndpointStatus.DISABLED
    assert endpoint.reason == "it answered 410 Gone"
    assert [report.kind for report in endpoint.reports] == [IncidentKind.WEBHOOK_DISABLED]


def test_pausing_does_not_hide_that_an_endpoint_is_disabled_and_resume_ends_both() -> None:
    endpoint = an_endpoint()
    told(endpoint, GONE)
    endpoint.pause()
    assert endpoint.status is EndpointStatus.DISABLED

    endpoint.resume()
    assert (endpoint.status, endpoint.reason) == (EndpointStatus.ACTIVE, None)


def test_only_the_first_event_given_up_since_the_last_success_is_reported() -> None:
    endpoint = an_endpoint()
    told(endpoint, BROKEN, given_up=True)
    told(endpoint, BROKEN, given_up=True)
    assert len(endpoint.reports) == 1

    told(endpoint, TAKEN)
    assert endpoint.giving_up_since is None
    told(endpoint, BROKEN, given_up=True)
    assert [report.kind for report in endpoint.reports] == [IncidentKind.WEBHOOK_GIVEN_UP] * 2


def test_ordinary_answers_say_nothing_about_the_endpoint() -> None:
    assert not an_endpoint().concerned_by(TAKEN, given_up=False)
    assert not an_endpoint().concerned_by(BROKEN, given_up=False)


def test_after_a_rotation_both_secrets_sign_for_a_day() -> None:
    endpoint = an_endpoint()
    endpoint.rotate(b"newer", at=NOON)

    assert endpoint.secrets(later(hours=23)) == (b"newer", b"new")
    assert endpoint.secrets(later(hours=24)) == (b"newer",)
    assert b"new" not in repr(endpoint).encode()


def test_an_endpoint_wants_all_types_or_those_it_names() -> None:
    assert an_endpoint().wants(EventType.REFUND_CLOSED)
    choosy = an_endpoint(types=(EventType.PAYMENT_SUCCEEDED,))
    assert choosy.wants(EventType.PAYMENT_SUCCEEDED)
    assert not choosy.wants(EventType.PAYMENT_CLOSED)
