import json

import pytest

from adapters.providers.sandbox.faults import Fault
from adapters.providers.sandbox.provider import Call
from adapters.providers.wechat_pay.sandbox.openids import belongs
from tests.adapters.providers.wechat_pay.sandbox.official_account.conftest import (
    MINI_APP,
    PAGE_APP,
)


def test_a_browser_is_sent_back_with_code_and_state(phone):
    answer = phone.authorize()

    assert answer.status == 302
    assert answer.headers["Location"].startswith("https://shop.example.com/back?x=1&code=")
    assert answer.headers["Location"].endswith("&state=S1")


def test_a_code_is_the_payers_openid_of_this_app_id(phone):
    said = phone.openid(phone.page_code())

    assert belongs(said["openid"], PAGE_APP)
    assert not belongs(said["openid"], MINI_APP)
    assert set(said) == {"access_token", "expires_in", "refresh_token", "openid", "scope"}
    assert said["openid"] == phone.openid(phone.page_code())["openid"]


def test_a_tester_names_who_logs_in_by_query_or_header(phone):
    by_query = phone.openid(phone.page_code(sandbox_payer="li"))["openid"]
    asked = phone.authorize().headers  # the default payer
    target = (
        f"/connect/oauth2/authorize?appid={PAGE_APP}&redirect_uri=https://a.example/"
        "&response_type=code&scope=snsapi_base&state="
    )
    answer = phone.platform.answer(Call("GET", target, {"x-sandbox-payer": "li"}, b""), {})
    code = answer.headers["Location"].partition("code=")[2].partition("&")[0]

    assert phone.openid(code)["openid"] == by_query
    assert phone.openid(asked["Location"].partition("code=")[2][:32])["openid"] != by_query


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"appid": "wx9999999999999999"}, 10013),
        ({"redirect_uri": "/back"}, 10003),
        ({"redirect_uri": "https://evil.example.com/"}, 10003),
        ({"scope": "snsapi_login"}, 10005),
        ({"response_type": "token"}, 10012),
        ({"state": "a-b"}, 10012),
        ({"state": "a" * 129}, 10012),
    ],
)
def test_a_wrong_way_to_the_login_shows_a_page_with_a_number(phone, changes, number):
    phone.choices.oauth_domains = frozenset({"shop.example.com"})
    answer = phone.authorize(**changes)

    assert answer.status == 200
    assert f"错误码:{number}" in answer.body.decode()
    assert phone.authorize().status == 302


def test_the_order_of_the_parameters_matters(phone):
    swapped = {
        "redirect_uri": "https://a.example/",
        "appid": PAGE_APP,
        "response_type": "code",
        "scope": "snsapi_base",
        "state": "",
    }

    assert phone.send("GET", "/connect/oauth2/authorize", swapped).status == 200


def test_a_code_works_once(phone):
    code = phone.page_code()
    phone.openid(code)

    assert phone.openid(code)["errcode"] == 40163


def test_a_code_works_for_five_minutes(phone):
    code = phone.page_code()
    phone.clock.advance(301)

    assert phone.openid(code)["errcode"] == 42003


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"code": ""}, 41008),
        ({"code": "made-up"}, 40029),
        ({"secret": "wrong"}, 40125),
        ({"appid": MINI_APP}, 40013),
        ({"grant_type": "client_credential"}, 40002),
    ],
)
def test_a_wrong_exchange_gets_its_number_and_uses_nothing_up(phone, changes, errcode):
    code = phone.page_code()

    assert phone.openid(**{"code": code, **changes})["errcode"] == errcode
    assert "openid" in phone.openid(code)


def test_the_login_looks_at_nobodys_address(phone):
    phone.choices.caller_listed = False

    assert "openid" in phone.openid(phone.page_code())


def test_a_snapshot_says_so_and_only_then(phone):
    phone.choices.snapshot = True
    assert phone.openid(phone.page_code())["is_snapshotuser"] == 1


def test_a_mini_program_code_is_another_openid_and_a_session_key(phone):
    code = phone.get("/connect/sandbox/wx.login", payer="li")["code"]
    said = phone.session(code)

    assert belongs(said["openid"], MINI_APP)
    assert set(said) == {"openid", "session_key"}
    assert phone.session(code)["errcode"] == 40163


def test_the_two_kinds_of_code_are_not_taken_for_each_other(phone):
    assert phone.session(phone.page_code())["errcode"] == 40029
    assert phone.openid(phone.platform.mini_program_code())["errcode"] == 40029


def test_whom_wechat_blocks_gets_no_session(phone):
    phone.choices.blocked = frozenset({"li"})

    assert phone.session(phone.platform.mini_program_code("li"))["errcode"] == 40226


@pytest.mark.parametrize(("code", "errcode"), [("40164", 40164), ("45009", 45009), (None, -1)])
def test_a_fault_answers_by_its_number(phone, code, errcode):
    call = Call("GET", "/cgi-bin/token", {}, b"")
    answer = phone.platform.trouble(call, Fault(kind="error", code=code))

    assert (answer.status, json.loads(answer.body)["errcode"]) == (200, errcode)


def test_a_status_fault_is_a_gateways_page(phone):
    call = Call("GET", "/cgi-bin/token", {}, b"")
    answer = phone.platform.trouble(call, Fault(kind="status", status=502))

    assert (answer.status, answer.headers["Content-Type"]) == (502, "text/html")


def test_a_fault_of_another_trade_is_busy(phone):
    call = Call("GET", "/cgi-bin/token", {}, b"")
    answer = phone.platform.trouble(call, Fault(kind="error", code="SYSTEM_ERROR"))

    assert json.loads(answer.body)["errcode"] == -1
