"""Faults over real HTTP, with the effect in the book or without it."""

import json
import time
from datetime import timedelta

import httpx
import pytest

from adapters.clock import MovableClock
from adapters.providers.alipay.sandbox.provider import AlipaySandbox
from adapters.providers.sandbox.app import create_sandbox

ORDER = {"out_trade_no": "T1", "total_amount": "20.00", "subject": "茶"}
CHARGE = ORDER | {"auth_code": "285000000000000000", "scene": "bar_code"}
ASKS_PASSWORD = "285000000000000001"
REFUND = {"out_trade_no": "T1", "out_request_no": "R1", "refund_amount": "5.00"}
REFUND_QUERY = {"out_trade_no": "T1", "out_request_no": "R1"}


class Line:
    """The shop's signed calls over a real connection, and the tester's controls."""

    def __init__(self, shop, http):
        self.shop = shop
        self.http = http

    def sends(self, method, content, **common):
        """One call; the answer as it came."""
        parameters = self.shop.parameters(f"alipay.trade.{method}", content, **common)
        signed = self.shop.signed(parameters)
        body = {"biz_content": signed.pop("biz_content")}
        return self.http.post("/gateway.do", params=signed, data=body)

    def asks(self, method, content, **common):
        """One call; the node of its answer."""
        whole = self.sends(method, content, **common).json()
        (name,) = whole.keys() - {"sign"}
        return whole[name]

    def arms(self, **fault):
        self.http.post("/sandbox/faults", json={"provider": "alipay", **fault}).raise_for_status()

    def sells(self, notify_url=""):
        self.asks("precreate", ORDER, notify_url=notify_url)
        pay = {"provider_order_no": "T1"}
        self.http.post("/sandbox/payer/pay", json=pay).raise_for_status()

    def passes(self, **span):
        seconds = timedelta(**span).total_seconds()
        self.http.post("/sandbox/clock", json={"advance_seconds": seconds}).raise_for_status()

    def book(self):
        return self.http.get("/sandbox/book").json()


@pytest.fixture
def line_to(shop, serve, sandbox_keys):
    """Start a simulator, in memory or with a data directory, and call it."""
    opened = []

    def start(data_directory=None):
        app = create_sandbox(
            environment="test",
            clock=MovableClock(),
            providers=[AlipaySandbox],
            data_directory=data_directory,
            keys=sandbox_keys,
        )
        opened.append(httpx.Client(base_url=serve(app), trust_env=False))
        return Line(shop, opened[-1])

    yield start
    for http in opened:
        http.close()


@pytest.fixture
def line(line_to):
    return line_to()


def test_an_answer_is_called_html_though_it_is_json(line):
    answer = line.sends("precreate", ORDER)

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html;charset=utf-8"
    assert answer.json()["alipay_trade_precreate_response"]["code"] == "10000"


def test_everything_may_come_in_the_query_of_a_get_or_in_the_body_of_a_post(line, shop):
    signed = shop.signed(shop.parameters("alipay.trade.query", {"out_trade_no": "T1"}))

    got = line.http.get("/gateway.do", params=signed)
    posted = line.http.post("/gateway.do?charset=utf-8", data=signed)

    for answer in (got, posted):
        assert answer.json()["alipay_trade_query_response"]["sub_code"] == "ACQ.TRADE_NOT_EXIST"


@pytest.mark.parametrize(("kind", "orders"), [("cut_before_effect", 0), ("cut_after_effect", 1)])
def test_a_cut_line_tells_nothing_and_the_book_tells_whether_it_happened(line, kind, orders):
    line.arms(kind=kind, operation="prepay")

    with pytest.raises(httpx.RemoteProtocolError):
        line.sends("precreate", ORDER)

    assert len(line.book()["orders"]) == orders


@pytest.mark.parametrize("effect", [False, True])
def test_alipay_is_unavailable_before_or_after_the_money_moved(line, effect):
    line.sells()
    line.arms(kind="error", operation="refund", code="20000", effect=effect)

    refusal = line.asks("refund", REFUND)

    assert (refusal["code"], refusal["sub_code"]) == ("20000", "isp.unknow-error")
    assert len(line.book()["refunds"]) == effect
    assert line.asks("refund", REFUND)["fund_change"] == ("N" if effect else "Y")


@pytest.mark.parametrize(
    ("kind", "charges"), [("cut_before_effect", []), ("cut_after_effect", [1])]
)
def test_a_charge_whose_answer_is_lost_was_made_or_was_not(line, kind, charges):
    line.arms(kind=kind, operation="charge")

    with pytest.raises(httpx.RemoteProtocolError):
        line.sends("pay", CHARGE)

    assert [order["charges"] for order in line.book()["orders"]] == charges
    assert ("action" in line.asks("cancel", {"out_trade_no": "T1"})) is bool(charges)


def test_a_cancel_is_reversing_to_a_tester_and_may_be_wanted_again(line):
    line.asks("pay", CHARGE)
    line.arms(kind="retry_flag", operation="reverse", times=2)

    answers = [line.asks("cancel", {"out_trade_no": "T1"}) for _ in range(3)]

    assert [answer["retry_flag"] for answer in answers] == ["Y", "Y", "N"]
    assert [refund["amount"] for refund in line.book()["refunds"]] == [2000]


def test_a_payer_is_played_with_a_payment_code_that_was_charged(line):
    line.asks("pay", CHARGE | {"auth_code": ASKS_PASSWORD})

    line.http.post("/sandbox/payer/pay", json={"code_url": ASKS_PASSWORD}).raise_for_status()

    told = line.asks("query", {"out_trade_no": "T1"})
    assert told["trade_status"] == "TRADE_SUCCESS"


