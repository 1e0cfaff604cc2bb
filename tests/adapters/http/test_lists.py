import pytest

from application.records import Filter, Page
from domain.status import PaymentStatus
from tests.builders import a_payment

LISTS = ["/v1/payments", "/v1/refunds", "/v1/events"]


class Library:
    """Stands where the real one stands and keeps what it was asked."""

    def __init__(self):
        self.asked = []

    async def payments(self, wanted):
        self.asked.append(wanted)
        return Page([a_payment(id="pay_2"), a_payment(id="pay_1")], "pay_1")


@pytest.fixture
def library(world):
    world.app.library = Library()
    return world.app.library


def test_a_page_holds_items_and_the_next_cursor(library, shop):
    page = shop.get("/v1/payments").json()

    assert [item["id"] for item in page["items"]] == ["pay_2", "pay_1"]
    assert page["next_cursor"] == "pay_1"
    assert library.asked == [Filter(app="shop")]


def test_every_filter_reaches_the_library(library, shop):
    query = {
        "limit": "200",
        "cursor": "pay_1",
        "status": "succeeded",
        "method": "alipay_qr",
        "account": "alipay-main",
        "order_no": "null",
        "created_from": "2026-03-14T12:00:00+08:00",
        "created_to": "2026-03-14T04:00:00Z",
    }
    shop.get("/v1/payments", params=query)

    [asked] = library.asked
    assert (asked.limit, asked.cursor, asked.status) == (200, "pay_1", PaymentStatus.SUCCEEDED)
    assert (asked.method, asked.account, asked.order_no) == ("alipay_qr", "alipay-main", "null")
    assert asked.created_from == asked.created_to


def test_refunds_are_also_filtered_by_payment(run, world, shop, return_of_10_yuan):
    one, other = (run(world.paid(order_no=f"SO-{number}")) for number in range(2))
    for number, id in enumerate((one, other)):
        wanted = return_of_10_yuan | {"payment_id": id, "refund_no": f"RF-{number}"}
        shop.post("/v1/refunds", wanted, key=f"k{number}")

    [refund] = shop.get("/v1/refunds", params={"payment_id": one}).json()["items"]

    assert refund["payment_id"] == one


def test_pages_follow_each_other_to_the_end(run, world, shop):
    ids = {run(world.paid(order_no=f"SO-{number}")) for number in range(5)}
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = shop.get("/v1/payments", params={"limit": "2", **cursor}).json()
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert sorted(found, reverse=True) == found
    assert set(found) == ids


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=5&limit=5", "limit"),
        ("cursor=%00", "cursor"),
        ("cursor=", "cursor"),
        ("status=paid", "status"),
        ("created_from=yesterday", "created_from"),
        ("created_from=1700000000", "created_from"),
        ("created_to=2026-03-14T12:00:00", "created_to"),
        ("created_to=2026-03-14T12:00:00+08:00", "created_to"),  # an unescaped `+` is a space
        ("created_to=0001-01-01T00:00:00%2B08:00", "created_to"),
        ("app=rival", "app"),
        ("refresh=true", "refresh"),
        ("colour=red", "colour"),
        ("limit=5&" * 60, "query"),
    ],
)
def test_a_wrong_parameter_is_named(shop, path, query, field):
    response = shop.get(f"{path}?{query}")

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    [error] = response.json()["errors"]
    assert error["field"] == field
    assert error["expected"]


@pytest.mark.parametrize("path", ["/v1/payments/pay_1", "/v1/events/evt_1"])
def test_one_thing_takes_no_unknown_parameters_either(shop, path):
    response = shop.get(f"{path}?expand=refunds")

    assert response.json()["errors"] == [{"field": "expand", "expected": "no such field"}]


def test_refresh_is_true_or_false(shop):
    response = shop.get("/v1/payments/pay_1?refresh=soon")

    assert response.json()["errors"][0]["field"] == "refresh"


def test_an_app_sees_its_own_and_an_operator_all(run, world, shop, rival, operator, order):
    shop.post("/v1/payments", order, key="k1")
    rival.post("/v1/payments", order, key="k1")

    def apps(caller, **query):
        items = caller.get("/v1/payments", params=query).json()["items"]
        return sorted(item["app"] for item in items)

    assert apps(shop) == apps(shop, app="shop") == ["shop"]
    assert apps(rival) == ["rival"]
    assert apps(operator) == ["rival", "shop"]
    assert apps(operator, app="rival") == ["rival"]
