"""How many whole payments a second the cluster does, and where the CPU goes. Not a test.

    python -m tests.bench.cluster [payments]

Ordered, paid, called back, announced: over PostgreSQL, Redis and NATS, with one process of each
role and with two. Servers, simulators, balancer and load share the machine's cores with them, so
the rate is the machine's; the milliseconds a payment are each part's own.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from adapters.providers.transport import AiohttpTransport
from domain.method import Method
from entrypoints import cluster
from entrypoints.serving import bind
from tests.asking import an_order_by

AT_ONCE = 16
TICKS = os.sysconf("SC_CLK_TCK")
US = "balancer, simulators, load"


async def measure(of_each: int, payments: int) -> None:
    """Print one shape's figures."""
    cluster.OF_EACH = of_each
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        async with cluster.cluster_stack(bind(0), bind(0), Path(folder)) as started:
            key = {"Authorization": f"Bearer {started.api_key}"}
            async with (
                _client(started.api_url, key) as shop,
                _client(started.sandbox_url, {}) as sandbox,
            ):
                await _play(shop, sandbox, "warm", AT_ONCE * 2)
                spent, began = _cpu(), time.perf_counter()
                await _play(shop, sandbox, "run", payments)
                seconds = time.perf_counter() - began
                spent = _cpu() - spent
    each = {name: round(part / payments, 2) for name, part in spent.most_common()}
    print(f"{of_each} of each role: {payments / seconds:.0f} payments/s; CPU-ms a payment: {each}")  # noqa: T201


async def _play(shop: httpx.AsyncClient, sandbox: httpx.AsyncClient, name: str, many: int) -> None:
    """Return once the last of them was announced."""
    numbers = iter(range(many))

    async def customer() -> None:
        for number in numbers:
            await _one(shop, sandbox, f"{name}-{number}")

    await asyncio.gather(*(customer() for _ in range(AT_ONCE)))
    last = await _one(shop, sandbox, f"{name}-last")
    while last not in await _announced(shop):  # noqa: ASYNC110 -- nobody tells
        await asyncio.sleep(0.01)


async def _one(shop: httpx.AsyncClient, sandbox: httpx.AsyncClient, number: str) -> str:
    order = {"order_no": number, "amount": 1999, "subject": "Tea"}
    order |= an_order_by(Method.WECHAT_NATIVE)
    asked = await shop.post("/v1/payments", json=order, headers={"Idempotency-Key": number})
    payment = asked.raise_for_status().json()
    paid = {"provider_order_no": payment["provider_order_no"]}
    (await sandbox.post("/sandbox/payer/pay", json=paid)).raise_for_status()
    return str(payment["id"])


async def _announced(shop: httpx.AsyncClient) -> set[Any]:
    page = (await shop.get("/v1/events")).raise_for_status().json()
    return {event["subject"] for event in page["items"]}


def _client(url: str, headers: dict[str, str]) -> httpx.AsyncClient:
    line = AiohttpTransport(total_seconds=60)
    return httpx.AsyncClient(base_url=url, headers=headers, transport=line)


def _cpu() -> Counter[str]:
    """Milliseconds so far, of us and of each child with its own children."""
    spent = Counter({US: int(1_000 * time.process_time())})
    for child in _children(os.getpid()):
        words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
        name = words[words.index("serve") + 1] if "serve" in words else _program(words[0])
        spent[name] += sum(map(_milliseconds, [child, *_children(child)]))
    return spent


def _program(command: str) -> str:
    return Path(command).name.partition(" ")[0]  # Redis tells its address, too


def _children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def _milliseconds(pid: int) -> int:
    facts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(facts[11]) + int(facts[12])) * 1_000 // TICKS


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    for number in (1, 2):
        asyncio.run(measure(number, wanted))
