"""`basepay demo` succeeds when everything holds, and only then."""

import json

import pytest

from entrypoints import demo
from entrypoints.demo_scenarios import Scenario, expect, paid


def test_everything_the_demo_expects_holds(run, capsys):
    code = run(demo.run_demo(as_json=True))

    told = json.loads(capsys.readouterr().out)
    assert [each for each in told["results"] if not each["passed"]] == []
    assert (code, told["passed"]) == (0, True)


async def broken(shop, method):
    expect("the sum of two and two", 5, 2 + 2)


async def crashing(shop, method):
    raise RuntimeError("the stack is gone")


@pytest.mark.parametrize("play", [broken, crashing])
def test_one_broken_expectation_breaks_the_demo(run, capsys, monkeypatch, play):
    scenarios = (Scenario("paid", paid), Scenario("broken", play))
    monkeypatch.setattr(demo, "SCENARIOS", scenarios)

    code = run(demo.run_demo(as_json=False))

    assert code == 1
    assert "3 of 5 held" in capsys.readouterr().out
