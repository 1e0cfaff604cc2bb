"""What the demo plays, and what it expects of each scene."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from entrypoints.demo_shop import CODES, HAS_NO_BALANCE, NEEDS, OPENED_FIRST, PAYS, Shop

METHODS = tuple(NEEDS)

#: Seconds: more than the distance between two refunds of one payment, WeChat's being 61 s.
REFUND_DISTANCE = 70

#: Seconds: the default two hours of a payment, and the ten minutes of grace after them.
LIFETIME, GRACE = 7_200, 600

AMOUNT, FIRST_PART = 8888, 3000


class Broken(Exception):
    """An expectation did not hold; the text says which."""


def everywhere(_: str) -> bool:
    """It can happen to every method."""
    return True


def codes(method: str) -> bool:
    """It can happen to payment codes only."""
    return method in CODES


def no_codes(method: str) -> bool:
    """It can't happen to payment codes."""
    return method not in CODES


def called_back(method: str) -> bool:
    """The provider calls back; WeChat Pay does not for codes."""
    return method != "wechat_code"


def asked_for(method: str) -> bool:
    """There is a call whose answer can go astray."""
    return method not in OPENED_FIRST


@dataclass(frozen=True, slots=True)
class Scenario:
    """A title in the trade's words, how it is played with one method, and with which it can be."""

    title: str
    play: Callable[[Shop, str], Awaitable[None]]
    fits: Callable[[str], bool] = everywhere


def expect(what: str, wanted: object, seen: object) -> None:
    """Raise Broken unless they are equal."""
    if wanted != seen:
        raise Broken(f"{what}: expected {wanted!r}, got {seen!r}")


async def paid(shop: Shop, method: str) -> None:
    payment = await shop.paid_payment(method)
    expect("status", "succeeded", payment["status"])
    events = await shop.events_of(payment)
    expect("events", ["basepay.payment.succeeded"], [event["type"] for event in events])
    expect("event data", payment, events[0]["data"])


async def charged_at_once(shop: Shop, method: str) -> None:
    answer = await shop.pay(method, wallet=PAYS)
    expect("answer", (201, "succeeded"), (answer.status_code, answer.json()["status"]))


async def declined(shop: Shop, method: str) -> None:
    answer = await shop.pay(method, wallet=HAS_NO_BALANCE)
    expect("answer", (201, "failed"), (answer.status_code, answer.json()["status"]))


async def declined_then_paid(shop: Shop, method: str) -> None:
    payment = await shop.open_payment(method)
    await shop.payer("decline", payment)
    expect("status after declining", "created", (await shop.payment(payment))["status"])
    expect("status", "succeeded", (await shop.pays(payment))["status"])


async def taken_back(shop: Shop, method: str) -> None:
    await shop.trouble("cut_after_effect", method, times=None)
    await shop.trouble("callback_dropped", method, times=None)
    payment = await shop.open_payment(method, wallet=PAYS)
    expect("action while nobody knows", None, payment["action"])
    await shop.time_passes(50)
    await shop.payment_once(payment, lambda it: it["closing"])  # and that answer is lost, too
    await shop.clear_faults()
    await shop.time_passes(70)
    after = await shop.payment_becomes(payment, "closed")
    expect("payment", ("closed", True), (after["status"], after["reversed"]))


async def closed_by_the_shop(shop: Shop, method: str) -> None:
    payment = await shop.open_payment(method)
    await shop.payer("scan", payment)  # unknown to Alipay before, so it could not be closed
    answer = await shop.close(payment)
    if method == "wechat_code":  # nothing is taken back while its payer types
        expect("answer", (202, True), (answer.status_code, answer.json()["closing"]))
        await shop.time_passes(60)
        expect("status", "closed", (await shop.payment_becomes(payment, "closed"))["status"])
    else:
        expect("answer", (200, "closed"), (answer.status_code, answer.json()["status"]))


async def close_comes_too_late(shop: Shop, method: str) -> None:
    payment = await shop.open_payment(method)
    await shop.trouble("callback_dropped", method)
    await shop.payer("pay", payment)
    answer = await shop.close(payment)
    expect(
        "answer", (409, "payment_already_succeeded"), (answer.status_code, answer.json()["code"])
    )
    expect("status", "succeeded", (await shop.payment(payment))["status"])


