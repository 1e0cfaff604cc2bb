"""Events as business systems get them from NATS and by webhook, held against the document."""

import json
import os
import queue
import re
import subprocess
import sys
import threading
from ast import literal_eval
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import nats
import pytest
from jsonschema_rs import Draft202012Validator

from adapters.http.asyncapi import asyncapi
from adapters.nats.declared import EVENTS, app_consumer
from adapters.nats.permissions import BASEPAY_USER
from adapters.nats.platform import INBOX
from entrypoints.people import add_person
from entrypoints.storage import upgrade_schema
from tests.adapters.providers.conftest import merchant, until
from tests.dev_process import ROOT
from tests.entrypoints.deployment import Deployment
from tests.programs import lines_of_code, program
from tests.servers.nats import NatsServer

__all__ = ["merchant"]

CONSUMER = program("nats_consumer")
DOCUMENT = asyncapi()
PATIENCE_SECONDS = 60.0


class Process:
    """A program of its own, listened to."""

    def __init__(self, *words: str, **environ: str) -> None:
        self.lines: queue.Queue[str] = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, *words],
            env=os.environ | environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.put(line.strip())

    def hears(self, order_no: str) -> dict[str, Any]:
        """The event of this order; one that comes a second time before it is no trouble."""
        while True:
            event: dict[str, Any] = literal_eval(self.lines.get(timeout=PATIENCE_SECONDS))
            if event["data"]["order_no"] == order_no:
                return event

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def start(*words: str, **environ: str) -> Process:
        started.append(Process(*words, **environ))
        return started[-1]

    yield start
    for process in started:
        process.kill()


class Stage:
    """basepay over NATS, as `serve` runs it, with a shop that has its key and its bus user."""

    def __init__(self, bus: NatsServer, deployment: Deployment, printed: str) -> None:
        self.bus, self._phone = bus, deployment.account("wechat-main")["base_url"]
        (password,) = re.findall(r'user: "shop", password: "([^"]+)"', printed)
        self.consumer = {"APP": "shop", "NATS_URL": bus.url(f"shop:{password}")}
        key = printed.splitlines()[0]
        self.shop = httpx.Client(
            base_url=deployment.raw["public_url"], headers={"Authorization": f"Bearer {key}"}
        )

    def up(self) -> bool:
        try:
            return self.shop.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def pays(self, order_no: str) -> dict[str, Any]:
        """The shop asks, the payer pays."""
        wanted = {"order_no": order_no, "amount": 1999, "subject": "Tea", "method": "wechat_native"}
        headers = {"Idempotency-Key": order_no}
        answer = self.shop.post("/v1/payments", json=wanted, headers=headers)
        payment: dict[str, Any] = answer.raise_for_status().json()
        number = {"provider_order_no": payment["provider_order_no"]}
        httpx.post(f"{self._phone}/sandbox/payer/pay", json=number).raise_for_status()
        return payment

    def gives_back(self, payment: dict[str, Any]) -> None:
        """A part of it."""
        wanted = {
            "payment_id": payment["id"],
            "refund_no": "RF-1",
            "amount": 500,
            "reason": "One cup was cold",
        }
        headers = {"Idempotency-Key": "RF-1"}
        self.shop.post("/v1/refunds", json=wanted, headers=headers).raise_for_status()

    async def stored(self) -> list[Any]:
        """What stands in the stream for the shop, as any client reads it."""
        connection = await nats.connect(self.bus.url("basepay:b"), inbox_prefix=INBOX)
        try:
            context = connection.jetstream()
            last = (await context.stream_info(EVENTS)).state.last_seq
            found = [await context.get_msg(EVENTS, each) for each in range(1, last + 1)]
            return [each for each in found if "basepay.events.shop." in str(each.subject)]
        finally:
            await connection.close()


@pytest.fixture
def bus() -> Iterator[NatsServer]:
    server = NatsServer(sync="2m")
    yield server
    server.remove()


