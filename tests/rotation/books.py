"""Both sides' books, which must tell the same when everything has come to rest."""

from collections.abc import Iterable, Mapping

import httpx

from tests.rotation.stack import View


async def disagreements(api: httpx.AsyncClient, sandbox: httpx.AsyncClient) -> list[str]:
    """Everything that the two sides tell differently, or that has not ended."""
    book = (await sandbox.get("/sandbox/book")).raise_for_status().json()
    payments = {each["provider_order_no"]: each for each in await everything(api, "payments")}
    refunds = {each["provider_refund_no"]: each for each in await everything(api, "refunds")}
    sent_orders = {each["provider_order_no"]: each for each in book["orders"]}
    sent_refunds = {each["provider_refund_no"]: each for each in book["refunds"]}
    return [
        *_differing("payment", _ours(payments), _paid(sent_orders)),
        *_differing("refund", _ours(refunds), dict.fromkeys(sent_refunds, "succeeded")),
        *(f"{each['event']} was not delivered" for each in book["pending_callbacks"]),
    ]


async def everything(api: httpx.AsyncClient, kind: str) -> list[View]:
    """All pages of one list."""
    items: list[View] = []
    cursor: str | None = None
    while True:
        query = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
        page = (await api.get(f"/v1/{kind}", params=query)).raise_for_status().json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def _ours(orders: Mapping[str, View]) -> dict[str, str]:
    return {number: each["status"] for number, each in orders.items()}


def _paid(orders: Mapping[str, View]) -> dict[str, str]:
    ends = {0: "closed", 1: "succeeded"}
    return {no: ends.get(each["charges"], "charged twice") for no, each in orders.items()}


def _differing(what: str, here: Mapping[str, str], there: Mapping[str, str]) -> Iterable[str]:
    for number in here.keys() | there.keys():
        if here.get(number) != there.get(number):
            yield f"{what} {number}: {here.get(number)} here, {there.get(number)} there"
