"""Plays blocks of histories; a block's seed decides all that happens in it."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RULE_MARKER, run_state_machine_as_test

from tests.histories.machine import History

#: Histories of one seed, and things that happen in one history.
BLOCK, LENGTH = 100, 30


@dataclass
class Played:
    """What was lived through."""

    histories: int = 0
    steps: int = 0
    deaths: int = 0
    payments: int = 0


def play(number: int, *, shrink: bool = True, aim: Collection[str] = ()) -> Played:
    """Play one block; raises what broke, with how to see it again.

    `aim`: the only rules that happen, to look at one corner.
    """
    played = Played()

    class Counted(_aimed(aim) if aim else History):  # type: ignore[misc] # a base made at run time
        def teardown(self) -> None:
            super().teardown()
            played.histories += 1
            played.steps += self.steps
            played.deaths += self.basepay.deaths if hasattr(self, "basepay") else 0

    phases = [Phase.generate, Phase.shrink] if shrink else [Phase.generate]
    how = settings(
        max_examples=BLOCK,
        stateful_step_count=LENGTH,
        phases=phases,
        database=None,
        deadline=None,
        print_blob=False,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(seed(number)(Counted), settings=how)
    except BaseException as error:
        again = f"PROOF_SEED={number} PROOF_HISTORIES={BLOCK}"
        error.add_note(f"replay: {again} pytest tests/histories/test_histories.py")
        raise
    return played


def _aimed(aim: Collection[str]) -> type[History]:
    """Histories in which only these rules happen; the others stay callable."""
    rules = {name: each for name, each in vars(History).items() if hasattr(each, RULE_MARKER)}
    others = {name: _plain(each) for name, each in rules.items() if name not in aim}
    return type("Aimed", (History,), others)


def _plain(rule: Callable[..., None]) -> Callable[..., None]:
    def unmarked(*args: Any, **kwargs: Any) -> None:
        rule(*args, **kwargs)

    return unmarked
