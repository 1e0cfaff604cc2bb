"""`basepay demo` succeeds when everything holds, and only then."""

import json

import pytest

from domain.method import Method
from entrypoints import demo
from entrypoints.demo_scenarios import METHODS, SCENARIOS, Scenario, expect, paid


def test_everything_the_demo_expects_holds(run, capsys):
    code = run(demo.run_demo(as_json=True))

    told = json.loads(capsys.readouterr().out)
    assert [each for each in told["results"] if not each["passed"]] == []
    assert (code, told["passed"]) == (0, True)


def test_the_same_holds_on_the_cluster(run, capsys, monkeypatch):
    """Two methods of twelve; the features are all told there."""
    monkeypatch.setattr(demo, "METHODS", ("wechat_native", "alipay_qr"))

    code = run(demo.run_demo(as_json=True, cluster=True))

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
    monkeypatch.setattr(demo, "METHODS", ("wechat_native", "alipay_qr"))
    monkeypatch.setattr(demo, "BESIDES", ())

    code = run(demo.run_demo(as_json=False))

    assert code == 1
    assert "4 of 6 held" in capsys.readouterr().out


def test_the_demo_walks_every_method_through_everything_that_can_happen_to_it():
    played = {(each.title, method) for each in SCENARIOS for method in METHODS if each.fits(method)}

    assert set(METHODS) == set(Method)
    assert len(played) >= 170