async def refunded_in_two_parts(shop: Shop, method: str) -> None:
    payment = await shop.paid_payment(method)
    for amount in (FIRST_PART, AMOUNT - FIRST_PART):
        refund = await shop.refund(payment, amount)
        await shop.time_passes(REFUND_DISTANCE)
        expect("refund", "succeeded", (await shop.refund_becomes(refund, "succeeded"))["status"])
    after = await shop.payment(payment)
    expect("payment", ("succeeded", AMOUNT), (after["status"], after["refunded_amount"]))


async def refunded_elsewhere(shop: Shop, method: str) -> None:
    payment = await shop.paid_payment(method)
    await shop.merchant_refunds(payment, FIRST_PART)
    await shop.time_passes(5)
    after = await shop.payment_once(payment, lambda it: it["refunded_amount"] == FIRST_PART)
    expect("payment", ("succeeded", FIRST_PART), (after["status"], after["refunded_amount"]))


async def callback_lost(shop: Shop, method: str) -> None:
    payment = await shop.open_payment(method)
    await shop.trouble("callback_dropped", method)
    await shop.payer("pay", payment)
    await shop.time_passes(11)
    expect("status", "succeeded", (await shop.payment_becomes(payment, "succeeded"))["status"])


async def callback_twice(shop: Shop, method: str) -> None:
    payment = await shop.open_payment(method)
    await shop.trouble("callback_twice", method)
    expect("status", "succeeded", (await shop.pays(payment))["status"])
    expect("events", 1, len(await shop.events_of(payment)))


async def callback_forged(shop: Shop, method: str) -> None:
    payment = await shop.open_payment(method)
    await shop.trouble("callback_forged", method)
    expect("status", "succeeded", (await shop.pays(payment))["status"])
    expect("events", 1, len(await shop.events_of(payment)))


async def answer_lost(shop: Shop, method: str) -> None:
    await shop.trouble("cut_after_effect", method)
    answer = await shop.pay(method)
    expect("answer", (202, None), (answer.status_code, answer.json()["action"]))
    await shop.time_passes(6)
    payment = await shop.action_appears(answer.json())
    expect("status", "succeeded", (await shop.pays(payment))["status"])
    expect("asked again", "succeeded", (await shop.asked_again(payment))["status"])


async def answer_forged(shop: Shop, method: str) -> None:
    await shop.trouble("bad_signature", method)
    answer = await shop.pay(method)
    expect("answer", (202, "created"), (answer.status_code, answer.json()["status"]))
    await shop.time_passes(6)
    expect("action", True, (await shop.action_appears(answer.json()))["action"] is not None)


async def same_key_twice(shop: Shop, method: str) -> None:
    key, order_no = shop.new_number(), shop.new_number()
    first = await shop.pay(method, key=key, order_no=order_no)
    again = await shop.pay(method, key=key, order_no=order_no)
    expect("answer", (201, first.content), (again.status_code, again.content))
    expect("Idempotent-Replayed", "true", again.headers.get("idempotent-replayed"))


async def price_changed(shop: Shop, method: str) -> None:
    order_no = shop.new_number()
    first = (await shop.pay(method, order_no=order_no)).json()
    second = (await shop.pay(method, order_no=order_no, amount=6666)).json()
    expect("second", "succeeded", (await shop.pays(second))["status"])
    expect("superseded_by", second["id"], (await shop.payment(first))["superseded_by"])


async def one_fen(shop: Shop, method: str) -> None:
    await shop.turn_one_fen(on=True)
    try:
        payment = await shop.paid_payment(method)
    finally:
        await shop.turn_one_fen(on=False)
    expect("charged", (AMOUNT, 1), (payment["amount"], payment["charged_amount"]))
    part = await shop.refund(payment, AMOUNT - 1)
    expect("share of a part", (0, "succeeded"), (part["charged_amount"], part["status"]))
    last = await shop.refund(payment, 1)
    await shop.time_passes(REFUND_DISTANCE)
    expect("share of the last", 1, last["charged_amount"])
    expect("last refund", "succeeded", (await shop.refund_becomes(last, "succeeded"))["status"])


