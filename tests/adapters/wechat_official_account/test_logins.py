import pytest

from application.official_account_ports import (
    AppKind,
    WeChatCodeInvalid,
    WeChatMisconfigured,
    WeChatPayerRefused,
    WeChatUnavailable,
)
from tests.adapters.wechat_official_account.line import MINI_APP, PAGE_APP, SECRET_CALLS

PAGE, MINI = AppKind.OFFICIAL_ACCOUNT, AppKind.MINI_PROGRAM


@pytest.fixture(params=[PAGE, MINI])
def login(request, wechat):
    return wechat.login(request.param)


@pytest.fixture
def code(wechat, login):
    return wechat.page_code() if login.app_id == PAGE_APP else wechat.platform.mini_program_code()


def test_a_code_becomes_the_openid_of_its_app_id(run, wechat):
    page = run(wechat.login(PAGE).openid(wechat.page_code("li")))
    mini = run(wechat.login(MINI).openid(wechat.platform.mini_program_code("li")))

    assert page != mini
    assert page == run(wechat.login(PAGE).openid(wechat.page_code("li")))
    assert (wechat.login(PAGE).app_id, wechat.login(MINI).app_id) == (PAGE_APP, MINI_APP)


def test_a_code_works_once(run, login, code):
    run(login.openid(code))

    with pytest.raises(WeChatCodeInvalid, match="start the login again"):
        run(login.openid(code))


def test_a_code_works_for_five_minutes(run, wechat, login, code):
    wechat.clock.advance(301)

    with pytest.raises(WeChatCodeInvalid):
        run(login.openid(code))


@pytest.mark.parametrize("code", ["made-up", "x&secret=1", "ü"])
def test_a_code_that_wechat_never_gave_is_refused(run, login, code):
    with pytest.raises(WeChatCodeInvalid):
        run(login.openid(code))


def test_a_code_of_the_other_app_id_is_refused(run, wechat):
    with pytest.raises(WeChatCodeInvalid):
        run(wechat.login(PAGE).openid(wechat.platform.mini_program_code()))


def test_the_user_of_a_snapshot_is_no_payer(run, wechat):
    wechat.platform.choices.snapshot = True

    with pytest.raises(WeChatPayerRefused, match="full page"):
        run(wechat.login(PAGE).openid(wechat.page_code()))


def test_whom_wechat_blocks_is_no_payer(run, wechat):
    wechat.platform.choices.blocked = frozenset({"li"})

    with pytest.raises(WeChatPayerRefused, match="40226"):
        run(wechat.login(MINI).openid(wechat.platform.mini_program_code("li")))


@pytest.mark.parametrize(
    ("errcode", "seconds"), [(-1, 1), (45011, 60), (45009, 3600), (99999, 5), (61003, 5)]
)
def test_what_passes_by_itself_says_when_to_come_back(run, wechat, login, code, errcode, seconds):
    wechat.line.says(b'{"errcode":%d,"errmsg":"wait"}' % errcode)

    with pytest.raises(WeChatUnavailable, match="again later") as caught:
        run(login.openid(code))
    assert caught.value.retry_after_seconds == seconds


@pytest.mark.parametrize("errcode", [40013, 40125, 40243, 48001, 89503])
def test_what_operators_must_set_right_is_told_and_logged(run, wechat, login, errcode, caplog):
    wechat.line.says(b'{"errcode":%d,"errmsg":"no rid: 65f0abc"}' % errcode)

    with pytest.raises(WeChatMisconfigured, match=str(errcode)) as caught:
        run(login.openid("c"))
    assert "rid 65f0abc" in caplog.text
    assert "{" not in caught.value.mend


def test_wechat_that_calls_our_request_malformed_means_a_bug_here(run, wechat, login):
    wechat.line.says(b'{"errcode":41002,"errmsg":"appid missing"}')

    with pytest.raises(Exception, match="41002") as caught:
        run(login.openid("c"))
    assert not isinstance(caught.value, (WeChatUnavailable, WeChatMisconfigured))


@pytest.mark.parametrize("body", [b"{}", b'{"openid":""}', b'{"openid":null}', b"null"])
def test_an_answer_without_an_openid_is_none(run, wechat, login, code, body):
    wechat.line.says(body)

    with pytest.raises(WeChatUnavailable):
        run(login.openid(code))


def test_every_call_with_a_secret_works_as_long_as_nothing_spoils_it(run, wechat):
    assert run(SECRET_CALLS["token"](wechat))
    assert run(SECRET_CALLS["ticket"](wechat))
