"""The providers' book held against ours: every way in which the two can disagree, in words."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

View = dict[str, Any]
Views = Sequence[View]

#: What refunds made on the merchant's own site are numbered there.
SITE = "site"

#: What basepay numbers the refund of a second success.
DUPLICATE = "dup-"


def disagreements(book: View, payments: Views, refunds: Views, events: Views) -> list[str]:
    """Everything that is wrong once nothing is open any more; empty when the books agree."""
    return [
        *_about_payments(book, payments),
        *_about_refunds(book, refunds),
        *_about_refunds_elsewhere(book, payments, refunds),
        *_about_sums(payments, refunds),
        *about_winners(payments, refunds),
        *_about_events([*payments, *refunds], events),
    ]


def taken_back(book: View) -> set[str]:
    """The orders whose money went straight back: reversed at WeChat Pay, cancelled at Alipay."""
    orders = book["orders"]
    reversed_ = {o["provider_order_no"] for o in orders if o["state"] == "REVOKED" and o["charges"]}
    return reversed_ | {r["provider_order_no"] for r in book["refunds"] if _is_cancel(r)}


def by_order(payments: Views) -> dict[str, list[View]]:
    """The payments of each `order_no`."""
    found: defaultdict[str, list[View]] = defaultdict(list)
    for payment in payments:
        found[payment["order_no"]].append(payment)
    return dict(found)


def _about_payments(book: View, payments: Views) -> Iterator[str]:
    ours = {payment["provider_order_no"]: payment for payment in payments}
    back, theirs = taken_back(book), set[str]()
    for order in book["orders"]:
        number, payment = order["provider_order_no"], ours.get(order["provider_order_no"])
        theirs.add(number)
        if order["charges"] > 1:
            yield f"{number} was charged {order['charges']} times"
        if payment is None:
            yield f"{number} is not known here"
            continue
        there, here = _end_there(order, back), _end_here(payment)
        if there != here:
            yield f"{number}: {there} there ({order['state']}), {here} here ({payment['status']})"
        if order["amount"] != payment["charged_amount"]:
            yield f"{number}: {order['amount']} fen there, {payment['charged_amount']} here"
    for number, payment in ours.items():
        if number not in theirs and _end_here(payment) != "unpaid":
            yield f"{number} is {payment['status']} here and not known there"


def _end_there(order: View, back: set[str]) -> str:
    if not order["charges"]:
        return "unpaid"
    return "taken back" if order["provider_order_no"] in back else "paid"


def _end_here(payment: View) -> str:
    if payment["reversed"]:
        return "taken back" if payment["status"] == "closed" else "taken back and not closed"
    ends = {"succeeded": "paid", "closed": "unpaid", "failed": "unpaid"}
    return ends.get(payment["status"], "still open")


def _about_refunds(book: View, refunds: Views) -> Iterator[str]:
    ours = {refund["provider_refund_no"]: refund for refund in refunds}
    theirs = {r["provider_refund_no"]: r for r in book["refunds"] if r["succeeded_at"]}
    for number, refund in theirs.items():
        here = ours.get(number)
        if _is_cancel(refund) or (here is None and number.startswith(SITE)):
            continue  # a charge taken back is no refund; the others may share a row, seen below
        if here is None:
            yield f"{number} is not known here"
        elif here["status"] != "succeeded":
            yield f"{number} succeeded there, is {here['status']} here"
        elif here["charged_amount"] != refund["amount"] and not number.startswith(SITE):
            yield f"{number}: {refund['amount']} fen there, {here['charged_amount']} here"
    for number, refund in ours.items():
        if refund["status"] == "created":
            yield f"{number} is still open"
        moved = refund["status"] == "succeeded" and refund["charged_amount"] > 0
        if moved and number not in theirs and not number.endswith("-rest"):
            yield f"{number} succeeded here and is not known there"


def _about_refunds_elsewhere(book: View, payments: Views, refunds: Views) -> Iterator[str]:
    """What was refunded on the site is here in rows of its own, order by order the same sum."""
    numbers = {payment["id"]: payment["provider_order_no"] for payment in payments}
    there, here = Counter[str](), Counter[str]()
    for refund in book["refunds"]:
        if refund["provider_refund_no"].startswith(SITE) and refund["succeeded_at"]:
            there[refund["provider_order_no"]] += refund["amount"]
    for refund in refunds:
        if refund["initiated_by"] == "provider" and refund["status"] == "succeeded":
            here[numbers[refund["payment_id"]]] += refund["charged_amount"]
    for number in there | here:
        if there[number] != here[number]:
            yield f"{number}: {there[number]} fen refunded on the site, {here[number]} here"


def _about_sums(payments: Views, refunds: Views) -> Iterator[str]:
    """What a payment says has gone back is what its refunds say, never more than was paid."""
    owed, charged = Counter[str](), Counter[str]()
    for refund in refunds:
        if refund["status"] == "succeeded":
            owed[refund["payment_id"]] += refund["amount"]
            charged[refund["payment_id"]] += refund["charged_amount"]
    for payment in payments:
        id, back = payment["id"], payment["refunded_amount"]
        if back != owed[id]:
            yield f"{id}: {back} fen went back, its refunds say {owed[id]}"
        if charged[id] > payment["charged_amount"]:
            yield f"{id}: refunded more than paid"
        if back == payment["amount"] and charged[id] != payment["charged_amount"]:
            yield f"{id}: all went back, of the charge only {charged[id]} fen"


def about_winners(payments: Views, refunds: Views) -> Iterator[str]:
    """One order, one winner; every other success went back in full, once."""
    for number, rivals in by_order(payments).items():
        paid = [each for each in rivals if each["status"] == "succeeded"]
        kept = [each["id"] for each in paid if each["duplicate_of"] is None]
        if len(kept) != (1 if paid else 0):
            yield f"{number}: {len(kept)} of {len(paid)} paid ones are kept"
            continue
        for each in paid:
            if each["id"] not in kept:
                yield from _about_duplicate(each, kept[0], refunds)


def _about_duplicate(payment: View, winner: str, refunds: Views) -> Iterator[str]:
    id = payment["id"]
    if payment["duplicate_of"] != winner:
        yield f"{id} is a duplicate of {payment['duplicate_of']}, {winner} is kept"
    if payment["refunded_amount"] != payment["amount"]:
        yield f"{id} is a duplicate and {payment['refunded_amount']} fen of it went back"
    back = [each for each in refunds if each["payment_id"] == id]
    told = [(each["refund_no"], each["initiated_by"], each["amount"]) for each in back]
    if told != [(DUPLICATE + id, "basepay", payment["amount"])]:
        yield f"{id} is a duplicate and went back as {told}"


def _about_events(orders: Views, events: Views) -> Iterator[str]:
    ids = Counter(event["id"] for event in events)
    yield from (f"{id} appears {count} times" for id, count in ids.items() if count > 1)
    places = Counter((event["subject"], event["sequence"]) for event in events)
    yield from (f"{place} has {count} events" for place, count in places.items() if count > 1)
    last = {event["subject"]: event for event in events}
    for order in orders:
        event = last.get(order["id"])
        if order["status"] == "created":
            continue
        if event is None:
            yield f"{order['id']} is {order['status']} and has no event"
        elif event["data"]["status"] != order["status"]:
            yield f"{order['id']} is {order['status']}, announced {event['data']['status']}"


def _is_cancel(refund: Mapping[str, Any]) -> bool:
    """Alipay numbers what a cancel gives back like its order."""
    return bool(refund["provider_refund_no"] == refund["provider_order_no"])
