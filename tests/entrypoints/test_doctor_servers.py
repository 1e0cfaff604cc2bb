"""The doctor looks at the servers of the many-machine shape, at webhooks, and changes nothing."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import nats
import pytest
import redis.asyncio

from adapters.nats.declared import EVENTS
from adapters.nats.platform import Platform
from adapters.nats.probe import Seen as NatsSeen
from adapters.redis.probe import Seen
from adapters.webhooks.vault import AesVault, read_key
from domain.webhook import Endpoint
from entrypoints.checkup.nats import _streams
from entrypoints.checkup.redis import _answers
from entrypoints.people import add_person
from entrypoints.storage import open_store, upgrade_schema
from tests.builders import NOON, a_payment
from tests.entrypoints.deployment import Deployment
from tests.entrypoints.examining import BAD, GOOD, LOOK, Findings, examine, wrong
from tests.servers.nats import NatsServer
from tests.servers.postgres import PostgresServer
from tests.servers.redis import RedisServer

KEY, OTHER_KEY = (b64encode(bytes([each]) * 32).decode() for each in (1, 2))
PASSWORD = "not-to-be-seen"


@pytest.fixture
def plain(deployment: Deployment) -> Deployment:
    """Without accounts, so that only servers are asked."""
    deployment.raw["accounts"] = {}
    deployment.write()
    upgrade_schema(deployment.load())
    return deployment


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.remove()


@pytest.fixture
def nats_server() -> Iterator[NatsServer]:
    server = NatsServer()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[PostgresServer]:
    server = PostgresServer(fsync="off")
    yield server
    server.remove()


def hides_its_password(findings: Findings) -> bool:
    return PASSWORD not in repr(findings)


# The database.


def test_postgres_is_looked_at_like_a_file(run, plain, postgres_server):
    plain.raw["database"]["url"] = run(postgres_server.create())

    without_schema = run(examine(plain))
    upgrade_schema(plain.load())
    sound = run(examine(plain))

    assert without_schema["database", "schema"].state is BAD
    assert "basepay migrate" in without_schema["database", "schema"].mend
    assert without_schema["database", "open orders"].state is LOOK
    assert wrong(sound) == set()
    assert sound["database", "schema"].state is GOOD


def test_a_postgres_that_cant_be_reached_is_told_without_its_password(run, plain, free_port):
    plain.raw["database"]["url"] = f"postgresql://basepay:{PASSWORD}@127.0.0.1:{free_port}/basepay"

    findings = run(examine(plain))

    assert wrong(findings) == {("database", "schema")}
    assert hides_its_password(findings)


def test_open_orders_of_an_account_that_is_gone_are_counted(run, plain):
    async def leave_some_behind() -> None:
        store = await open_store(plain.load())
        async with store.work() as work:
            for number, due in enumerate((NOON, NOON, None)):
                id = f"pay_{number}"
                work.payments.save(a_payment(id=id, account="till", next_check_at=due))
            await work.commit()
        await store.close()

    assert run(examine(plain))["database", "open orders"].state is GOOD
    run(leave_some_behind())
    finding = run(examine(plain))["database", "open orders"]

    assert finding.state is LOOK
    assert "till (2 open orders)" in finding.words
    assert "configure it again" in finding.mend


# Redis.


def test_a_redis_that_answers_is_well(run, plain, redis_server):
    plain.raw["redis"] = {"url": redis_server.url}

    findings = run(examine(plain))

    assert findings["redis", "answers"].state is GOOD
    assert "Redis 6" in findings["redis", "answers"].words
    assert findings["redis", "memory"].state is GOOD


def test_a_redis_that_is_not_there_is_told_without_its_password(run, plain, free_port):
    plain.raw["redis"] = {"url": f"redis://basepay:{PASSWORD}@127.0.0.1:{free_port}/0"}

    findings = run(examine(plain))

    assert wrong(findings) == {("redis", "answers")}
    assert f"redis://127.0.0.1:{free_port}/0 does not" in findings["redis", "answers"].words
    assert "nothing listens there" in findings["redis", "answers"].words
    assert hides_its_password(findings)


@pytest.mark.parametrize("user", ["", f":wrong-{PASSWORD}@"])
def test_a_redis_that_refuses_our_password_is_told(run, plain, user):
    server = RedisServer("--requirepass", "right")
    try:
        plain.raw["redis"] = {"url": server.url.replace("://", f"://{user}")}
        findings = run(examine(plain))
    finally:
        server.remove()

    assert "refuses our user or password" in findings["redis", "answers"].words
    assert hides_its_password(findings)


@pytest.mark.parametrize(("policy", "state"), [("noeviction", LOOK), ("volatile-ttl", GOOD)])
def test_a_redis_that_refuses_writes_when_it_is_full_is_told(
    run, plain, redis_server, policy, state
):
    plain.raw["redis"] = {"url": redis_server.url}

    async def with_limit(limit: int) -> None:
        async with redis.asyncio.from_url(redis_server.url) as client:
            await client.config_set("maxmemory", limit)
            await client.config_set("maxmemory-policy", policy)

    run(with_limit(64 << 20))
    finding = run(examine(plain))["redis", "memory"]
    run(with_limit(0))

    assert finding.state is state
    assert ("volatile-ttl" in finding.mend) is (state is LOOK)


@pytest.mark.parametrize(
    ("seen", "state", "said"),
    [
        (Seen(version=(5, 0, 14)), LOOK, "is Redis 5.0.14, older"),
        (Seen(version=(7, 2), takes_writes=False), BAD, "is a replica"),
        (Seen(version=(8, 0)), GOOD, "Redis 8.0"),
    ],
)
def test_what_a_redis_tells_of_itself_is_judged(seen, state, said):
    finding = _answers("redis://r", seen)

    assert finding.state is state
    assert said in finding.words


# NATS.


@pytest.fixture
def on_nats(plain: Deployment, nats_server: NatsServer) -> Deployment:
    plain.raw["nats"] = {"url": nats_server.url(), "monitor_url": nats_server.monitor_url}
    plain.write()
    return plain


def declare(run: Any, server: NatsServer) -> None:
    async def once() -> None:
        platform = Platform(server.url())
        await platform.open(patience=60)
        await platform.aclose()

    run(once())


def test_a_nats_with_everything_declared_is_well(run, on_nats, nats_server):
    declare(run, nats_server)
    run(add_person(on_nats.load(), "shop", operator=False))

    findings = run(examine(on_nats))

    assert wrong(findings) == set()
    assert {title: f.state for (about, title), f in findings.items() if about == "nats"} == {
        "answers": GOOD,
        "streams": GOOD,
        "consumers": GOOD,
        "power cuts": GOOD,
    }
    assert findings["nats", "consumers"].words == "as declared: basepay-workers, app-shop"


def test_what_nobody_has_declared_yet_is_told_and_not_made(run, on_nats, nats_server):
    for _ in range(2):
        findings = run(examine(on_nats))

        assert findings["nats", "streams"].state is LOOK
        assert EVENTS in findings["nats", "streams"].words
        assert findings["nats", "consumers"].state is LOOK


def test_a_stream_and_consumers_that_differ_are_named(run, on_nats, nats_server):
    declare(run, nats_server)
    for app in ("shop", "till"):
        run(add_person(on_nats.load(), app, operator=False))

    async def spoil() -> None:
        client = await nats.connect(nats_server.url())
        context = client.jetstream()
        await context.update_stream(name=EVENTS, subjects=["basepay.events.>"], max_age=60)
        await context.delete_consumer(EVENTS, "app-till")
        await context.delete_consumer(EVENTS, "app-shop")
        await context.add_consumer(EVENTS, durable_name="app-shop", ack_policy="explicit")
        await client.close()

    run(spoil())
    findings = run(examine(on_nats))

    assert wrong(findings) == {("nats", "streams"), ("nats", "consumers")}
    assert f"{EVENTS}: max_age is 60 s" in findings["nats", "streams"].words
    assert "app-shop: filter_subject is None" in findings["nats", "consumers"].words


def test_an_app_without_a_consumer_is_named(run, on_nats, nats_server):
    declare(run, nats_server)
    url = on_nats.raw.pop("nats")
    on_nats.write()
    run(add_person(on_nats.load(), "shop", operator=False))
    on_nats.raw["nats"] = url

    finding = run(examine(on_nats))["nats", "consumers"]

    assert finding.state is LOOK
    assert "app-shop" in finding.words
    assert "basepay apps add" in finding.mend


def test_a_nats_that_loses_what_it_acknowledged_is_told_as_at_the_start(run, plain):
    server = NatsServer(sync="2m")
    try:
        plain.raw["nats"] = {"url": server.url(), "monitor_url": server.monitor_url}
        finding = run(examine(plain))["nats", "power cuts"]
    finally:
        server.remove()

    assert finding.state is LOOK
    assert "sync_interval: always" in finding.words


def test_a_nats_that_is_not_there_is_told_without_its_password(run, plain, free_port):
    plain.raw["nats"] = {"url": f"nats://basepay:{PASSWORD}@127.0.0.1:{free_port}"}

    findings = run(examine(plain))

    assert wrong(findings) == {("nats", "answers")}
    assert f"127.0.0.1:{free_port} (nothing listens there)" in findings["nats", "answers"].words
    assert findings["nats", "streams"].state is LOOK
    assert hides_its_password(findings)


def test_one_of_several_that_is_silent_is_named(run, on_nats, nats_server, free_port):
    declare(run, nats_server)
    on_nats.raw["nats"]["url"] += f",nats://127.0.0.1:{free_port}"

    findings = run(examine(on_nats))

    assert findings["nats", "answers"].state is LOOK
    assert f"127.0.0.1:{free_port}" in findings["nats", "answers"].words
    assert findings["nats", "streams"].state is GOOD


def test_a_nats_that_refuses_our_user_is_told(run, plain):
    server = NatsServer(users="authorization { user: basepay, password: right }")
    try:
        plain.raw["nats"] = {"url": server.url(f"basepay:{PASSWORD}")}
        findings = run(examine(plain))
    finally:
        server.remove()

    assert "refuses our user or password" in findings["nats", "answers"].words
    assert hides_its_password(findings)


@pytest.mark.parametrize(
    ("replicas", "servers", "state", "said"),
    [(3, 1, LOOK, "only 1"), (1, 3, LOOK, "one copy"), (3, 3, GOOD, "3 copies")],
)
def test_copies_are_held_against_the_number_of_servers(replicas, servers, state, said):
    finding = _streams(replicas, NatsSeen(version="2.15", servers=servers))

    assert finding.state is state
    assert said in finding.words


# Webhooks.


def endpoint_sealed_with(run: Any, deployment: Deployment, key: str) -> None:
    async def subscribe() -> None:
        store = await open_store(deployment.load())
        secret = AesVault(read_key(key)).seal(b"s" * 32, about="whe_1")
        endpoint = Endpoint(
            id="whe_1", app="shop", url="https://x", types=(), secret=secret, created_at=NOON
        )
        await store.webhooks.endpoints.save(endpoint)
        await store.close()

    run(add_person(deployment.load(), "shop", operator=False))
    run(subscribe())


@pytest.mark.parametrize(
    ("present", "previous", "state", "said"),
    [
        (KEY, None, GOOD, "of 1 endpoint can"),
        (OTHER_KEY, KEY, GOOD, "of 1 endpoint can"),
        (KEY, OTHER_KEY, LOOK, "not needed any more"),
        (OTHER_KEY, None, BAD, "nothing opens the secrets of 1 of 1"),
        (None, None, BAD, "1 endpoint hear"),
    ],
)
def test_the_key_is_tried_on_what_it_sealed(run, plain, present, previous, state, said):
    endpoint_sealed_with(run, plain, KEY)
    given = {"seal_key": present, "previous_seal_key": previous}
    plain.raw["webhooks"] = {name: key for name, key in given.items() if key}

    findings = run(examine(plain))

    assert findings["webhooks", "seal key"].state is state
    assert said in findings["webhooks", "seal key"].words
    assert KEY not in repr(findings)


def test_without_webhooks_there_is_nothing_to_mend(run, plain):
    findings = run(examine(plain))

    assert findings["webhooks", "seal key"].state is GOOD
    assert ("webhooks", "reach") not in findings


@pytest.mark.parametrize(
    ("given", "state", "said"),
    [
        ({}, GOOD, "public addresses, ports 443, 80"),
        ({"networks": ["10.1.0.0/16"], "ports": [8443]}, GOOD, "inside 10.1.0.0/16, ports 443, 80"),
        ({"plain_http": True}, LOOK, "plain http"),
    ],
)
def test_where_webhooks_may_go_is_told(run, plain, given, state, said):
    plain.raw["webhooks"] = {"seal_key": KEY, **given}

    finding = run(examine(plain))["webhooks", "reach"]

    assert finding.state is state
    assert said in finding.words


def test_others_that_can_read_the_seal_key_are_told(run, plain):
    plain.raw["webhooks"] = {"seal_key_file": plain.secret("seal", KEY)}
    (plain.directory / "seal").chmod(0o644)

    assert "seal" in run(examine(plain))["configuration", "secret files"].mend
