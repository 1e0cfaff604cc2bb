"""What the demo plays, and what it expects of each scene."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from entrypoints.demo_shop import Shop

METHODS = ("wechat_native", "alipay_qr")

#: Seconds: more than the distance between two refunds of one payment, WeChat's being 61 s.
REFUND_DISTANCE = 70

#: Seconds: the default two hours of a payment, and the ten minutes of grace after them.
LIFETIME, GRACE = 7_200, 600


class Broken(Exception):
    """An expectation did not hold; the text says which."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A title in the trade's words, and how it is played with one method."""

    title: str
    play: Callable[[Shop, str], Awaitable[None]]


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


async def declined_then_paid(shop: Shop, method: str) -> None:
    payment = await shop.open_payment(method)
    await shop.payer("decline", payment)
    expect("status after declining", "created", (await shop.payment(payment))["status"])
    await shop.payer("pay", payment)
    expect("status", "succeeded", (await shop.payment_becomes(payment, "succeeded"))["status"])


async def closed_by_the_shop(shop: Shop, method: str) -> None:
    payment = await shop.open_payment(method)
    if method == "alipay_qr":  # unknown to Alipay until scanned, so it could not be closed
        await shop.payer("scan", payment)
    answer = await shop.close(payment)
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
    for amount in (3000, 5888):
        refund = await shop.refund(payment, amount)
        await shop.time_passes(REFUND_DISTANCE)
        expect("refund", "succeeded", (await shop.refund_becomes(refund, "succeeded"))["status"])
    after = await shop.payment(payment)
    expect("payment", ("succeeded", 8888), (after["status"], after["refunded_amount"]))


async def callback_lost(shop: Shop, method: str) -> None:
    payment = await shop.open_payment(method)
    await shop.trouble("callback_dropped", method)
    await shop.payer("pay", payment)
    await shop.time_passes(10)
    expect("status", "succeeded", (await shop.payment_becomes(payment, "succeeded"))["status"])


async def callback_twice(shop: Shop, method: str) -> None:
    payment = await shop.open_payment(method)
    await shop.trouble("callback_twice", method)
    await shop.payer("pay", payment)
    expect("status", "succeeded", (await shop.payment_becomes(payment, "succeeded"))["status"])
    expect("events", 1, len(await shop.events_of(payment)))


async def callback_forged(shop: Shop, method: str) -> None:
    payment = await shop.open_payment(method)
    await shop.trouble("callback_forged", method)
    await shop.payer("pay", payment)
    expect("status", "succeeded", (await shop.payment_becomes(payment, "succeeded"))["status"])
    expect("events", 1, len(await shop.events_of(payment)))


async def answer_lost(shop: Shop, method: str) -> None:
    await shop.trouble("cut_after_effect", method, operation="prepay")
    answer = await shop.pay(method)
    expect("answer", (202, None), (answer.status_code, answer.json()["action"]))
    await shop.time_passes(10)
    payment = await shop.action_appears(answer.json())
    await shop.payer("pay", payment)
    expect("status", "succeeded", (await shop.payment_becomes(payment, "succeeded"))["status"])


async def answer_forged(shop: Shop, method: str) -> None:
    await shop.trouble("bad_signature", method, operation="prepay")
    answer = await shop.pay(method)
    expect("answer", (202, "created"), (answer.status_code, answer.json()["status"]))
    await shop.time_passes(10)
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
    await shop.payer("pay", second)
    expect("second", "succeeded", (await shop.payment_becomes(second, "succeeded"))["status"])
    expect("superseded_by", second["id"], (await shop.payment(first))["superseded_by"])


async def expired(shop: Shop, method: str) -> None:
    payment = await shop.open_payment(method)
    await shop.time_passes(LIFETIME + GRACE + 1)
    expect("status", "closed", (await shop.payment_becomes(payment, "closed"))["status"])


SCENARIOS = (
    Scenario("paid", paid),
    Scenario("declined, then paid", declined_then_paid),
    Scenario("closed by the shop", closed_by_the_shop),
    Scenario("close comes too late", close_comes_too_late),
    Scenario("refunded in two parts", refunded_in_two_parts),
    Scenario("callback lost", callback_lost),
    Scenario("callback twice", callback_twice),
    Scenario("callback forged", callback_forged),
    Scenario("provider's answer lost", answer_lost),
    Scenario("provider's answer forged", answer_forged),
    Scenario("same key twice", same_key_twice),
    Scenario("price changed while open", price_changed),
    Scenario("expired", expired),
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
            expect(f"success of {number}", charged, ours["status"] == "succeeded")
    refunds = {each["provider_refund_no"]: each for each in await shop.all_of("refunds")}
    for refund in book["refunds"]:
        ours = refunds.get(refund["provider_refund_no"])
        wanted = (refund["amount"], "succeeded")
        expect(refund["provider_refund_no"], wanted, ours and (ours["amount"], ours["status"]))
    events = await shop.all_of("events")
    expect("distinct events", len(events), len({event["id"] for event in events}))
    final = sum(each["status"] != "created" for each in (*payments.values(), *refunds.values()))
    expect("one event per final order", final, len(events))
