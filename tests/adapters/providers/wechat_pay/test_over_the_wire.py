"""Our client trades with the pretended WeChat Pay: every way to pay, and the doctor's questions."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.clock import MovableClock
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.wechat_pay.config import AppIds, WeChatPayConfig
from adapters.providers.wechat_pay.probe import binding, compare_keys, echo, knock, open_line
from adapters.providers.wechat_pay.sandbox.openids import openid_of
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox
from application.records import PaymentNews, RefundNews
from domain.method import TERMS, ActionType, Method, Provider
from domain.money import Money
from domain.outcome import (
    AwaitingPayer,
    Closed,
    Declined,
    Paid,
    RefundAccepted,
    Refunded,
    Unknown,
)
from domain.payment import Payment
from tests.adapters.providers.conftest import Merchant, served
from tests.adapters.providers.worlds import ASKS_PASSWORD, OWED, WeChatPayWorld

WAYS = [
    method
    for method, terms in TERMS.items()
    if terms.provider is Provider.WECHAT and not terms.charges_at_once
]
BACK = "https://shop.example.com/done?no=1&who=茶"


@pytest.fixture(scope="module")
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="module")
def sandbox_url(sandbox_keys, clock) -> Iterator[str]:
    app = create_sandbox(
        environment="test", clock=clock, providers=[WeChatPaySandbox], keys=sandbox_keys
    )
    with served(app) as url:
        yield url


@pytest.fixture
def world(run, clock, sandbox_url, merchant: Merchant) -> Iterator[WeChatPayWorld]:
    world = WeChatPayWorld(clock, sandbox_url, merchant, "")
    yield world
    run(world.aclose())


def an_order(world: WeChatPayWorld, method: Method) -> Payment:
    """Prepared for a payer whom the method's app id knows."""
    ids = world.credentials["app_ids"]
    mine = ids["mini_program" if method is Method.WECHAT_MINI_PROGRAM else "official_account"]
    return world._prepared(
        method=method,
        payer={"openid": openid_of(mine, "phone")} if TERMS[method].payer_fields() else {},
        client_ip="203.0.113.7",
        return_url=BACK,
        expires_at=world.clock.now() + timedelta(hours=2),
    )


def what_leads_there(action):
    """What the payer's device was handed, as the pretended phone takes it."""
    params = action.details.get("params", {})
    prepay_id = params.get("prepayid") or params.get("package", "").removeprefix("prepay_id=")
    return action.details.get("code_url") or action.details.get("url") or prepay_id


@pytest.mark.parametrize("method", WAYS)
def test_every_way_to_pay_ends_in_money_and_a_genuine_callback(run, world, method):
    payment = an_order(world, method)
    started = run(world.account.payments.start(payment))
    assert isinstance(started, AwaitingPayer)
    assert started.action is not None
    assert started.action.type is payment.terms.action

    order = {"code_url": what_leads_there(started.action)}
    world.sandbox.post("/sandbox/payer/pay", json=order).raise_for_status()

    paid = run(world.account.payments.query(payment))
    assert isinstance(paid, Paid)
    assert not payment.payee.contradicts(paid.payee)
    news = world.account.callbacks.read(world.callback())
    assert isinstance(news, PaymentNews)
    assert news.provider_order_no == payment.provider_order_no
    assert news.outcome == paid


@pytest.mark.parametrize("method", WAYS)
def test_every_way_to_pay_can_be_closed_and_asked_for_again(run, world, method):
    payment = an_order(world, method)
    first = run(world.account.payments.start(payment))
    second = run(world.account.payments.start(payment))

    assert isinstance(second, AwaitingPayer)
    assert second.action is not None
    assert first.action.type is second.action.type
    assert isinstance(run(world.account.payments.close(payment)), Closed)


def test_a_browser_is_let_through_to_the_phone_and_back(run, world):
    payment = an_order(world, Method.WECHAT_H5)
    action = run(world.account.payments.start(payment)).action

    page = world.sandbox.get(action.details["url"], headers={"Referer": "https://pay.example.com/"})

    assert action.type is ActionType.REDIRECT
    assert page.status_code == 302
    assert "shop.example.com" in page.headers["location"]


def test_the_wrong_person_is_declined(run, world):
    """An openid of the official account is nobody to the mini program."""
    payment = an_order(world, Method.WECHAT_JSAPI)
    payment.method = Method.WECHAT_MINI_PROGRAM
    payment.request = world.account.payments.prepare(payment).request

    declined = run(world.account.payments.start(payment))

    assert isinstance(declined, Declined)
    assert declined.failure.provider_code == "OPENID_MISMATCH"
    assert not declined.failure.retryable


def test_while_the_payer_types_a_charge_can_not_be_taken_back(run, world):
    payment = world.charge(ASKS_PASSWORD)
    run(world.account.payments.start(payment))
    world.clock.advance(20)

    waiting = run(world.account.payments.close(payment))
    world.payer_pays(payment)
    paid = run(world.account.payments.query(payment))
    taken_back = run(world.account.payments.close(payment))

    assert waiting == AwaitingPayer()
    assert isinstance(paid, Paid)
    assert taken_back == Closed(reversed=True)


def test_a_charge_can_not_be_taken_back_too_early(run, world):
    payment = world.charge()
    run(world.account.payments.start(payment))

    assert isinstance(run(world.account.payments.close(payment)), Paid)