@pytest.mark.parametrize("status", [429, 500, 502])
def test_infrastructure_in_trouble_is_no_answer_of_the_gateway(line, status):
    line.arms(kind="status", status=status)

    assert line.sends("precreate", ORDER).status_code == status
    assert not line.book()["orders"]


def test_a_merchant_without_money_may_refund_later_under_the_same_number(line):
    line.sells()
    line.arms(kind="error", operation="refund", code="ACQ.SELLER_BALANCE_NOT_ENOUGH")

    refusal = line.asks("refund", REFUND)

    assert (refusal["code"], refusal["refund_fee"]) == ("40004", "0.00")
    assert refusal["sub_code"] == "ACQ.SELLER_BALANCE_NOT_ENOUGH"
    assert line.asks("refund", REFUND)["fund_change"] == "Y"


@pytest.mark.parametrize(
    ("code", "gateway_code"),
    [
        ("isv.app-call-limited", "40005"),
        ("isv.insufficient-isv-permissions", "40006"),
        ("aop.unknow-error", "20000"),
        ("isp.unknow-error", "20000"),
        ("isv.missing-app-cert-sn", "40001"),
        ("isv.forbidden-api", "40002"),
        ("ACQ.SYSTEM_ERROR", "40004"),
        ("ACQ.ACCESS_FORBIDDEN", "40004"),
    ],
)
def test_any_code_can_be_asked_for_and_comes_in_its_class(line, code, gateway_code):
    line.arms(kind="error", code=code)

    refusal = line.asks("precreate", ORDER)

    assert (refusal["code"], refusal["sub_code"]) == (gateway_code, code)


@pytest.mark.parametrize("effect", [False, True])
def test_a_refund_may_say_that_no_fund_changed_and_leave_it_to_the_query(line, effect):
    line.sells()
    line.arms(kind="no_fund_change", operation="refund", effect=effect)

    answer = line.asks("refund", REFUND)

    assert (answer["code"], answer["fund_change"]) == ("10000", "N")
    told = line.asks("fastpay.refund.query", REFUND_QUERY)
    assert told.get("refund_status") == ("REFUND_SUCCESS" if effect else None)


def test_a_missing_signature_is_missing(line):
    line.arms(kind="missing_signature")

    assert "sign" not in line.sends("precreate", ORDER).json()


def test_a_second_forged_node_says_paid_where_the_signed_one_does_not(line):
    line.arms(kind="duplicate_root", operation="query")

    pairs = json.loads(
        line.sends("query", {"out_trade_no": "T1"}).content, object_pairs_hook=lambda p: p
    )

    (first, signed), (second, forged), (last, _) = pairs
    assert (first, second, last) == (first, first, "sign")
    assert dict(signed)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert dict(forged)["trade_status"] == "TRADE_SUCCESS"


def test_a_dropped_notice_comes_four_minutes_later(line, merchant):
    line.arms(kind="callback_dropped")
    line.sells(merchant.url)
    wait_until(lambda: line.book()["pending_callbacks"][0]["attempts"] == 1)
    assert not merchant.received

    line.passes(minutes=4)

    merchant.waits_for(1)
    wait_until(lambda: not line.book()["pending_callbacks"])


def test_a_notice_not_answered_with_success_comes_again(line, merchant):
    merchant.answers = [(200, b"SUCCESS!"), (200, b"success")]
    line.sells(merchant.url)
    merchant.waits_for(1)
    wait_until(lambda: line.book()["pending_callbacks"][0]["attempts"] == 1)

    line.passes(minutes=4)

    merchant.waits_for(2)
    wait_until(lambda: not line.book()["pending_callbacks"])


def test_a_notice_may_come_twice(line, merchant):
    line.arms(kind="callback_twice")

    line.sells(merchant.url)

    first, second = merchant.waits_for(2)
    assert first[1] == second[1]


def test_a_late_notice_waits_for_its_moment(line, merchant):
    line.arms(kind="callback_late", seconds=3600)
    line.sells(merchant.url)
    wait_until(lambda: not line.http.get("/sandbox/faults").json())
    assert not merchant.received

    line.passes(hours=1)

    merchant.waits_for(1)


def test_trades_and_notices_outlive_the_process(line_to, merchant, tmp_path):
    merchant.answers = [(500, b"")]
    before = line_to(tmp_path)
    before.sells(merchant.url)
    before.asks("refund", REFUND)
    merchant.waits_for(2)

    after = line_to(tmp_path)

    assert after.asks("query", {"out_trade_no": "T1"})["trade_status"] == "TRADE_SUCCESS"
    assert after.asks("refund", REFUND)["fund_change"] == "N"
    told = after.asks("fastpay.refund.query", REFUND_QUERY)
    assert told["refund_status"] == "REFUND_SUCCESS"
    assert len(after.book()["pending_callbacks"]) == 2


def test_a_used_code_is_still_used_after_a_restart(line_to, tmp_path):
    before = line_to(tmp_path)
    before.asks("pay", CHARGE)

    after = line_to(tmp_path)

    again = after.asks("pay", CHARGE | {"out_trade_no": "T2"})
    assert again["sub_code"] == "ACQ.PAYMENT_AUTH_CODE_INVALID"


def test_an_open_trade_still_expires_after_a_restart(line_to, tmp_path):
    before = line_to(tmp_path)
    before.asks("precreate", ORDER)
    before.http.post("/sandbox/payer/scan", json={"provider_order_no": "T1"}).raise_for_status()

    after = line_to(tmp_path)
    after.passes(hours=3)

    assert after.book()["orders"][0]["state"] == "TRADE_CLOSED"


def wait_until(holds):
    """Look often until it holds; pytest's own limit ends a wait in vain."""
    while not holds():
        time.sleep(0.01)
