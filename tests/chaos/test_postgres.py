"""PostgreSQL is killed again and again, and its disk is full: nothing acknowledged is lost (T4).

`PROOF_KILLS` asks for that many kills under load, and for a full disk of the log alone; some
kills are in `tests/adapters/persistence`, with what follows them there (T4b, c, e).
"""

import asyncio
import os
import random
import statistics
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.chaos.faults import CUSTOMERS, Chaos
from tests.load import Lines
from tests.servers.nats import NatsServer
from tests.servers.postgres import PostgresServer, give_to_postgres
from tests.servers.redis import RedisServer
from tests.servers.shape import Shape

KILLS = int(os.environ.get("PROOF_KILLS", "0"))
SEED = int(os.environ.get("PROOF_SEED", "20269126"))

PROOF = pytest.mark.skipif(not KILLS, reason="PROOF_KILLS asks for it")

#: What a fresh server and a database take, and some room for orders.
DISK_MIB = 64

#: Nothing but an acknowledgement, or the word to come back.
TAKEN, COME_BACK = {200, 201, 202}, 503


@pytest.fixture
def others() -> Iterator[tuple[RedisServer, NatsServer]]:
    with ExitStack() as stack:
        redis, nats = RedisServer(), NatsServer()
        stack.callback(redis.remove)
        stack.callback(nats.remove)
        yield redis, nats


@pytest.fixture
def postgres() -> Iterator[PostgresServer]:
    """As it runs in production: whatever it acknowledges is on the disk."""
    server = PostgresServer()
    yield server
    server.remove()


@pytest.mark.slow
@PROOF
@pytest.mark.timeout(300 + 30 * KILLS)
def test_however_often_postgres_is_killed_nothing_acknowledged_is_missing(
    run, postgres, others, tmp_path
):
    chaos, back = Chaos(random.Random(SEED)), list[float]()

    async def story() -> list[str]:
        async with Shape(postgres, others[0], others[1], tmp_path) as shape:
            customers = [chaos.buy] * CUSTOMERS
            async with Lines.to(shape.started) as lines, chaos.busy(customers, lines):
                for _ in range(KILLS):
                    await asyncio.sleep(chaos.chance.uniform(0.3, 2))
                    postgres.kill()
                    await asyncio.sleep(chaos.chance.uniform(0, 1))
                    await asyncio.to_thread(postgres.start)
                    back.append(await chaos.first_order(lines))
            await chaos.settle(shape.started)
            return await chaos.findings(shape.started)

    findings = run(story())

    print(  # noqa: T201 -- the proof's figures
        f"\n{KILLS} kills, seed {SEED}: from PostgreSQL back to the first 2xx "
        f"{statistics.median(back):.2f} s, at most {max(back):.2f} s; {chaos.summary}"
    )
    assert findings == []
    assert chaos.wrong == []
    assert chaos.summary["payments acknowledged"] > KILLS


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A disk of its own for PostgreSQL, in memory."""
    with tempfile.TemporaryDirectory(prefix="disk-") as folder:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=0755", "tmpfs", folder]
        try:
            mounted = subprocess.run(mount, check=False, capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip("there is no `mount` here")
        if mounted.returncode:
            pytest.skip(f"a small disk can't be mounted here: {mounted.stderr.strip()}")
        yield Path(folder)
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture(params=["everything", pytest.param("its log", marks=PROOF)])
def cramped(request: pytest.FixtureRequest, small_disk: Path) -> Iterator[PostgresServer]:
    """What lies on the small disk. Without room for rows it refuses, for its log it ends."""
    home, log = small_disk / "postgres", small_disk / "log"
    words, home_of_all = ["--wal-segsize=1"], home if request.param == "everything" else None
    if home_of_all is None:
        log.mkdir()
        give_to_postgres(log)
        words.append(f"--waldir={log}")
    else:
        home.mkdir()
    server = PostgresServer(home_of_all, initdb=words, max_wal_size="4MB", min_wal_size="2MB")
    yield server
    server.remove()


@pytest.mark.timeout(300)
def test_a_full_disk_is_said_and_loses_nothing_and_passes(
    run, cramped, others, tmp_path, small_disk
):
    acknowledged = dict[str, bytes]()

    async def story() -> Counter[int]:
        async with Shape(cramped, others[0], others[1], tmp_path) as shape:
            first = (await shape.pay("SO-first")).raise_for_status().json()
            filler = fill(small_disk)
            heard = await ordered_until_refused(shape, acknowledged)
            await shape.payer_pays(first)  # the gateway takes the callback
            filler.unlink()
            await back_again(shape)

            assert await shape.until(lambda: shape.status(first), "succeeded") == "succeeded"
            async with Lines.to(shape.started) as lines:
                kept = {each["order_no"] for each in await lines.all_of("payments")}
            assert acknowledged.keys() <= kept
            again = await asyncio.gather(*(shape.pay(number, api=1) for number in acknowledged))
            assert [answer.content for answer in again] == list(acknowledged.values())
            return heard

    heard = run(story())

    panics = cramped.log().count("PANIC:")
    print(f"\non a full disk: {dict(heard)}, {panics} panics of the server")  # noqa: T201 -- the proof's figures
    assert "No space left on device" in cramped.log()


def fill(disk: Path) -> Path:
    """Take all the room that is left."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler


async def ordered_until_refused(shape: Shape, acknowledged: dict[str, bytes]) -> Counter[int]:
    """Order until nobody has been heard for a while, and remember what was acknowledged."""
    heard, number = Counter[int](), 0
    while heard[COME_BACK] < 8:
        numbers = [f"SO-{number + each}" for each in range(4)]
        number += len(numbers)
        answers = await asyncio.gather(*(shape.pay(each) for each in numbers))
        for each, answer in zip(numbers, answers, strict=True):
            heard[answer.status_code] += 1
            if answer.status_code in TAKEN:
                acknowledged[each] = answer.content
            else:
                assert answer.status_code == COME_BACK, answer.text
                assert int(answer.headers["Retry-After"]) > 0
    return heard


async def back_again(shape: Shape) -> httpx.Response:
    """Somebody has made room, and starts PostgreSQL if it has ended; the first order after it."""
    while True:
        if shape.postgres.ended:
            await asyncio.to_thread(shape.postgres.start)
        answer = await shape.pay("SO-after")
        if answer.is_success:
            return answer
        assert answer.status_code == COME_BACK, answer.text
        await asyncio.sleep(0.2)
