"""The doctor's questions: what each answer shows, and that none of them leaves an order."""

import json
import time
from datetime import timedelta
from email.utils import formatdate

import httpx
import pytest

from adapters.providers.wechat_pay.config import AppIds
from adapters.providers.wechat_pay.probe import (
    Binding,
    Echo,
    KeyMatch,
    binding,
    compare_keys,
    echo,
    knock,
    open_line,
)
from tests.adapters.providers.wechat_pay.conftest import StandingClock
from tests.adapters.providers.wechat_pay.desk import (
    APPID,
    MCHID,
    MINI_APPID,
    NOW,
    OPEN_APPID,
    certificate,
    config,
    pem,
    private_key,
)

UNSIGNED: dict[str, str] = {}
NOT_THERE = (404, {"code": "ORDER_NOT_EXIST", "message": "订单不存在"})
LASTS = NOW + timedelta(days=1800)


@pytest.fixture(scope="module")
def _line():
    return open_line(config(), httpx.MockTransport(lambda _: httpx.Response(500)), StandingClock())


@pytest.fixture
def line(_line, desk):
    _line.client._transport = desk
    return _line


@pytest.mark.parametrize(
    ("owner", "serial", "expected"),
    [
        ("merchant", "abc", KeyMatch(True, True, LASTS)),
        ("merchant", "0ABC", KeyMatch(True, True, LASTS)),
        ("merchant", "ABD", KeyMatch(True, False, LASTS)),
        ("stranger", "ABC", KeyMatch(False, True, LASTS)),
    ],
)
def test_key_certificate_and_serial_are_held_against_each_other(owner, serial, expected):
    key, issued = pem(private_key(owner)), certificate("merchant", 0xABC)

    assert compare_keys(key, issued, serial) == expected


def test_a_key_that_cannot_be_read_is_not_quoted():
    with pytest.raises(ValueError, match="private key") as error:
        compare_keys("c2VjcmV0", certificate("merchant", 0xABC), "ABC")

    assert "c2VjcmV0" not in str(error.value)


def test_a_stranger_at_the_door_is_known_and_the_clocks_agree(run, line, desk):
    desk.says(*NOT_THERE, beside={"Date": formatdate(time.time(), usegmt=True)})

    seen = run(knock(line))

    assert (seen.answered, seen.accepted, seen.genuine) == (True, True, True)
    assert seen.clock_skew is not None
    assert abs(seen.clock_skew) < timedelta(seconds=60)
    assert desk.asked()[0].endswith(f"?mchid={MCHID}")


def test_a_clock_that_is_ahead_is_told(run, line, desk):
    desk.says(*NOT_THERE, beside={"Date": formatdate(time.time() - 600, usegmt=True)})

    assert timedelta(minutes=9) < run(knock(line)).clock_skew < timedelta(minutes=11)


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_without_a_date_nothing_is_said_about_the_clock(run, line, desk, date):
    desk.says(*NOT_THERE, beside={"Date": date})

    assert run(knock(line)).clock_skew is None


@pytest.mark.parametrize(
    ("status", "code"), [(401, "SIGN_ERROR"), (400, "MCH_NOT_EXISTS"), (500, "SYSTEM_ERROR")]
)
def test_a_door_that_stays_shut_says_why(run, line, desk, status, code):
    desk.says(status, {"code": code, "message": "商户证书序列号有误"})

    seen = run(knock(line))

    assert (seen.answered, seen.accepted) == (True, False)
    assert "商户证书序列号有误" in seen.said


def test_an_answer_we_cannot_verify_is_told_as_such(run, line, desk):
    desk.says(*NOT_THERE, headers=UNSIGNED)

    seen = run(knock(line))

    assert (seen.accepted, seen.genuine) == (True, False)
    assert "header is missing" in seen.said


def test_nobody_at_home(run, line, desk):
    desk.breaks(httpx.ConnectError("refused"))

    seen = run(knock(line))

    assert not seen.answered
    assert "refused" in seen.said
    assert not run(echo(line, "hi")).returned
    assert run(binding(line, "app")).bound is None


def test_without_any_key_certificates_are_fetched_first(run, desk):
    bare = config(platform_certificates=(), public_keys={})
    line = open_line(bare, desk, StandingClock())
    desk.says(*NOT_THERE)

    run(knock(line))

    assert desk.asked()[0] == "GET /v3/certificates"
    assert len(desk.asked()) == 2


def test_an_echo_proves_signatures_both_ways(run, line, desk):
    desk.says(200, {"echo_message": "hi"})

    assert run(echo(line, "hi")) == Echo(True, "REQ-1 200")
    assert desk.asked() == ["POST /v3/security/echo"]
    assert json.loads(desk.heard[0].content) == {"echo_message": "hi"}


@pytest.mark.parametrize(
    ("said", "proof"),
    [({"echo_message": "ho"}, None), ({"echo_message": "hi"}, UNSIGNED), (b"<html>", None)],
)
def test_an_echo_that_is_none(run, line, desk, said, proof):
    desk.says(200, said, headers=proof)

    assert not run(echo(line, "hi")).returned


@pytest.mark.parametrize(
    ("kind", "app_id", "path"),
    [
        ("official_account", APPID, "native"),
        ("mini_program", MINI_APPID, "jsapi"),
        ("app", OPEN_APPID, "app"),
    ],
)
def test_a_bound_app_id_is_shown_by_an_order_that_is_closed_at_once(
    run, line, desk, kind, app_id, path
):
    desk.says(200, {"prepay_id": "wx1"}).says(204, b"")

    assert run(binding(line, kind)) == Binding(app_id, True, "REQ-1 200")
    prepay, close = desk.heard
    told = json.loads(prepay.content)
    assert (prepay.url.path, told["appid"]) == (f"/v3/pay/transactions/{path}", app_id)
    assert told["amount"] == {"total": 1, "currency": "CNY"}
    assert close.url.path == f"/v3/pay/transactions/out-trade-no/{told['out_trade_no']}/close"


@pytest.mark.parametrize("kind", ["official_account", "mini_program", "app"])
def test_an_app_id_of_somebody_else(run, line, desk, kind):
    desk.says(400, {"code": "APPID_MCHID_NOT_MATCH", "message": "appid和mch_id不匹配"})

    seen = run(binding(line, kind))

    assert seen.bound is False
    assert "不匹配" in seen.said
    assert len(desk.heard) == 1


@pytest.mark.parametrize("code", ["OPENID_MISMATCH", "PARAM_ERROR", "INVALID_REQUEST"])
def test_a_payer_who_does_not_exist_shows_that_the_app_id_was_taken(run, line, desk, code):
    desk.says(400, {"code": code})

    assert run(binding(line, "mini_program")).bound is True
    assert run(binding(line, "app")).bound is None


@pytest.mark.parametrize("status", [403, 500])
def test_other_refusals_do_not_tell(run, line, desk, status):
    desk.says(status, {"code": "NO_AUTH"})

    assert run(binding(line, "official_account")).bound is None


def test_an_app_id_that_is_not_configured_is_not_asked_about(run, desk):
    line = open_line(config(app_ids=AppIds()), desk, StandingClock())

    assert run(binding(line, "app")) == Binding("", None, "not configured")
    assert desk.heard == []