@pytest.fixture
def stage(run, start, bus, deployment, free_port) -> Iterator[Stage]:
    deployment.raw |= {
        "public_url": f"http://127.0.0.1:{free_port}",
        "http": {"port": free_port},
        "nats": {"url": bus.url("basepay:b"), "monitor_url": bus.monitor_url},
        "webhooks": {
            "seal_key": "A" * 43 + "=",
            "networks": ["127.0.0.0/8"],
            "any_port": True,
            "plain_http": True,
        },
    }
    deployment.write()
    upgrade_schema(deployment.load())
    printed = run(add_person(deployment.load(), "shop", operator=False))
    user = printed[printed.index('{ user: "shop"') : printed.index("basepay's own user")]
    bus.stop()
    bus.start(users=f"authorization {{ users: [\n{BASEPAY_USER.replace('…', 'b')}\n{user}\n] }}")
    stage = Stage(bus, deployment, printed)
    start("-m", "entrypoints", "serve", "--config", str(deployment.path))
    until(stage.up, seconds=PATIENCE_SECONDS)
    yield stage
    stage.shop.close()


def test_the_documented_consumer_reads_what_happened_also_after_both_sides_died(stage, start):
    consumer = start("-c", CONSUMER, **stage.consumer)
    stage.pays("SO-1")
    event = consumer.hears("SO-1")
    assert stage.shop.get(f"/v1/events/{event['id']}").json() == event

    stage.bus.kill()
    stage.bus.start()
    stage.pays("SO-2")
    consumer.hears("SO-2")

    consumer.kill()
    stage.pays("SO-3")
    again = start("-c", CONSUMER, **stage.consumer)
    again.hears("SO-3")


@pytest.mark.parametrize("name", ["nats_consumer", "webhook_receiver"])
def test_a_documented_program_is_ten_lines_long(name):
    assert 0 < len(lines_of_code(program(name))) <= 10


def test_what_is_on_the_bus_and_in_webhooks_is_what_is_described(run, stage, merchant):
    merchant.answers = [(204, b"")]
    stage.shop.post("/v1/webhook-endpoints", json={"url": merchant.url}).raise_for_status()

    payment = stage.pays("SO-1")
    merchant.waits_for(1)
    stage.gives_back(payment)
    posts = merchant.waits_for(2)
    messages = run(stage.stored())

    assert [message.subject for message in messages] == [
        "basepay.events.shop.payment.succeeded",
        "basepay.events.shop.refund.succeeded",
    ]
    for message, (headers, body) in zip(messages, posts, strict=True):
        described = channel_of(message.subject)
        hold(described, message.headers, message.data)
        hold(DOCUMENT["channels"]["webhooks"], headers, body)
        assert json.loads(message.data) == json.loads(body)
        assert message.headers["Nats-Msg-Id"] == headers["webhook-id"] == json.loads(body)["id"]


def test_the_document_names_the_stream_and_consumer_that_there_are():
    described = json.dumps(DOCUMENT)

    assert f"`{EVENTS}`" in described
    assert f"`{app_consumer('<app>')}`" in described


def channel_of(subject: str) -> dict[str, Any]:
    """The one whose address this is, with its parameters filled in."""
    channels: list[dict[str, Any]] = list(DOCUMENT["channels"].values())
    [channel] = [each for each in channels if is_at(each, subject)]
    return channel


def is_at(channel: dict[str, Any], subject: str) -> bool:
    parameters = channel.get("parameters", {})
    address = re.escape(channel["address"] or "")
    for name, parameter in parameters.items():
        values = "|".join(parameter.get("enum", [r"[a-z0-9-]+"]))
        address = address.replace(rf"\{{{name}\}}", f"(?:{values})")
    return bool(re.fullmatch(address, subject))


def hold(channel: dict[str, Any], headers: dict[str, str], body: bytes) -> None:
    """A real message against what the channel says of messages of its type."""
    event = json.loads(body)
    message = channel["messages"][event["type"]]
    for part, value in ((message["headers"], headers), (message["payload"], event)):
        schema = {**part, "components": DOCUMENT["components"]}
        Draft202012Validator(schema).validate(value)
