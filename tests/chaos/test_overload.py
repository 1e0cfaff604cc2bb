"""T8: a provider is slow, then broken, under load. It is spared, and nobody else hears of it.

The full form with its figures is `python -m tests.bench.overload`.
"""

import asyncio
import inspect
import logging
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from adapters.providers.transport import AiohttpTransport
from application import circuit
from domain.method import Method
from tests.books import View
from tests.chaos.overload import Shop, open_shop, until

#: Slower than we wait for any answer.
SLOW_SECONDS = 10.0

#: Until every order of a minute ago is asked about again; until a lost charge is given up.
FALL_DUE_SECONDS, GIVEN_UP_SECONDS = 60, 900

#: Of a crowd so many have a place before a slow provider: few, so that a busy machine copes.
PLACES, CROWD = 10, 30

OPEN, PAYABLE, UNSENT = (202, "created", None), (201, "created", None), "provider_unavailable"


@pytest.fixture
def shop(run, monkeypatch, tmp_path: Path) -> Iterator[Shop]:
    monkeypatch.setattr(circuit, "AT_ONCE", PLACES)
    opened = open_shop(tmp_path)
    yield run(opened.__aenter__())
    run(opened.__aexit__(None, None, None))


def test_a_slow_provider_holds_up_only_its_own_customers(run, shop, caplog):
    async def story() -> None:
        await shop.suffers("latency", seconds=SLOW_SECONDS, times=PLACES)
        crowd = [shop.order(f"W-{n}", Method.WECHAT_NATIVE) for n in range(CROWD)]
        waiting = [asyncio.create_task(each) for each in crowd]
        others = [await shop.order(f"A-{n}", Method.ALIPAY_QR) for n in range(PLACES)]
        asked = await asyncio.gather(*waiting)

        assert {said(each) for each in others} == {PAYABLE}
        assert {said(each) for each in asked} <= {OPEN, PAYABLE}
        assert [said(each) for each in asked].count(OPEN) > PLACES  # so some had no place

        await shop.pass_time(FALL_DUE_SECONDS)
        await until(lambda: all_payable(shop, asked))

    with caplog.at_level(logging.INFO, "basepay.circuit"):
        run(story())
    opened = {record.getMessage().split()[0] for record in caplog.records}
    assert opened <= {"wechat-main"}  # if it was asked often enough


def test_several_slow_providers_leave_connections_for_the_others():
    pool = inspect.signature(AiohttpTransport).parameters["max_connections"].default

    assert pool >= 8 * circuit.AT_ONCE


def test_a_broken_provider_is_spared_and_found_again(run, shop):
    async def story() -> None:
        await shop.suffers("status", status=503)
        asked, charged = list[View](), list[View]()
        for n in range(30):
            asked.append(await shop.order(f"W-{n}", Method.WECHAT_NATIVE))
            charged.append(await shop.order(f"C-{n}", Method.WECHAT_CODE))
            if n % 10 == 5:
                await shop.pass_time(30)  # everything that is open falls due again

        assert shop.door.calls["wechat"] <= 1.1 * len(asked + charged)
        assert {said(each) for each in asked} == {OPEN}
        assert {said(each) for each in charged} == {OPEN, (201, "failed", UNSENT)}
        sent = [each for each in charged if said(each) == OPEN]
        unsent = [each for each in charged if said(each) != OPEN]

        await shop.well()
        numbers = map("N-{}".format, count())
        await until(lambda: is_taken(shop, next(numbers)))
        await shop.pass_time(FALL_DUE_SECONDS)
        await until(lambda: all_payable(shop, asked))
        await shop.pass_time(GIVEN_UP_SECONDS)
        await until(lambda: all_closed(shop, sent))

        book, *_ = await shop.books()
        there = {each["provider_order_no"] for each in book["orders"]}
        assert not [each for each in charged if each["provider_order_no"] in there]
        assert {each["status"] for each in await shop.stand(unsent)} == {"failed"}
        again = await shop.order(unsent[0]["order_no"], Method.WECHAT_CODE, again="-again")
        assert said(again) == (201, "succeeded", None)

    run(story())


def said(answer: View) -> tuple[int, str, str | None]:
    """The status code, the status, and why it failed."""
    failure = answer["failure"]
    return answer["code"], answer["status"], failure and failure["code"]


async def is_taken(shop: Shop, number: str) -> bool:
    """A customer more comes through."""
    return said(await shop.order(number, Method.WECHAT_NATIVE)) == PAYABLE


async def all_payable(shop: Shop, payments: list[View]) -> bool:
    """Each has got its code."""
    return all(each["action"] for each in await shop.stand(payments))


async def all_closed(shop: Shop, payments: list[View]) -> bool:
    """Each is known to have come to nothing."""
    return all(each["status"] == "closed" for each in await shop.stand(payments))
