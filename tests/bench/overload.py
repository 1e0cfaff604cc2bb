"""T8 of the reliability plan in its full form, with its figures. Not a test.

    python -m tests.bench.overload [seconds [orders a second on a normal day]]

Customers come at twice the normal rate to both providers, whatever becomes of them. WeChat Pay
answers after 10 seconds, then with 503 for 60 (or `seconds`), then it is well again. basepay is a
process of its own; providers and customers share another one.
"""

import asyncio
import json
import multiprocessing
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path

import httpx

from adapters.clock import MovableClock
from adapters.http.app import create_http
from domain.method import Method
from entrypoints.bootstrap import running
from entrypoints.dev import credentials_of, keys_of, table
from entrypoints.sandbox import simulators
from entrypoints.serving import bind, serving, url_of
from entrypoints.settings import check
from entrypoints.storage import upgrade_schema
from entrypoints.web import background
from tests.books import View
from tests.chaos.overload import Door, Shop, shop_at

#: Orders a second of each provider on a normal day; the machine must have as much again to spare.
NORMAL = 10.0

#: Every fourth customer of WeChat Pay stands at a till.
WAYS = {
    "wechat": [Method.WECHAT_NATIVE] * 3 + [Method.WECHAT_CODE],
    "alipay": [Method.ALIPAY_QR],
}

SLOW_SECONDS, RECOVERY_SECONDS = 10.0, 20.0


@dataclass
class Asked:
    """One customer: when they came, how long they waited, and what they were told."""

    began: float
    took: float
    said: View

    @property
    def taken(self) -> bool:
        """They can pay, or have paid."""
        return bool(self.said["code"] == 201 and self.said["status"] != "failed")

    @property
    def told(self) -> str:
        failure = self.said["failure"]
        why = f" {failure['code']}" if failure else ""
        return f"{self.said['code']} {self.said['status']}{why}"


@dataclass
class Customers:
    """They keep coming to one provider."""

    provider: str
    shop: Shop
    normal: float
    asked: list[Asked] = field(default_factory=list)
    lost: Counter[str] = field(default_factory=Counter)
    calls: list[tuple[float, int]] = field(default_factory=list)  # so many there until then

    async def come(self) -> None:
        """Until cancelled; nobody waits for the one before."""
        loop, numbers, ways = asyncio.get_running_loop(), count(), cycle(WAYS[self.provider])
        async with asyncio.TaskGroup() as tasks:
            at = loop.time()
            while True:
                tasks.create_task(self._one(f"{self.provider}-{next(numbers)}", next(ways)))
                self.calls.append((loop.time(), self.shop.door.calls[self.provider]))
                at += 1 / (2 * self.normal)
                await asyncio.sleep(at - loop.time())

    async def _one(self, number: str, method: Method) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            said = await self.shop.order(number, method)
        except httpx.HTTPError as error:
            self.lost[type(error).__name__] += 1
            return
        self.asked.append(Asked(began, loop.time() - began, said))

    def between(self, begin: float, end: float) -> list[Asked]:
        """Who came then."""
        return [each for each in self.asked if begin <= each.began < end]

    def calls_between(self, begin: float, end: float) -> int:
        """How many calls reached the provider then."""
        seen = [calls for at, calls in self.calls if begin <= at < end]
        return seen[-1] - seen[0]


def percentile(asked: list[Asked], share: float) -> float:
    """Milliseconds."""
    took = sorted(each.took for each in asked)
    return took[int(len(took) * share)] * 1000


def seconds_to_recover(customers: Customers, well_at: float, rate: float) -> float:
    """Until 95 % of the former rate is taken again, second by second."""
    second = 0
    while well_at + second + 1 < customers.calls[-1][0]:
        since = well_at + second
        taken = sum(each.taken for each in customers.between(since, since + 1))
        if taken >= 0.95 * rate:
            return second + 1
        second += 1
    return float("inf")


async def play(shop: Shop, other: Shop, broken_seconds: float, normal: float) -> None:
    """The whole story, and its figures. Customers of the two share no connection."""
    loop = asyncio.get_running_loop()
    wechat, alipay = Customers("wechat", shop, normal), Customers("alipay", other, normal)
    busy = [asyncio.create_task(each.come()) for each in (wechat, alipay)]
    await asyncio.sleep(5)  # everything is warm
    marks = {"well": loop.time()}
    await asyncio.sleep(broken_seconds)
    marks["slow"] = loop.time()
    await shop.suffers("latency", seconds=SLOW_SECONDS)
    await asyncio.sleep(broken_seconds / 2)
    marks["broken"] = loop.time()
    await shop.well()
    await shop.suffers("status", status=503)
    await asyncio.sleep(broken_seconds)
    marks["well again"] = well_at = loop.time()
    await shop.well()
    await asyncio.sleep(RECOVERY_SECONDS)
    marks["end"] = loop.time()
    for each in busy:
        each.cancel()
    await asyncio.gather(*busy, return_exceptions=True)
    tell(wechat, alipay, marks)
    await payable(shop, loop.time, well_at)
    await judge(shop, [*wechat.asked, *alipay.asked])


