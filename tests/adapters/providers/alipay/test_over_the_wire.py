"""Our client trades with the pretended Alipay: every way to pay, and keys that are turned."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from adapters.clock import MovableClock
from adapters.providers.alipay.probe import ask_gateway, certificate_facts
from adapters.providers.alipay.sandbox.provider import AlipaySandbox
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.keys import KeyRing
from application.ports import CallbackRejected
from application.records import PaymentNews, RefundNews
from domain.method import TERMS, Method, Provider
from domain.money import Money
from domain.outcome import (
    AwaitingPayer,
    Closed,
    NotFound,
    Paid,
    Refunded,
    RefundNotFound,
    Unknown,
)
from tests.adapters.providers.conftest import Merchant, served
from tests.adapters.providers.worlds import ASKS_PASSWORD, OWED, AlipayWorld

WAYS = [
    m
    for m, terms in TERMS.items()
    if terms.provider is Provider.ALIPAY and not terms.charges_at_once
]
PAYERS = {Method.ALIPAY_JSAPI: {"buyer_id": "2088000000000011"}}


def gateway(keys: KeyRing, clock: MovableClock):
    app = create_sandbox(environment="test", clock=clock, providers=[AlipaySandbox], keys=keys)
    return served(app)


@pytest.fixture(scope="module")
def there(sandbox_keys: KeyRing) -> Iterator[tuple[MovableClock, str]]:
    """One gateway whose keys stay as they are; orders never share a number."""
    clock = MovableClock()
    with gateway(sandbox_keys, clock) as url:
        yield clock, url


@pytest.fixture
def world(run, there: tuple[MovableClock, str], merchant: Merchant) -> Iterator[AlipayWorld]:
    world = AlipayWorld(*there, merchant, "")
    yield world
    run(world.aclose())


@pytest.fixture
def turning(run, merchant: Merchant) -> Iterator[AlipayWorld]:
    """A gateway of its own, for an account in certificate mode: its keys are turned."""
    clock = MovableClock()
    with gateway(KeyRing(), clock) as url:
        world = AlipayWorld(clock, url, merchant, "")
        world.in_certificate_mode()
        yield world
        run(world.aclose())


def an_order(world, method):
    """An order as it is stored: with its request, and its action if that needs no call."""
    return world._prepared(
        method=method,
        payer=PAYERS.get(method, {}),
        client_ip="203.0.113.7",
        return_url="https://shop.example.com/done?no=1&who=茶",
        expires_at=world.clock.now() + timedelta(hours=2),
    )


def pays(world, payment, action):
    """The payer follows what the front end was given, or Alipay's app knows the number."""
    details = action.details
    link = details.get("code_url") or details.get("url") or details.get("order_string")
    order = {"code_url": link} if link else {"provider_order_no": payment.provider_order_no}
    world.sandbox.post("/sandbox/payer/pay", json=order).raise_for_status()


@pytest.mark.parametrize("mode", ["keys", "certificates"])
@pytest.mark.parametrize("method", WAYS)
def test_every_way_to_pay_ends_in_money_and_a_genuine_callback(run, world, method, mode):
    if mode == "certificates":
        world.in_certificate_mode()
    payment = an_order(world, method)
    started = run(world.account.payments.start(payment))
    assert isinstance(started, AwaitingPayer)

    pays(world, payment, started.action)

    assert isinstance(run(world.account.payments.query(payment)), Paid)
    news = world.account.callbacks.read(world.callback())
    assert isinstance(news, PaymentNews)
    assert isinstance(news.outcome, Paid)
    assert news.outcome.amount == OWED
    assert not payment.payee.contradicts(news.outcome.payee)


@pytest.mark.parametrize("method", WAYS)
def test_an_order_that_the_payer_opened_can_be_closed_and_no_other(run, world, method):
    payment = an_order(world, method)
    started = run(world.account.payments.start(payment))
    there_at_once = method is Method.ALIPAY_JSAPI

    before = run(world.account.payments.close(payment))

    assert isinstance(before, Closed if there_at_once else NotFound)
    if not there_at_once:
        details = started.action.details
        link = details.get("code_url") or details.get("url") or details.get("order_string")
        world.sandbox.post("/sandbox/payer/scan", json={"code_url": link}).raise_for_status()
        assert isinstance(run(world.account.payments.close(payment)), Closed)


