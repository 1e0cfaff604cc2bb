"""Aggregates and records survive the way into a row and back, whatever they hold."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.persistence.sql import order_rows, record_rows, values
from adapters.persistence.sql.statements import OF_THE_DATABASE
from adapters.persistence.sql.tables import metadata
from application.records import Incident, Message, RawCallback, Request
from domain.money import Money
from domain.order import Order
from domain.outcome import Action
from domain.payment import Payment
from domain.refund import Refund

INSTANTS = st.datetimes(
    min_value=datetime(1969, 12, 31),  # noqa: DTZ001 -- hypothesis adds the zone itself
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001 -- likewise
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]),
)
FEN = st.integers(min_value=0, max_value=2**62).map(Money)
TEXT = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | TEXT | st.integers(-(2**53), 2**53),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
for kind, strategy in ((datetime, INSTANTS), (Money, FEN), (str, TEXT)):
    st.register_type_strategy(kind, strategy)
ACTIONS = st.builds(Action, details=st.dictionaries(TEXT, JSON, max_size=3))
st.register_type_strategy(Action, ACTIONS)

ROUND_TRIPS = [
    (Payment, order_rows.payment_row, order_rows.payment_of),
    (Refund, order_rows.refund_row, order_rows.refund_of),
    (Order, order_rows.order_row, order_rows.order_of),
    (Request, record_rows.request_row, record_rows.request_of),
    (Message, record_rows.message_row, record_rows.message_of),
    (Incident, record_rows.incident_row, record_rows.incident_of),
    (RawCallback, record_rows.callback_row, record_rows.callback_of),
]


@pytest.mark.parametrize(
    ("kind", "to_row", "from_row"), ROUND_TRIPS, ids=[kind.__name__ for kind, _, _ in ROUND_TRIPS]
)
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_what_goes_into_a_row_comes_out_again(kind, to_row, from_row, data):
    names = {each.name for each in fields(kind)}
    quiet: dict[str, Any] = {name: st.just([]) for name in names & {"events", "reports"}}
    thing = data.draw(st.builds(kind, **quiet, **_given_all(kind, names - set(quiet))))

    found = from_row(to_row(thing))

    stored = replace(thing, version=thing.version + 1) if "version" in names else thing
    assert found == stored


def _given_all(kind, names):
    """Let fields with a default vary too."""
    return {each.name: ... for each in fields(kind) if each.name in names}


@pytest.mark.parametrize(
    ("table", "row"),
    [
        ("payments", order_rows.payment_row),
        ("refunds", order_rows.refund_row),
        ("orders", order_rows.order_row),
        ("requests", record_rows.request_row),
        ("events", record_rows.message_row),
        ("evidence", record_rows.evidence_row),
        ("incidents", record_rows.incident_row),
        ("inbox", record_rows.callback_row),
    ],
)
def test_every_column_is_filled_by_its_row(make, table, row):
    payment = make.payment()
    thing = {
        "payments": payment,
        "refunds": make.refund(payment),
        "orders": Order(app="shop", order_no="1", current="pay_1"),
        "requests": make.request(),
        "events": make.message(),
        "evidence": make.evidence(),
        "incidents": make.incident(),
        "inbox": make.callback(),
    }[table]

    columns = {column.name for column in metadata.tables[table].columns}
    assert set(row(thing)) == columns - set(OF_THE_DATABASE)


def test_only_yuan_are_kept(make):
    with pytest.raises(ValueError, match="USD"):
        order_rows.payment_row(make.payment(amount=Money(1, "USD")))


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(TypeError):
        values.micros(datetime(2026, 1, 1))  # noqa: DTZ001 -- that is the point


def test_unreadable_bytes_in_a_row_are_loud():
    with pytest.raises(msgspec.DecodeError):
        values.action_of(b"{")
