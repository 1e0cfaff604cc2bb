"""How often accounts are asked, on the clock of a loop that takes no time."""

import asyncio
from datetime import timedelta

import pytest

from application.budget import Budget
from domain.outcome import AwaitingPayer, Unknown
from tests.simulation.virtual_time import VirtualLoop


@pytest.fixture
def run():
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        yield runner.run


def test_asks_are_evenly_spaced(run) -> None:
    async def five_asks() -> float:
        loop = asyncio.get_running_loop()
        began, budget = loop.time(), Budget(asks_per_second=10)
        for _ in range(5):
            assert await budget.turn()
        return loop.time() - began

    assert run(five_asks()) == pytest.approx(0.4)


def test_a_provider_that_wants_silence_is_left_alone_so_long(run) -> None:
    async def story() -> list[bool]:
        budget = Budget(asks_per_second=10)
        budget.heard(Unknown("429", retry_after=timedelta(seconds=30)))
        quiet = [budget.quiet, await budget.turn()]
        await asyncio.sleep(31)
        return [*quiet, budget.quiet, await budget.turn()]

    assert run(story()) == [True, False, False, True]


def test_other_answers_ask_for_nothing(run) -> None:
    async def story() -> bool:
        budget = Budget(asks_per_second=10)
        budget.heard(Unknown("cut"))
        budget.heard(AwaitingPayer())
        return budget.quiet

    assert run(story()) is False
