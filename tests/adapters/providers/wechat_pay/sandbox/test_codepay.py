"""Payment codes: charged once, perhaps with a password, reversed when the till gives up."""

from functools import partial

import pytest

from adapters.clock import MovableClock
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.provider import World
from adapters.providers.sandbox.records import Order
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox

PAYS, ASKS, POOR, STALE, REFUSED = (
    f"1300000000000000{last}" for last in ("00", "01", "02", "03", "04")
)


def code(response):
    """Read the status and code of a refusal."""
    return response.status_code, response.json()["code"]


@pytest.fixture
def shop_with(new_shop):
    """Open a shop at a simulator with other assumptions."""

    def open_one(**settings):
        return new_shop(partial(WeChatPaySandbox, settings=WeChatPaySandboxSettings(**settings)))

    return open_one


def test_a_code_is_charged_at_once_and_nobody_calls_back(shop):
    trade = shop.charge("ORDER-0001", PAYS).json()

    assert (trade["trade_state"], trade["trade_type"]) == ("SUCCESS", "MICROPAY")
    assert trade["amount"]["total"] == 1999
    assert shop.query("ORDER-0001").json() == trade
    order = shop.order("ORDER-0001")
    assert (order["charges"], order["product"]) == (1, "code")
    assert shop.book()["pending_callbacks"] == []


@pytest.mark.parametrize(
    ("auth_code", "says", "shows"),
    [
        (ASKS, (202, "USER_PAYING"), "USERPAYING"),
        (POOR, (403, "NOT_ENOUGH"), "PAYERROR"),
        (REFUSED, (403, "TRADE_ERROR"), "PAYERROR"),
    ],
)
def test_a_wallet_that_does_not_pay_says_why(shop, auth_code, says, shows):
    assert code(shop.charge("ORDER-0001", auth_code)) == says
    assert shop.state("ORDER-0001") == shows
    assert shop.order("ORDER-0001")["charges"] == 0
    assert code(shop.charge("ORDER-0001", auth_code)) == says


def test_a_stale_code_leaves_no_order(shop):
    assert code(shop.charge("ORDER-0001", STALE)) == (400, "AUTH_CODE_EXPIRE")
    assert code(shop.query("ORDER-0001")) == (404, "ORDER_NOT_EXIST")


@pytest.mark.parametrize(
    ("auth_code", "says"),
    [
        ("280000000000000000", "AUTH_CODE_INVALID"),
        ("160000000000000000", "AUTH_CODE_INVALID"),
        ("13000000000000000", "PARAM_ERROR"),
        ("1300000000000000000", "PARAM_ERROR"),
        ("13000000000000000x", "PARAM_ERROR"),
    ],
)
def test_what_is_no_code_of_this_wallet_is_refused(shop, auth_code, says):
    assert code(shop.charge("ORDER-0001", auth_code)) == (400, says)
    assert shop.book()["orders"] == []


def test_a_charge_names_the_store(shop):
    answer = shop.charge("ORDER-0001", PAYS, scene_info={"store_info": {"name": "shop"}})

    assert answer.json()["detail"]["field"] == "/scene_info/store_info"


def test_a_code_serves_one_order_only(shop):
    shop.charge("ORDER-0001", PAYS)

    assert code(shop.charge("ORDER-0002", PAYS)) == (400, "AUTH_CODE_ERROR")
    assert len(shop.book()["orders"]) == 1


def test_one_number_is_never_charged_twice(shop, shop_with):
    shop.charge("ORDER-0001", PAYS)

    assert code(shop.charge("ORDER-0001", PAYS)) == (400, "ORDERPAID")
    assert code(shop.charge("ORDER-0001", PAYS[:-1] + "9")) == (403, "OUT_TRADE_NO_USED")
    assert shop.order("ORDER-0001")["charges"] == 1
    other = shop_with(charge_again_shows_payment=True)
    first = other.charge("ORDER-0001", PAYS).json()
    assert other.charge("ORDER-0001", PAYS).json() == first
    assert other.order("ORDER-0001")["charges"] == 1


@pytest.mark.parametrize("action", ["password", "pay"])
def test_the_payers_password_completes_the_charge(shop, action):
    shop.charge("ORDER-0001", ASKS)
    assert shop.payer(action, "ORDER-0001").json()["state"] == "SUCCESS"

    assert shop.state("ORDER-0001") == "SUCCESS"
    assert shop.order("ORDER-0001")["charges"] == 1
    assert shop.payer(action, "ORDER-0001").status_code == 409
    shop.passes(60)
    assert shop.state("ORDER-0001") == "SUCCESS"


def test_a_payer_who_declines_ends_the_charge(shop, shop_with):
    for it, state in ((shop, "PAYERROR"), (shop_with(failed_charge_state="NOTPAY"), "NOTPAY")):
        it.charge("ORDER-0001", ASKS)
        it.payer("decline", "ORDER-0001").raise_for_status()
        assert it.state("ORDER-0001") == state
        assert it.payer("pay", "ORDER-0001").status_code == 409


