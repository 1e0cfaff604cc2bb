"""The documented receiver, as a process of its own, beside a running `basepay dev`."""

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.dev_process import DevProcess
from tests.programs import program

RECEIVER = program("webhook_receiver")
PATIENCE_SECONDS = 60.0


class ReceiverProcess:
    """Started with a secret and a port, and listened to."""

    def __init__(self, secret: str, port: int) -> None:
        self.lines: queue.Queue[str] = queue.Queue()
        environ = os.environ | {"WEBHOOK_SECRET": secret, "PORT": str(port)}
        self._process = subprocess.Popen(
            [sys.executable, "-c", RECEIVER],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.put(line.strip())

    def says(self) -> str:
        return self.lines.get(timeout=PATIENCE_SECONDS)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def dev(tmp_path) -> Iterator[DevProcess]:
    process = DevProcess(tmp_path)
    process.start()
    yield process
    process.stop()


def api(dev: DevProcess) -> httpx.Client:
    key = dev.started["api_key"]
    return httpx.Client(
        base_url=dev.started["api_url"], headers={"Authorization": f"Bearer {key}"}, timeout=60
    )


def pay(dev: DevProcess, shop: httpx.Client, order_no: str) -> None:
    wanted = {"order_no": order_no, "amount": 1999, "subject": "Tea", "method": "wechat_native"}
    payment = shop.post("/v1/payments", json=wanted, headers={"Idempotency-Key": order_no}).json()
    phone = f"{dev.started['sandbox_url']}/sandbox/payer/pay"
    number = {"provider_order_no": payment["provider_order_no"]}
    httpx.post(phone, json=number).raise_for_status()


def attempted(shop: httpx.Client, endpoint: str, status: str) -> dict[str, Any]:
    """The delivery of this status, once it was tried."""
    patience = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < patience:
        log = f"/v1/webhook-endpoints/{endpoint}/deliveries?status={status}"
        items = shop.get(log).json()["items"]
        if items and items[0]["attempts"]:
            found: dict[str, Any] = items[0]
            return found
        time.sleep(0.1)
    raise AssertionError("it was never tried")


def test_the_documented_receiver_gets_what_happened_also_after_both_sides_died(dev, free_port):
    with api(dev) as shop:
        url = f"http://127.0.0.1:{free_port}/events"
        endpoint = shop.post("/v1/webhook-endpoints", json={"url": url}).json()
        receiver = ReceiverProcess(endpoint["secret"], free_port)
        try:
            _listening(free_port)
            pay(dev, shop, "SO-1")
            id, type, order_no = receiver.says().split()
            attempted(shop, endpoint["id"], "delivered")
        finally:
            receiver.stop()
        assert (type, order_no) == ("basepay.payment.succeeded", "SO-1")
        assert shop.get(f"/v1/events/{id}").json()["data"]["order_no"] == "SO-1"

        pay(dev, shop, "SO-2")  # nobody listens
        missed = attempted(shop, endpoint["id"], "waiting")
        assert missed["attempts"][0]["answer"].startswith("no connection")
    dev.kill()
    dev.start()
    receiver = ReceiverProcess(endpoint["secret"], free_port)
    try:
        assert receiver.says().split()[1:] == ["basepay.payment.succeeded", "SO-2"]
    finally:
        receiver.stop()


def test_the_documented_receiver_takes_nothing_forged(free_port):
    receiver = ReceiverProcess("whsec_" + "QUFB" * 8, free_port)
    try:
        _listening(free_port)
        headers = {"webhook-id": "evt_1", "webhook-timestamp": str(int(time.time()))}
        for signature in ("v1,AAAA", "v2,x", ""):
            forged = headers | {"webhook-signature": signature}
            with pytest.raises(httpx.RemoteProtocolError):  # it hangs up
                httpx.post(f"http://127.0.0.1:{free_port}/", content=b"{}", headers=forged)
    finally:
        receiver.stop()
    assert receiver.lines.empty()


def _listening(port: int) -> None:
    patience = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < patience:
        try:
            httpx.get(f"http://127.0.0.1:{port}/")
        except httpx.ConnectError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the receiver did not start")
