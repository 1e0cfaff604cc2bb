"""Plays blocks of histories; a block's seed decides all that happens in it."""

from dataclasses import dataclass

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

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


def play(number: int, *, shrink: bool = True) -> Played:
    """Play one block; raises what broke, with how to see it again."""
    played = Played()

    class Counted(History):
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
