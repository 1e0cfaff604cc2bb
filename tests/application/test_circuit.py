"""When an account's circuit opens and closes, on the clock of a loop that takes no time."""

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.circuit import (
    AT_ONCE,
    FAIR_CHANCE,
    OPENS_AFTER,
    PATIENCE,
    PAUSES,
    WINDOW,
    Circuit,
    Circuits,
)
from domain.outcome import Declined, Failure, NotFound, Outcome, Unasked, Unknown
from tests.simulation.virtual_time import VirtualLoop

NO_ANSWER = Unknown("cut", unanswered=True)
PAUSE = sum(PAUSES) / 2

#: Whatever a provider says, it is there.
ANSWERS = [
    NotFound(),
    Declined(Failure("refused")),
    Unknown("429", retry_after=timedelta(seconds=5)),
    Unknown("not understood"),
]


@pytest.fixture
def run():
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        yield runner.run


class Line:
    """A provider behind a circuit, as silent as it is told to be."""

    def __init__(self, chance: Callable[[], float] = lambda: 0.5) -> None:
        self.circuit = Circuit("wechat-main", chance=chance)
        self.says: Outcome = NO_ANSWER
        self.takes = 0.0
        self.sent = 0

    async def ask(self) -> Outcome:
        return await self.circuit.ask(self._question)

    async def _question(self) -> Outcome:
        self.sent += 1
        says, takes = self.says, self.takes
        await asyncio.sleep(takes)
        return says

    async def falls_silent(self) -> None:
        for _ in range(OPENS_AFTER):
            assert await self.ask() == NO_ANSWER
        self.sent = 0


def test_who_does_not_answer_five_times_running_is_asked_no_more(run):
    async def story() -> None:
        line = Line()
        for _ in range(OPENS_AFTER):
            assert not line.circuit.open
            assert await line.ask() == NO_ANSWER

        assert line.circuit.open
        assert isinstance(await line.ask(), Unasked)
        assert line.sent == OPENS_AFTER

    run(story())


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_any_answer_in_between_starts_the_count_anew(run, answer):
    async def story() -> None:
        line = Line()
        for _ in range(3):
            for _ in range(OPENS_AFTER - 1):
                await line.ask()
            line.says = answer
            assert await line.ask() == answer
            line.says = NO_ANSWER

        assert not line.circuit.open

    run(story())


def test_silences_that_lie_far_apart_open_nothing(run):
    async def story() -> None:
        line = Line()
        for _ in range(OPENS_AFTER * 2):
            await line.ask()
            await asyncio.sleep(WINDOW + 1)

        assert not line.circuit.open

    run(story())


def test_an_open_circuit_lets_one_question_through_after_each_pause(run):
    async def story() -> None:
        line = Line()
        await line.falls_silent()
        for tried in range(1, 5):
            await asyncio.sleep(PAUSE)
            assert await line.ask() == NO_ANSWER
            assert isinstance(await line.ask(), Unasked)
            assert line.sent == tried

    run(story())


def test_a_try_that_hangs_does_not_delay_the_next_one(run):
    async def story() -> None:
        line = Line()
        await line.falls_silent()
        line.takes = 8.0
        hanging = []
        for _ in range(3):
            await asyncio.sleep(PAUSE)
            hanging += [asyncio.create_task(line.ask()) for _ in range(2)]
        await asyncio.sleep(0)

        assert line.sent == 3
        await asyncio.gather(*hanging)

    run(story())


@pytest.mark.parametrize("answer", ANSWERS, ids=repr)
def test_the_first_answer_closes_it(run, answer):
    async def story() -> None:
        line = Line()
        await line.falls_silent()
        line.says = answer
        await asyncio.sleep(PAUSE)
        asked = [await line.ask() for _ in range(3)]

        assert asked == [answer] * 3
        assert not line.circuit.open

    run(story())


@pytest.mark.parametrize(("chance", "pause"), [(0.0, PAUSES[0]), (1.0, PAUSES[1])])
def test_pauses_differ_by_chance_within_their_bounds(run, chance, pause):
    async def story() -> None:
        line = Line(lambda: chance)
        await line.falls_silent()
        await asyncio.sleep(pause - 0.01)
        assert line.circuit.shut
        await asyncio.sleep(0.02)
        assert not line.circuit.shut

    run(story())


def test_what_was_asked_before_the_last_answer_says_nothing_newer(run):
    async def story() -> None:
        line = Line()
        line.takes = 8.0
        old = [asyncio.create_task(line.ask()) for _ in range(AT_ONCE - 1)]
        await asyncio.sleep(1)
        line.takes, line.says = 0.0, NotFound()
        await line.ask()
        await asyncio.gather(*old)

        assert not line.circuit.open

    run(story())