def tell(wechat: Customers, alipay: Customers, marks: dict[str, float]) -> None:
    """Phase by phase."""
    names, times = list(marks), list(marks.values())
    for name, begin, end in zip(names, times, times[1:], strict=False):
        here, there = wechat.between(begin, end), alipay.between(begin, end)
        calls = wechat.calls_between(begin, end)
        write(
            f"{name:11} {end - begin:5.0f} s  wechat: {len(here)} orders, {calls} calls"
            f" ({calls / len(here):.2f}), p50 {percentile(here, 0.5):.0f} ms,"
            f" p99 {percentile(here, 0.99):.0f} ms;  alipay: {len(there)} orders,"
            f" {sum(each.taken for each in there)} taken, p50 {percentile(there, 0.5):.0f} ms,"
            f" p99 {percentile(there, 0.99):.0f} ms"
        )
        write(f"{'':11} wechat was told {dict(Counter(each.told for each in here))}")
    begin, slow, _, well, _ = times
    rate = sum(each.taken for each in wechat.between(begin, slow)) / (slow - begin)
    failing = wechat.calls_between(slow, well) / len(wechat.between(slow, well))
    quiet, loud = (percentile(alipay.between(*w), 0.99) for w in ((begin, slow), (slow, well)))
    write(f"calls an order while failing   {failing:6.2f}      goal 1.1")
    write(f"p99 of the other account       {(loud / quiet - 1) * 100:+6.0f} %    goal +20 %")
    seconds = seconds_to_recover(wechat, well, rate)
    write(f"95 % of {rate:4.1f} orders/s again   {seconds:6.0f} s    goal 10 s")
    write(f"no answer at all               {sum((wechat.lost + alipay.lost).values()):6}")


async def payable(shop: Shop, now: Callable[[], float], well_at: float) -> None:
    """Until the last order of the outage got its code."""
    while True:
        payments = await shop.all_of("payments")
        left = [p for p in payments if p["action"] is None and p["method"] == "wechat_native"]
        if not left:
            write(f"every order of then is payable {now() - well_at:6.0f} s after its end")
            return
        await asyncio.sleep(1)


async def judge(shop: Shop, asked: list[Asked]) -> None:
    """Nothing whose outcome was unknown may have been called a failure."""
    book = (await shop.sandbox.get("/sandbox/book")).raise_for_status().json()
    there = {order["provider_order_no"] for order in book["orders"]}
    failed = [each.said for each in asked if each.said["status"] == "failed"]
    wrong = [each for each in failed if each["provider_order_no"] in there]
    write(f"charges called failed          {len(failed):6}, of which WeChat Pay knows {len(wrong)}")


def write(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def serve(listener: socket.socket, sandbox_url: str, folder: Path) -> None:
    """Run basepay for ever, in a process of its own."""

    async def forever() -> None:
        credentials = await _patiently(sandbox_url)
        settings = check(table(url_of(listener), sandbox_url, folder, credentials))
        upgrade_schema(settings)
        async with running(settings) as basepay:
            await keys_of(basepay.store.directory, MovableClock(), folder)
            async with serving(create_http(basepay.app), listener), background(basepay):
                await asyncio.Event().wait()

    asyncio.run(forever())


async def story(
    api_url: str, sandbox: socket.socket, folder: Path, seconds: float, normal: float
) -> None:
    """Providers and customers."""
    door = Door(simulators(MovableClock(), None))
    async with serving(door, sandbox):
        kept = folder / "dev-keys.json"
        while not kept.exists():  # noqa: ASYNC110 -- another process writes it
            await asyncio.sleep(0.1)
        where = api_url, json.loads(kept.read_text())[0], url_of(sandbox), door
        async with shop_at(*where) as shop, shop_at(*where) as other:
            while not await _is_up(shop):  # noqa: ASYNC110 -- likewise
                await asyncio.sleep(0.1)
            await play(shop, other, seconds, normal)


async def _is_up(shop: Shop) -> bool:
    try:
        return (await shop.api.get("/readyz")).is_success
    except httpx.HTTPError:
        return False


async def _patiently(sandbox_url: str) -> View:
    while True:
        with suppress(httpx.HTTPError):
            return await credentials_of(sandbox_url)
        await asyncio.sleep(0.1)


def main(seconds: float = 60.0, normal: float = NORMAL) -> None:
    """Both processes, until the story is told."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        api, sandbox = bind(0), bind(0)
        child = multiprocessing.Process(target=serve, args=(api, url_of(sandbox), Path(folder)))
        child.start()
        try:
            asyncio.run(story(url_of(api), sandbox, Path(folder), seconds, normal))
        finally:
            child.terminate()
            child.join()


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
