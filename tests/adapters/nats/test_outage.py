"""A NATS that is away fills no log, and is told when it goes and when it is back."""

import asyncio
import logging
import re

import pytest

from adapters.nats.outage import SELDOM_SECONDS, Outage
from adapters.nats.platform import Platform
from tests.adapters.nats.reading import back


class Watch:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture(autouse=True)
def log(caplog) -> None:
    caplog.set_level(logging.INFO, "basepay.nats")


def test_an_outage_is_told_once_a_minute_and_at_its_end(watch, caplog):
    outage = Outage(watch)
    for _ in range(5 * 60):  # the driver tries every half second
        outage.away("ConnectionRefusedError")
        watch.seconds += 0.5
    outage.over()

    assert caplog.messages == [
        "NATS is away for 0 s (ConnectionRefusedError); trying on",
        "NATS is away for 60 s (ConnectionRefusedError); trying on",
        "NATS is away for 120 s (ConnectionRefusedError); trying on",
        "NATS is back after 150 s",
    ]


def test_the_next_outage_is_told_at_once(watch, caplog):
    outage = Outage(watch)
    for _ in range(2):
        outage.away("UnexpectedEOF")
        watch.seconds += 1
        outage.over()
        outage.over()

    assert caplog.messages == 2 * [
        "NATS is away for 0 s (UnexpectedEOF); trying on",
        "NATS is back after 1 s",
    ]


def test_each_complaint_about_a_standing_connection_is_told_once_a_minute(watch, caplog):
    outage = Outage(watch)
    for _ in range(3):
        outage.complaint("SlowConsumerError")
        outage.complaint("Error")
        watch.seconds += SELDOM_SECONDS / 2
    outage.over()

    assert caplog.messages == 2 * ["NATS: SlowConsumerError", "NATS: Error"]


class Counting(Platform):
    """Knows how often the driver had something to say."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.said = 0

    async def _on_error(self, error: Exception) -> None:
        self.said += 1
        await super()._on_error(error)


@pytest.mark.parametrize("away_at", ["start", "work"])
def test_a_server_that_goes_and_comes_back_is_two_lines(
    run, nats_server, monkeypatch, caplog, away_at
):
    monkeypatch.setattr("adapters.nats.platform.REST_SECONDS", 0.01)
    monkeypatch.setattr("adapters.nats.outage.SELDOM_SECONDS", 3_600.0)
    counting = Counting(nats_server.url())

    async def until_it_has_tried_often() -> None:
        while counting.said < 10:  # noqa: ASYNC110 -- the driver tells nobody else
            await asyncio.sleep(0.01)

    if away_at == "start":
        nats_server.kill()
        run(counting.open(patience=0.01))
    else:
        run(counting.open(patience=60))
        nats_server.kill()
    run(until_it_has_tried_often())
    nats_server.start()
    run(back(counting))
    run(counting.aclose())

    went, came = caplog.messages
    assert re.fullmatch(r"NATS is away for 0 s \(.+\); trying on", went)
    assert re.fullmatch(r"NATS is back after \d+ s", came)
