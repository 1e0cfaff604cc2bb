import asyncio

import httpx
import pytest

from adapters.wechat_official_account import addresses
from adapters.wechat_official_account.addresses import CallbackAddresses, listed_destinations
from tests.adapters.wechat_official_account.line import PAGE_APP

ASKED = "/cgi-bin/getcallbackip"
TENCENT, STRANGER = "203.0.113.77", "192.0.2.1"


@pytest.fixture
def visitors(wechat):
    tokens = wechat.tokens_of()
    return CallbackAddresses(PAGE_APP, tokens, wechat.shared, wechat.clock)


@pytest.mark.parametrize(
    ("address", "comes_in"),
    [
        (TENCENT, True),  # within a network
        ("198.51.100.7", True),
        ("198.51.100.8", False),
        ("::ffff:203.0.113.77", True),
        (STRANGER, False),
        ("2001:db8::1", False),
        ("", False),
        ("unix:", False),
    ],
)
def test_only_tencent_may_fetch(run, visitors, address, comes_in):
    assert run(visitors.may_fetch(address)) is comes_in


def test_the_list_is_looked_at_about_daily(run, wechat, visitors):
    run(visitors.may_fetch(TENCENT))
    wechat.clock.advance(23 * 3600)
    run(visitors.may_fetch(TENCENT))
    assert wechat.line.asked(ASKED) == 1
    wechat.platform.choices.callback_addresses = (STRANGER,)
    wechat.clock.advance(3601)

    assert run(visitors.may_fetch(STRANGER))
    assert not run(visitors.may_fetch(TENCENT))
    assert wechat.line.asked(ASKED) == 2


def test_without_any_list_everybody_may_fetch(run, wechat, visitors):
    wechat.line.trouble = httpx.ConnectError("down")

    assert run(visitors.may_fetch(STRANGER))


def test_an_old_list_outlives_a_silence(run, wechat, visitors):
    run(visitors.may_fetch(TENCENT))
    wechat.line.trouble = httpx.ConnectError("down")
    wechat.clock.advance(90_000)

    assert run(visitors.may_fetch(TENCENT))
    assert not run(visitors.may_fetch(STRANGER))


def test_a_silent_wechat_is_asked_again_after_a_minute_only(run, wechat, visitors):
    wechat.line.trouble = httpx.ConnectError("down")
    for _ in range(5):
        run(visitors.may_fetch(STRANGER))
    heard = len(wechat.line.heard)
    wechat.line.trouble = None
    wechat.clock.advance(61)

    assert heard == 1
    assert not run(visitors.may_fetch(STRANGER))


def test_a_set_up_that_wechat_refuses_keeps_nobody_out(run, wechat, visitors):
    wechat.platform.choices.caller_listed = False

    assert run(visitors.may_fetch(STRANGER))


def test_nobody_waits_long_for_a_wechat_that_hangs(run, wechat, visitors, monkeypatch):
    monkeypatch.setattr(addresses, "PATIENCE_SECONDS", 0.01)
    wechat.line.before_answer = lambda _: asyncio.Event().wait()

    assert run(visitors.may_fetch(STRANGER))


def test_an_odd_line_does_not_spoil_the_list(run, wechat, visitors):
    wechat.platform.choices.callback_addresses = ("?", f"{TENCENT}\n", "")

    assert run(visitors.may_fetch(TENCENT))
    assert not run(visitors.may_fetch(STRANGER))


def test_our_destinations_are_held_against_wechats_list(run, wechat):
    asked = listed_destinations(wechat.tokens_of(), ["203.0.113.1", "192.0.2.9"])

    assert run(asked) == {"203.0.113.1": True, "192.0.2.9": False}
