"""What can be found out about an account before money depends on it."""

from datetime import timedelta

import httpx
import pytest

from adapters.providers.alipay.probe import (
    CertificateFacts,
    ask_gateway,
    certificate_facts,
    key_matches_certificate,
)
from tests.adapters.providers.alipay.authority import (
    NOW,
    YEAR,
    certificate_mode,
    certified,
    issuing,
    pem,
    root,
)
from tests.adapters.providers.alipay.desk import config

THEIR_NOON = "Thu, 15 Jan 2026 02:00:00 GMT"


def wall():
    return NOW.timestamp() + 42


def test_an_order_that_nobody_has_proves_app_keys_and_time(run, desk):
    desk.headers["Date"] = THEIR_NOON
    desk.refuses("ACQ.TRADE_NOT_EXIST")

    question = run(ask_gateway(config(), desk, wall=wall))

    assert (question.reached, question.accepted) == (True, True)
    assert question.skew == timedelta(seconds=42)
    assert desk.asked() == ["alipay.trade.query"]


@pytest.mark.parametrize(
    ("code", "sub_code", "owner"),
    [
        ("40002", "isv.invalid-app-id", None),
        ("40002", "isv.invalid-signature", "alipay"),
        ("40002", "isv.invalid-timestamp", "alipay"),
        ("40006", "isv.insufficient-isv-permissions", "alipay"),
        ("40004", "ACQ.TRADE_NOT_EXIST", None),
        ("40004", "ACQ.TRADE_NOT_EXIST", "somebody"),
    ],
)
def test_anything_else_is_told_as_alipay_says_it(run, desk, code, sub_code, owner):
    desk.refuses(sub_code, code=code, owner=owner)

    question = run(ask_gateway(config(), desk, wall=wall))

    assert (question.reached, question.accepted) == (True, False)
    assert question.code == sub_code
    assert question.words


@pytest.mark.parametrize("told", ["", "yesterday"])
def test_a_gateway_without_a_date_tells_no_skew(run, desk, told):
    desk.headers["Date"] = told
    desk.refuses("ACQ.TRADE_NOT_EXIST")

    assert run(ask_gateway(config(), desk, wall=wall)).skew is None


def test_a_dead_line_was_not_reached_and_a_broken_gateway_was(run, desk):
    desk.breaks(httpx.ConnectError("refused")).says(b"no", status=502)

    dead, broken = (run(ask_gateway(config(), desk, wall=wall)) for _ in range(2))

    assert (dead.reached, dead.accepted) == (False, False)
    assert "ConnectError" in dead.words
    assert (broken.reached, broken.accepted) == (True, False)


def test_the_private_key_is_held_against_its_certificate():
    stranger = config(**certificate_mode(app_certificate=pem(certified("stranger", "issuing"))))

    assert key_matches_certificate(config(**certificate_mode())) is True
    assert key_matches_certificate(stranger) is False
    assert key_matches_certificate(config()) is None


def test_certificates_tell_when_they_end_and_whether_they_fit():
    soon = NOW + timedelta(days=20)
    settings = config(
        **certificate_mode(
            app_certificate=pem(certified("stranger", "issuing", ends=soon)),
            alipay_certificate=pem(certified("alipay", "issuing"), issuing()),
            alipay_root_certificate=pem(root()),
        )
    )

    assert certificate_facts(settings, at=NOW) == [
        CertificateFacts("app_certificate", soon, fits=False),
        CertificateFacts("alipay_certificate", NOW + YEAR, fits=True),
        CertificateFacts("alipay_root_certificate", NOW + YEAR, fits=True),
    ]
    later = certificate_facts(settings, at=NOW + 2 * YEAR)
    assert [each.fits for each in later] == [False, False, False]
    assert certificate_facts(config(), at=NOW) == []