def test_a_charge_asked_for_twice_is_made_once(run, world):
    payment = world.charge()
    run(world.account.payments.start(payment))

    assert isinstance(run(world.account.payments.start(payment)), Paid)
    assert world.book(payment).charges == 1


@pytest.mark.parametrize(
    "fault", ["bad_signature", "missing_signature", "signtest", "unknown_serial"]
)
@pytest.mark.parametrize("wallet", ["00", ASKS_PASSWORD, "02"])
def test_only_a_signed_answer_tells_how_a_charge_went(run, world, fault, wallet):
    payment = world.charge(wallet)
    world._fault(fault, operation="charge")

    assert isinstance(run(world.account.payments.start(payment)), Unknown)


def test_a_lost_reversal_is_not_taken_for_a_payment(run, world):
    """The answer says "system error" before anything happened: the charge may yet go back."""
    payment = world.charge()
    run(world.account.payments.start(payment))
    world.clock.advance(20)
    world._fault("error", operation="reverse")

    assert isinstance(run(world.account.payments.close(payment)), Unknown)
    assert run(world.account.payments.close(payment)) == Closed(reversed=True)


@pytest.mark.parametrize("operation", ["prepay", "query", "close", "refund", "refund_query"])
def test_a_pause_that_is_ordered_is_heard(run, world, operation):
    payment = world.order()
    run(world.account.payments.start(payment))
    refund = world.refund_of(payment)
    world._fault("status", operation=operation, status=429, seconds=30)

    outcome = run(
        {
            "prepay": lambda: world.account.payments.start(payment),
            "query": lambda: world.account.payments.query(payment),
            "close": lambda: world.account.payments.close(payment),
            "refund": lambda: world.account.refunds.refund(refund, payment),
            "refund_query": lambda: world.account.refunds.query_refund(refund, payment),
        }[operation]()
    )

    assert isinstance(outcome, Unknown)
    assert outcome.retry_after == timedelta(seconds=30)


def test_a_refund_made_on_the_merchants_site_is_told_and_found(run, world):
    payment = world.charge()
    run(world.account.payments.start(payment))
    number = world.merchant_refunds_on_site(payment, Money(700))
    found = run(world.account.refunds.look_up(number, payment))
    other = world.charge()

    assert found.amount == Money(700)
    assert isinstance(found.outcome, RefundAccepted | Refunded)
    assert isinstance(run(world.account.refunds.look_up(number, other)), Unknown)


def test_a_refund_made_on_the_merchants_site_calls_back(run, world):
    payment = world.order()
    run(world.account.payments.start(payment))
    world.payer_pays(payment)
    world.callback()
    number = world.merchant_refunds_on_site(payment, OWED)
    world._time_passes(2)

    news = world.account.callbacks.read(world.callback(2))

    assert isinstance(news, RefundNews)
    assert (news.provider_refund_no, news.provider_order_no) == (number, payment.provider_order_no)
    assert run(world.account.payments.query(payment)).refunding


# The doctor


@pytest.fixture
def line(world):
    return open_line(_config(world), world.transport, world.clock)


def test_a_healthy_account_passes(run, world, line):
    seen = run(knock(line))
    told = world.credentials

    assert (seen.answered, seen.accepted, seen.genuine) == (True, True, True)
    assert run(echo(line, "一杯茶")).returned
    match = compare_keys(told["private_key"], told["certificate"], told["serial_no"])
    assert (match.key_fits, match.serial_fits) == (True, True)


@pytest.mark.parametrize("kind", ["official_account", "mini_program", "app"])
def test_an_app_id_is_bound_or_not_and_no_order_stays_open(run, world, line, kind):
    assert run(binding(line, kind)).bound is True

    foreign = replace(line.config, app_ids=AppIds(**{kind: "wx9999999999999999"}))
    other = open_line(foreign, world.transport, world.clock)
    assert run(binding(other, kind)).bound is False
    probes = [
        order
        for order in world._get("/sandbox/book")["orders"]
        if order["provider_order_no"].startswith("probe-")
    ]
    assert {order["state"] for order in probes} <= {"CLOSED"}


def test_a_wrong_serial_and_a_wrong_key_are_told(run, world, line):
    config = replace(line.config, serial_no="ABCDEF")

    seen = run(knock(open_line(config, world.transport, world.clock)))

    assert (seen.answered, seen.accepted) == (True, False)
    assert "SIGNERROR" in seen.said


def test_an_account_without_any_key_fetches_before_it_asks(run, world, line):
    bare = replace(line.config, platform_certificates=())
    it = open_line(bare, world.transport, world.clock)

    assert run(knock(it)).genuine
    assert it.keys.preferred == world.credentials["platform_serial_no"]


def _config(world: WeChatPayWorld) -> WeChatPayConfig:
    told = world.credentials
    return WeChatPayConfig(
        name="wechat-main",
        mchid=told["mchid"],
        app_ids=AppIds(**told["app_ids"]),
        serial_no=told["serial_no"],
        private_key=told["private_key"],
        api_v3_key=told["api_v3_key"],
        platform_certificates=(told["platform_certificate"],),
        base_url=told["base_url"],
        notify_url=world.merchant.url,
    )
