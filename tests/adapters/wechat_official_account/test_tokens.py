import asyncio
import json

import httpx
import pytest

from adapters.wechat_official_account.addresses import callback_addresses
from application.official_account_ports import WeChatMisconfigured, WeChatUnavailable
from tests.adapters.wechat_official_account.line import PAGE_APP

STABLE, TICKET = "/cgi-bin/stable_token", "/cgi-bin/ticket/getticket"


@pytest.fixture
def tokens(wechat):
    return wechat.account.tokens


def test_a_token_is_fetched_once_and_kept(run, wechat, tokens):
    first, again = run(tokens.access_token()), run(tokens.access_token())

    assert first == again
    assert wechat.platform.tokens.holder(first) == PAGE_APP
    assert wechat.line.asked(STABLE) == 1


def test_many_who_need_a_token_cause_one_fetch(run, wechat, tokens):
    async def all_at_once():
        return await asyncio.gather(*[tokens.access_token() for _ in range(50)])

    assert len(set(run(all_at_once()))) == 1
    assert wechat.line.asked(STABLE) == 1


def test_many_processes_cause_one_fetch(run, wechat):
    processes = [wechat.opened(wechat.another_process()).tokens for _ in range(20)]

    async def all_at_once():
        return await asyncio.gather(*[each.access_token() for each in processes])

    assert len(set(run(all_at_once()))) == 1
    assert wechat.line.asked(STABLE) == 1


def test_a_token_is_renewed_ahead_of_its_end(run, wechat, tokens):
    old = run(tokens.access_token())
    wechat.clock.advance(6890)
    assert run(tokens.access_token()) == old
    wechat.clock.advance(11)
    new = run(tokens.access_token())

    assert new != old
    assert wechat.platform.tokens.holder(old) == PAGE_APP  # calls under way still pass


def test_a_token_that_is_about_to_end_is_used_for_a_moment(run, wechat, tokens):
    wechat.line.says(b'{"access_token":"SIM_x","expires_in":20}')
    run(tokens.access_token())
    run(tokens.access_token())

    assert wechat.line.asked(STABLE) == 1


def test_a_token_that_somebody_replaced_is_fetched_again_once(run, wechat, tokens):
    run(tokens.access_token())
    wechat.platform.tokens.revoke(PAGE_APP)

    assert run(callback_addresses(tokens)) == list(wechat.platform.choices.callback_addresses)
    assert wechat.line.asked(STABLE) == 2
    assert wechat.line.asked("/cgi-bin/getcallbackip") == 2


def test_many_whose_token_is_refused_cause_one_fetch(run, wechat, tokens):
    run(tokens.access_token())
    wechat.platform.tokens.revoke(PAGE_APP)

    async def all_at_once():
        await asyncio.gather(*[callback_addresses(tokens) for _ in range(20)])

    run(all_at_once())

    assert wechat.line.asked(STABLE) == 2


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
def test_a_token_that_wechat_holds_good_but_does_not_take_is_forced(run, wechat, tokens, errcode):
    run(tokens.access_token())
    wechat.line.says(b'{"errcode":%d,"errmsg":"no"}' % errcode)
    run(callback_addresses(tokens))

    forced = [
        json.loads(request.content)["force_refresh"]
        for request in wechat.line.heard
        if request.url.path == STABLE
    ]
    assert forced == [False, False, True]


def test_a_token_that_is_never_taken_ends_the_call(run, wechat, tokens):
    def refuse(request):
        if request.url.path != STABLE:
            wechat.line.says(b'{"errcode":40001,"errmsg":"no"}')
        return asyncio.sleep(0)

    wechat.line.before_answer = refuse

    with pytest.raises(WeChatUnavailable, match="by force"):
        run(callback_addresses(tokens))
    assert wechat.line.asked("/cgi-bin/getcallbackip") == 2


def test_the_ticket_is_fetched_once_and_kept_ahead_of_its_end(run, wechat, tokens):
    async def all_at_once():
        return await asyncio.gather(*[tokens.jsapi_ticket() for _ in range(20)])

    [ticket] = set(run(all_at_once()))
    assert wechat.line.asked(TICKET) == 1
    wechat.clock.advance(6901)
    run(tokens.jsapi_ticket())

    assert ticket == wechat.platform.tokens.ticket(PAGE_APP)[0]
    assert wechat.line.asked(TICKET) == 2


def test_a_failed_fetch_is_told_to_all_who_waited_and_tried_again_by_the_next(run, wechat, tokens):
    wechat.line.trouble = httpx.ReadTimeout("no answer in time")

    async def all_at_once():
        asked = [tokens.access_token() for _ in range(20)]
        return await asyncio.gather(*asked, return_exceptions=True)

    assert {type(each) for each in run(all_at_once())} == {WeChatUnavailable}
    assert wechat.line.asked(STABLE) == 1
    wechat.line.trouble = None
    run(tokens.access_token())


def test_a_wrong_secret_says_what_to_do(run, wechat):
    with pytest.raises(WeChatMisconfigured, match="AppSecret") as caught:
        run(wechat.opened(secret="wrong").tokens.access_token())

    assert caught.value.errcode == 40125


def test_an_address_that_is_not_listed_is_named(run, wechat, tokens):
    wechat.platform.choices.caller_listed = False

    with pytest.raises(WeChatMisconfigured, match=r"add 203\.0\.113\.9 to the IP whitelist"):
        run(tokens.access_token())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"<html>502</html>", 502),
        (b"[]", 200),
        (b"", 200),
        (b'{"access_token":"","expires_in":7200}', 200),
        (b'{"access_token":"x"}', 200),
        (b'{"access_token":"x","expires_in":-1}', 200),
        (b"\xff", 200),
    ],
)
def test_nonsense_is_no_token(run, wechat, tokens, body, status):
    wechat.line.says(body, status)

    with pytest.raises(WeChatUnavailable):
        run(tokens.access_token())
    assert run(tokens.access_token())  # nothing of it was kept
