"""Reconciliation as operators see it: ask, read, settle, take along."""

import csv
from datetime import timedelta
from hashlib import sha256
from io import StringIO
from itertools import count

import msgspec
import pytest

from adapters.http.reconciliation_schemas import Discrepancy, Reconciliation
from application.records import Caller
from domain.bill_day import BillDay, bill_day
from tests.adapters.http.conftest import Client
from tests.builders import NOON

PATH = "/v1/reconciliations"
NOT_THERE = "01JD8Z6W8RC0VD2P6V2T9WQ4XN"


@pytest.fixture
def anna(run, world, http):
    """A second person."""
    key_hash = sha256(b"anna-key").hexdigest()
    run(world.app.directory.add_key(Caller("anna", operator=True), key_hash, NOON))
    return Client(run, http, "anna-key")


@pytest.fixture
def reconcile(run, world, operator):
    """Have yesterday's bill of `wechat-main` held against our book, as a worker does it."""

    def reconcile(**body):
        day = bill_day(world.clock.now()) - timedelta(days=1)
        asked = operator.post(PATH, {"account": "wechat-main", "day": str(day), **body})
        for due in run(world.app.reconcile.due(10)):
            run(world.app.reconcile.execute(due))
        return asked

    return reconcile


@pytest.fixture
def paid(run, world):
    """A payment is made, and its day passes; it is always noon in Shanghai."""
    keys = count()
    now = world.clock.now()
    midnight = BillDay.of(bill_day(now)).end
    world.clock.advance((midnight + timedelta(hours=12) - now).total_seconds())

    def paid(*, lost=False):
        payment = run(world.paid(order_no=f"SO-{next(keys)}"))
        if lost:  # the bill has another one only
            run(world.paid(order_no=f"SO-{next(keys)}", amount=500))
            world.wechat.bills.will_tell(lambda rows: [row for row in rows if row.fen == 500])
        world.clock.advance(timedelta(days=1).total_seconds())
        return payment

    return paid


def found(operator, answer):
    return operator.get(f"{PATH}/{answer.json()['id']}/discrepancies").json()["items"]


def test_a_run_is_asked_for_and_read_with_its_report(operator, paid, reconcile):
    paid()

    asked = reconcile()
    read = operator.get(f"{PATH}/{asked.json()['id']}")

    assert (asked.status_code, asked.json()["status"]) == (202, "waiting")
    shown = msgspec.convert(read.json(), Reconciliation)
    assert shown.status == "finished"
    assert shown.report is not None
    assert shown.report.classes["matched"].ours.fen == 8888
    assert operator.get(f"{PATH}?account=wechat-main").json()["items"] == [read.json()]
    assert operator.get(f"{PATH}?account=alipay-main").json()["items"] == []


def test_a_difference_is_told_in_full(operator, paid, reconcile):
    payment = paid(lost=True)

    [shown] = found(operator, reconcile())

    told = msgspec.convert(shown, Discrepancy)
    assert (told.cls, told.our_amount, told.bill_amount) == ("missing_at_provider", 8888, None)
    assert (told.difference, told.order_id, told.kind) == (-8888, payment, "charge")
    assert operator.get(f"/v1/discrepancies/{told.id}").json() == shown
    assert [each.did for each in told.trail] == ["found"]


def test_money_is_accepted_by_two_persons(operator, anna, paid, reconcile):
    paid(lost=True)
    asked = reconcile()
    [shown] = found(operator, asked)
    path = f"/v1/discrepancies/{shown['id']}"
    why = {"reason": "The provider admits its mistake."}

    noted = operator.post(f"{path}/resolve", {"resolution": "note", **why})
    early = anna.post(f"{path}/approve", why)
    accepted = operator.post(f"{path}/resolve", {"resolution": "accept", **why})
    own = operator.post(f"{path}/approve", why)
    approved = anna.post(f"{path}/approve", why)
    late = operator.post(f"{path}/resolve", {"resolution": "repair", **why})

    assert (noted.status_code, early.status_code, own.status_code) == (409, 409, 409)
    assert accepted.json()["status"] == "awaiting_approval"
    assert (approved.status_code, approved.json()["status"]) == (200, "resolved")
    assert late.json()["code"] == "discrepancy_resolved"
    assert [(each["by"], each["did"]) for each in approved.json()["trail"]] == [
        ("basepay", "found"),
        ("olga", "accept"),
        ("anna", "approve"),
    ]
    reconcile()
    assert found(operator, asked) == [approved.json()]  # a repeated run keeps what persons did


def test_what_differs_is_taken_along(operator, paid, reconcile):
    paid(lost=True)
    run = reconcile().json()["id"]

    table = operator.get(f"{PATH}/{run}/discrepancies.csv")
    book = operator.get(f"{PATH}/{run}/report.xlsx")
    month = operator.get(f"{PATH}/{run}/month.svg")

    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["content-disposition"].startswith('attachment; filename="wechat-main-')
    [_, row] = csv.reader(StringIO(table.text))
    assert "88.88" in row
    assert book.content.startswith(b"PK")
    assert month.headers["content-type"] == "image/svg+xml"
    assert month.text.startswith("<svg")


def test_what_waits_for_persons_is_listed_with_its_age(operator, world, paid, reconcile):
    paid(lost=True)
    [shown] = found(operator, reconcile())
    world.clock.advance(timedelta(days=3).total_seconds())

    waiting = operator.get("/v1/discrepancies?status=open&account=wechat-main").json()["items"]

    assert waiting == [{**shown, "age_days": 3}]
    assert operator.get("/v1/discrepancies?account=alipay-main").json()["items"] == []
    assert operator.get("/v1/discrepancies?status=resolved").json()["items"] == []


def test_a_workbook_waits_for_the_report(operator, world, paid, reconcile):
    world.wechat.bills.late = True
    paid()
    run = reconcile().json()["id"]

    answer = operator.get(f"{PATH}/{run}/report.xlsx")

    assert (answer.status_code, answer.json()["code"]) == (409, "reconciliation_not_finished")
    assert operator.get(f"{PATH}/{run}").json()["failure"] == "the bill is still being made"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"account": "nowhere"}, "account"),
        ({"day": "2026-02-30"}, "day"),
        ({"day": "yesterday"}, "day"),
        ({"day": "2999-01-01"}, "day"),
        ({"dey": "2026-01-01"}, "dey"),
    ],
)
def test_nonsense_is_refused_with_its_field(reconcile, body, field):
    answer = reconcile(**body)

    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "path",
    [
        f"{PATH}/rec_{NOT_THERE}",
        f"{PATH}/rec_{NOT_THERE}/discrepancies",
        f"{PATH}/rec_{NOT_THERE}/report.xlsx",
        f"{PATH}/nonsense",
        f"/v1/discrepancies/dis_{NOT_THERE}",
    ],
)
def test_what_does_not_exist_is_not_found(operator, path):
    assert operator.get(path).status_code == 404


def test_apps_see_none_of_it(shop):
    for path in (
        PATH,
        "/v1/discrepancies",
        f"{PATH}/rec_{NOT_THERE}",
        f"/v1/discrepancies/dis_{NOT_THERE}",
    ):
        assert shop.get(path).json()["code"] == "operator_key_required"
    assert shop.post(PATH, {"account": "wechat-main", "day": "2026-01-01"}).status_code == 403