async def expired(shop: Shop, method: str) -> None:
    payment = await shop.open_payment(method)
    await shop.time_passes(LIFETIME + GRACE + 1)
    expect("status", "closed", (await shop.payment_becomes(payment, "closed"))["status"])


SCENARIOS = (
    Scenario("paid", paid),
    Scenario("charged at once", charged_at_once, codes),
    Scenario("declined", declined, codes),
    Scenario("declined, then paid", declined_then_paid, no_codes),
    Scenario("charged unheard, taken back", taken_back, codes),
    Scenario("closed by the shop", closed_by_the_shop),
    Scenario("close comes too late", close_comes_too_late),
    Scenario("refunded in two parts", refunded_in_two_parts),
    Scenario("refunded on the provider's site", refunded_elsewhere, called_back),
    Scenario("callback lost", callback_lost, called_back),
    Scenario("callback twice", callback_twice, called_back),
    Scenario("callback forged", callback_forged, called_back),
    Scenario("provider's answer lost", answer_lost, asked_for),
    Scenario("provider's answer forged", answer_forged, asked_for),
    Scenario("same key twice", same_key_twice, no_codes),
    Scenario("price changed while open", price_changed, no_codes),
    Scenario("one fen charged, given back", one_fen),
    Scenario("expired", expired),
)


async def both_paid(shop: Shop, _: str) -> None:
    order_no = shop.new_number()
    first = await shop.open_payment("wechat_native", order_no=order_no)
    await shop.trouble("cut_before_effect", "wechat", times=None)
    second = await shop.open_payment("alipay_qr", order_no=order_no)
    await shop.pays(second)
    await shop.payer("pay", first)
    await shop.clear_faults()
    twice = await shop.payment_once(first, lambda it: it["duplicate_of"] == second["id"])
    expect("duplicate_of", second["id"], twice["duplicate_of"])
    await shop.time_passes(REFUND_DISTANCE)
    after = await shop.payment_once(first, lambda it: it["refunded_amount"] == AMOUNT)
    expect("given back", AMOUNT, after["refunded_amount"])


async def logged_in_and_paid(shop: Shop, _: str) -> None:
    for app, method in (
        ("official_account", "wechat_jsapi"),
        ("mini_program", "wechat_mini_program"),
    ):
        openid = await shop.openid(app)
        payment = await shop.paid_payment(method, payer={"openid": openid})
        expect(f"payer by {app}", openid, payment["payer"])
    signed = await shop.js_config("https://127.0.0.1/pay?order=1")
    expect("signed page", 40, len(signed["signature"]))


#: What is not about one method.
BESIDES = (
    Scenario("paid twice, one given back", both_paid),
    Scenario("logged in with WeChat, paid", logged_in_and_paid),
)


async def books_agree(shop: Shop, _: str) -> None:
    """Every charge and refund of the providers is ours, once, and announced once."""
    book = await shop.book()
    payments = {each["provider_order_no"]: each for each in await shop.all_of("payments")}
    for order in book["orders"]:
        ours = payments.get(order["provider_order_no"])
        number = order["provider_order_no"]
        expect(f"{number} is known here", True, ours is not None)
        expect(f"charges of {number}", True, order["charges"] <= 1)
        if ours is not None:
            charged = order["charges"] == 1
            kept = ours["status"] == "succeeded" or ours["reversed"]
            expect(f"success of {number}", charged, kept)
    refunds = {each["provider_refund_no"]: each for each in await shop.all_of("refunds")}
    for refund in book["refunds"]:
        ours = refunds.get(refund["provider_refund_no"])
        if payments[refund["provider_order_no"]]["reversed"]:
            continue  # a charge that was taken back is no refund of ours
        wanted = (refund["amount"], "succeeded")
        seen = ours and (ours["charged_amount"], ours["status"])
        expect(refund["provider_refund_no"], wanted, seen)
    events = await shop.all_of("events")
    expect("distinct events", len(events), len({event["id"] for event in events}))
    final = sum(each["status"] != "created" for each in (*payments.values(), *refunds.values()))
    expect("one event per final order", final, len(events))
