import json

import pytest

from tests.adapters.providers.wechat_pay.sandbox.official_account.conftest import MINI_APP


def test_a_stable_token_is_the_same_until_its_last_minutes(phone):
    first = phone.stable()
    phone.clock.advance(6000)
    again = phone.stable()

    assert (first["expires_in"], again["access_token"]) == (7199, first["access_token"])
    assert 1190 <= again["expires_in"] <= 1200
    assert "errcode" not in first


def test_in_its_last_minutes_it_is_renewed_and_the_old_one_lives_on_a_little(phone):
    old = phone.stable()["access_token"]
    phone.clock.advance(6901)
    new = phone.stable()["access_token"]

    assert new != old
    assert (phone.works(old), phone.works(new)) == (0, 0)
    phone.clock.advance(301)
    assert (phone.works(old), phone.works(new)) == (42001, 0)


def test_force_replaces_it_at_once(phone):
    old = phone.stable()["access_token"]
    new = phone.stable(force=True)["access_token"]

    assert (phone.works(old), phone.works(new)) == (40001, 0)
    assert phone.stable()["access_token"] == new


def test_force_is_bounded(phone):
    phone.stable(force=True)
    assert phone.stable(force=True)["errcode"] == 45011
    for _ in range(19):
        phone.clock.advance(30)
        assert "access_token" in phone.stable(force=True)
    phone.clock.advance(30)

    assert phone.stable(force=True)["errcode"] == 45009
    phone.clock.advance(86_400)
    assert "access_token" in phone.stable(force=True)


def test_a_plain_token_is_new_each_time_and_evicts_the_one_before_slowly(phone):
    first, second = phone.plain()["access_token"], phone.plain()["access_token"]

    assert first != second
    assert (phone.works(first), phone.works(second)) == (0, 0)
    phone.clock.advance(301)
    assert (phone.works(first), phone.works(second)) == (42001, 0)


def test_the_two_ways_to_a_token_leave_each_other_alone(phone):
    stable, plain = phone.stable()["access_token"], phone.plain()["access_token"]
    phone.stable(force=True)
    phone.plain()
    phone.clock.advance(200)

    assert phone.works(plain) == 0
    assert stable != phone.stable()["access_token"]


def test_a_day_has_so_many_plain_tokens(phone):
    phone.choices.tokens_per_day = 2
    assert [phone.plain().get("errcode") for _ in range(3)] == [None, None, 45009]


def test_a_minute_has_so_many_stable_tokens(phone):
    phone.choices.stable_tokens_per_minute = 2
    assert [phone.stable().get("errcode") for _ in range(3)] == [None, None, 45011]
    phone.clock.advance(60)

    assert "access_token" in phone.stable()


@pytest.mark.parametrize("ask", ["stable", "plain"])
@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"grant_type": "authorization_code"}, 40002),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"appid": "wx9999999999999999"}, 40013),
        ({"secret": "wrong"}, 40125),
        ({"secret": "ü"}, 40125),
    ],
)
def test_a_wrong_request_gets_its_number(phone, ask, changes, errcode):
    said = getattr(phone, ask)(**changes)

    assert said["errcode"] == errcode
    assert " rid: " in said["errmsg"]


def test_a_caller_who_is_not_listed_is_named(phone):
    phone.choices.caller_listed = False

    said = phone.stable()
    assert said["errcode"] == 40164
    assert said["errmsg"].startswith("invalid ip 203.0.113.9 ipv6 ::ffff:203.0.113.9, not in white")


def test_a_frozen_secret_opens_nothing(phone):
    phone.choices.secret_frozen = True

    assert phone.stable()["errcode"] == 40243


@pytest.mark.parametrize(("token", "errcode"), [("", 41001), ("x", 40014), ("SIM_x", 40001)])
def test_a_made_up_token_gets_its_number(phone, token, errcode):
    assert phone.works(token) == errcode


def test_a_ticket_lasts_two_hours(phone):
    token = phone.stable()["access_token"]

    def ticket():
        asked = {"access_token": phone.stable()["access_token"], "type": "jsapi"}
        return phone.get("/cgi-bin/ticket/getticket", **asked)

    first = ticket()
    assert (first["errcode"], first["errmsg"]) == (0, "ok")
    assert ticket()["ticket"] == first["ticket"] != token
    phone.clock.advance(7200)
    assert ticket()["ticket"] != first["ticket"]


def test_a_ticket_is_for_pages_of_the_official_account(phone):
    asked = {"access_token": phone.stable(appid=MINI_APP)["access_token"], "type": "jsapi"}

    assert phone.get("/cgi-bin/ticket/getticket", **asked)["errcode"] == 48001


def test_both_address_lists_are_told(phone):
    token = phone.stable()["access_token"]

    for path in ("/cgi-bin/getcallbackip", "/cgi-bin/get_api_domain_ip"):
        assert phone.get(path, access_token=token)["ip_list"]
        assert phone.get(path)["errcode"] == 41001


def test_a_call_by_the_wrong_method_says_which(phone):
    assert phone.get("/cgi-bin/stable_token")["errcode"] == 43002
    assert phone.post("/cgi-bin/token")["errcode"] == 43001


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"{", b"[" * 100_000])
def test_nonsense_is_refused_like_nothing(phone, body):
    assert json.loads(phone.send("POST", "/cgi-bin/stable_token", body=body).body)["errcode"]


def test_what_is_not_here_is_not_authorised(phone):
    assert phone.get("/cgi-bin/menu/create")["errcode"] == 48001


def test_answers_may_be_called_text(phone):
    answer = phone.send("GET", "/cgi-bin/token")

    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/plain")