def test_a_link_made_anew_leads_to_the_same_order(run, world):
    payment = an_order(world, Method.ALIPAY_PAGE)
    first = run(world.account.payments.start(payment)).action
    second = run(world.account.payments.start(payment)).action

    pays(world, payment, first)
    world.sandbox.post("/sandbox/payer/scan", json={"code_url": second.details["url"]})

    assert world.book(payment).charges == 1


def test_a_cancel_to_be_repeated_is_certain_the_next_time(run, world):
    payment = world.charge(ASKS_PASSWORD)
    run(world.account.payments.start(payment))
    world._fault("retry_flag")

    first = run(world.account.payments.close(payment))
    second = run(world.account.payments.close(payment))

    assert isinstance(first, Unknown)
    assert isinstance(second, Closed)


def test_a_refund_without_a_fund_change_is_settled_by_the_refund_query(run, world):
    payment = world.charge()
    run(world.account.payments.start(payment))
    refund = world.refund_of(payment, Money(500))
    world._fault("no_fund_change")

    told = run(world.account.refunds.refund(refund, payment))

    assert isinstance(told, Refunded | RefundNotFound)
    asked = run(world.account.refunds.refund(refund, payment))
    assert asked == Refunded(Money(500), asked.refunded_at)
    assert world.book(payment).returned == 500


def test_a_refund_on_alipays_own_site_is_announced_and_looked_up(run, world):
    payment = world.charge()
    run(world.account.payments.start(payment))
    number = world.merchant_refunds_on_site(payment, OWED)

    told = [world.callback(1), world.callback(2)]  # both are due at once and may change places
    (refunded,) = [each for each in told if b"gmt_refund=" in each.body]
    news = world.account.callbacks.read(refunded)

    assert isinstance(news, RefundNews)
    assert (news.provider_refund_no, news.provider_order_no) == (number, payment.provider_order_no)
    assert run(world.account.refunds.look_up(number, payment)).amount == OWED
    assert run(world.account.payments.query(payment)).returned


# Keys that are turned


@pytest.mark.parametrize(
    "steps",
    [
        ["reissue_certificate"],
        ["announce_certificate", "sign_with_new_certificate"],
        ["announce_certificate", "sign_with_new_certificate", "retire_old_certificate"],
    ],
)
def test_no_call_fails_when_alipay_takes_another_certificate(run, turning, steps):
    payment = an_order(turning, Method.ALIPAY_QR)

    for step in steps:
        assert isinstance(run(turning.account.payments.start(payment)), AwaitingPayer)
        turning.turns_keys(step)

    started = run(turning.account.payments.start(payment))
    assert isinstance(started, AwaitingPayer)
    pays(turning, payment, started.action)
    assert isinstance(turning.account.callbacks.read(turning.callback()), PaymentNews)


def test_a_callback_of_a_new_key_is_taken_once_the_upkeep_has_asked(run, turning):
    payment = an_order(turning, Method.ALIPAY_WAP)
    action = run(turning.account.payments.start(payment)).action
    turning.turns_keys("announce_certificate")
    turning.turns_keys("sign_with_new_certificate")
    pays(turning, payment, action)
    with pytest.raises(CallbackRejected):
        turning.account.callbacks.read(turning.callback())

    run(turning.account.upkeep.ask())

    assert isinstance(turning.account.callbacks.read(turning.callback()), PaymentNews)


def test_a_forged_answer_is_not_believed_under_a_made_up_number(run, world):
    world.in_certificate_mode()
    payment = world.charge()
    run(world.account.payments.start(payment))
    world._fault("bad_signature", times=None)
    world._fault("unknown_serial", times=None)

    assert isinstance(run(world.account.payments.query(payment)), Unknown)


def test_the_probe_finds_app_keys_time_and_certificates_in_order(run, world):
    world.in_certificate_mode()
    config = world.account.payments._config

    question = run(ask_gateway(config, world.transport))

    assert (question.reached, question.accepted) == (True, True)
    assert question.skew is None or abs(question.skew) < timedelta(seconds=60)
    facts = certificate_facts(config, at=world.clock.now())
    assert [each.fits for each in facts] == [True, True, True]