def test_a_password_nobody_types_ends_the_charge_after_45_seconds(shop, shop_with):
    for it, state in (
        (shop, "NOTPAY"),
        (shop_with(unanswered_charge_state="PAYERROR"), "PAYERROR"),
    ):
        it.charge("ORDER-0001", ASKS)
        it.passes(40)
        assert it.state("ORDER-0001") == "USERPAYING"
        it.passes(6)
        assert it.state("ORDER-0001") == state
        assert it.payer("password", "ORDER-0001").status_code == 409


def test_the_payer_may_let_the_wait_end_at_once(shop):
    shop.charge("ORDER-0001", ASKS)
    shop.payer("expire", "ORDER-0001").raise_for_status()

    assert shop.state("ORDER-0001") == "NOTPAY"


def test_a_paid_code_is_reversed_in_full_after_15_seconds(shop):
    shop.charge("ORDER-0001", PAYS)
    assert code(shop.reverse("ORDER-0001")) == (400, "INVALID_REQUEST")
    shop.passes(15)

    reversed_ = shop.reverse("ORDER-0001")
    assert reversed_.json().keys() == {"appid", "mchid", "out_trade_no"}
    assert shop.state("ORDER-0001") == "REVOKED"
    assert shop.reverse("ORDER-0001").status_code == 200
    assert code(shop.refund("ORDER-0001", "R-1", 1)) == (400, "INVALID_REQUEST")
    assert code(shop.charge("ORDER-0001", PAYS)) == (400, "ORDER_REVERSED")
    assert code(shop.close("ORDER-0001")) == (400, "ORDER_REVERSED")


def test_an_unpaid_code_is_reversed_too(shop, shop_with):
    for it, state in ((shop, "REVOKED"), (shop_with(reversed_unpaid_state="CLOSED"), "CLOSED")):
        it.charge("ORDER-0001", POOR)
        it.passes(15)
        assert it.reverse("ORDER-0001").status_code == 200
        assert it.state("ORDER-0001") == state


def test_a_paid_code_shows_revoked_whatever_an_unpaid_one_does(shop_with):
    shop = shop_with(reversed_unpaid_state="CLOSED")
    shop.charge("ORDER-0001", PAYS)
    shop.passes(15)
    shop.reverse("ORDER-0001").raise_for_status()

    assert shop.state("ORDER-0001") == "REVOKED"


def test_nobody_reverses_or_closes_under_the_payers_hands(shop):
    shop.charge("ORDER-0001", ASKS)
    shop.passes(20)

    assert code(shop.reverse("ORDER-0001")) == (202, "USER_PAYING")
    assert code(shop.close("ORDER-0001")) == (202, "USER_PAYING")
    shop.passes(26)
    assert shop.reverse("ORDER-0001").status_code == 200


def test_what_can_not_be_reversed(shop):
    shop.paid("ORDER-0001")
    shop.charge("ORDER-0002", PAYS)
    shop.passes(8 * 86400)

    assert code(shop.reverse("ORDER-0001")) == (400, "INVALID_REQUEST")  # not a code's
    assert code(shop.reverse("ORDER-0002")) == (400, "INVALID_REQUEST")  # too old
    assert code(shop.reverse("NO-SUCH-ONE")) == (404, "ORDER_NOT_EXIST")
    target = "/v3/pay/transactions/out-trade-no/ORDER-0002/reverse"
    nameless = shop.call("POST", target, {"mchid": shop.credentials["mchid"]})
    assert code(nameless) == (500, "SYSTEM_ERROR")


def test_a_refunded_code_is_not_reversed(shop):
    shop.charge("ORDER-0001", PAYS)
    shop.passes(60)
    assert shop.refund("ORDER-0001", "R-1", 500).status_code == 200

    assert code(shop.reverse("ORDER-0001")) == (403, "TRADE_ERROR")


def test_a_charge_whose_answer_is_lost_has_happened(shop):
    shop.arm("status", operation="charge", status=502, effect=True)
    assert shop.charge("ORDER-0001", PAYS).status_code == 502
    shop.arm("status", operation="reverse", status=500)
    shop.passes(15)

    assert shop.state("ORDER-0001") == "SUCCESS"
    assert shop.reverse("ORDER-0001").status_code == 500
    assert shop.reverse("ORDER-0001").status_code == 200


def test_the_old_spelling_has_its_own_words(shop_with):
    shop = shop_with(new_spelling=False)

    assert code(shop.charge("ORDER-0001", ASKS)) == (202, "USERPAYING")
    assert code(shop.charge("ORDER-0002", POOR)) == (403, "NOTENOUGH")
    assert code(shop.charge("ORDER-0003", STALE)) == (400, "AUTHCODEEXPIRE")


def test_a_wait_for_the_password_ends_after_a_restart_too(sandbox_keys):
    world = World(MovableClock(), Book(), sandbox_keys)
    request = {"appid": "wx1111111111111111"}
    now = world.clock.now()
    waiting = Order(
        provider="wechat",
        merchant="1900000001",
        provider_order_no="ORDER-0001",
        product="code",
        amount=1999,
        subject="茶",
        state="USERPAYING",
        created_at=now,
        details={"request": request, "trade_type": "MICROPAY"},
    )
    world.book.keep(waiting)
    restarted = WeChatPaySandbox(world)
    world.clock.advance(46)
    restarted.pass_time()

    assert [order.state for order in world.book.orders()] == ["NOTPAY"]