def test_who_was_waited_for_in_vain_has_not_answered(run):
    async def story() -> None:
        line = Line()
        line.takes = 60.0
        for seconds, opens in ((FAIR_CHANCE - 0.1, False), (FAIR_CHANCE + 0.1, True)):
            for _ in range(OPENS_AFTER):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(line.ask(), seconds)
            assert line.circuit.open is opens

    run(story())


def test_a_slow_provider_holds_only_so_many_of_us(run):
    async def story() -> None:
        line = Line()
        line.takes, line.says = 8.0, NotFound()
        loop = asyncio.get_running_loop()
        crowd = [asyncio.create_task(line.ask()) for _ in range(AT_ONCE)]
        await asyncio.sleep(0)
        began = loop.time()
        refused = await line.ask()

        assert isinstance(refused, Unasked)
        assert loop.time() - began == pytest.approx(PATIENCE)
        assert line.sent == AT_ONCE
        assert await asyncio.gather(*crowd) == [NotFound()] * AT_ONCE
        assert await line.ask() == NotFound()

    run(story())


def test_a_crowd_that_is_answered_quickly_gets_through(run):
    async def story() -> None:
        line = Line()
        line.takes, line.says = 0.15, NotFound()
        crowd = await asyncio.gather(*(line.ask() for _ in range(AT_ONCE * 5)))

        assert crowd == [NotFound()] * AT_ONCE * 5

    run(story())


def test_who_waits_for_a_place_while_the_circuit_opens_is_not_sent(run):
    async def story() -> None:
        line = Line()
        line.takes = PATIENCE / 2
        crowd = await asyncio.gather(*(line.ask() for _ in range(AT_ONCE + 10)))

        assert line.sent == AT_ONCE
        assert sum(isinstance(each, Unasked) for each in crowd) == 10

    run(story())


def test_a_mistake_of_ours_gives_its_place_back_and_blames_nobody(run):
    async def story() -> None:
        line = Line()

        async def mistaken() -> Outcome:
            raise ValueError("ours")

        for _ in range(AT_ONCE + 1):
            with pytest.raises(ValueError, match="ours"):
                await line.circuit.ask(mistaken)

        line.says = NotFound()
        assert await line.ask() == NotFound()

    run(story())


def test_it_says_once_that_it_opens_and_once_that_it_closes(run, caplog):
    async def story() -> None:
        line = Line()
        await line.falls_silent()
        for _ in range(5):
            await asyncio.sleep(PAUSE)
            await line.ask()
        line.says = NotFound()
        await asyncio.sleep(PAUSE)
        await line.ask()
        await line.ask()

    with caplog.at_level(logging.INFO, "basepay.circuit"):
        run(story())

    assert [record.getMessage() for record in caplog.records] == [
        "wechat-main does not answer, it is tried now and then: cut",
        "wechat-main answers again, after 12 s",
    ]


def test_each_account_has_a_circuit_of_its_own(run):
    async def story() -> None:
        circuits = Circuits(chance=lambda: 0.5)

        async def silent() -> Outcome:
            return NO_ANSWER

        for _ in range(OPENS_AFTER):
            await circuits.of("wechat-main").ask(silent)

        assert circuits.of("wechat-main").open
        assert not circuits.of("alipay-main").open

    run(story())


@given(
    moments=st.lists(
        st.tuples(
            st.sampled_from(["nobody", "somebody"]),
            st.floats(0, 4),
            st.integers(1, 8),
            st.sampled_from([0.0, 0.1, 8.0]),
        ),
        max_size=30,
    ),
    chance=st.floats(0, 1),
)
def test_a_silent_provider_is_asked_little_and_found_soon(moments, chance):
    async def story() -> None:
        line = Line(lambda: chance)
        loop = asyncio.get_running_loop()
        asked = list[asyncio.Task[Outcome]]()
        for who, pause, many, takes in moments:
            line.says = NotFound() if who == "somebody" else NO_ANSWER
            line.takes = takes
            asked += [asyncio.create_task(line.ask()) for _ in range(many)]
            await asyncio.sleep(pause)
        answers = await asyncio.gather(*asked)
        assert line.sent == sum(not isinstance(each, Unasked) for each in answers)

        await asyncio.sleep(PAUSES[1])
        line.says, line.takes, line.sent = NO_ANSWER, 0.0, 0
        began = loop.time()
        while loop.time() < began + 60:
            await line.ask()
            await asyncio.sleep(0.1)
        assert line.sent <= OPENS_AFTER + 60 / PAUSES[0] + 1

        line.says = NotFound()
        await asyncio.sleep(PAUSES[1])
        assert await line.ask() == NotFound()
        assert await line.ask() == NotFound()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(story())
