"""Callbacks byte for byte: only what WeChat Pay sealed for this merchant is read."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.providers.wechat_pay.callbacks import WeChatCallbacks
from adapters.providers.wechat_pay.keys import Keys
from application.ports import CallbackRejected
from application.records import NoNews, PaymentNews, RawCallback, RefundNews
from domain.method import Provider
from domain.money import Money
from domain.outcome import Paid, Payee, RefundAbnormal, RefundClosed, Refunded, RefundOutcome
from tests.adapters.providers.wechat_pay.desk import (
    APPID,
    MCHID,
    ORDER_NO,
    REFUND_NO,
    an_order,
    callback,
    config,
    private_key,
    sealed,
    signature_headers,
)

PAID = sealed(an_order(), "TRANSACTION.SUCCESS")


@pytest.fixture(scope="module")
def reader():
    return WeChatCallbacks(config(), Keys.load(config()))


def a_notice(status: str = "SUCCESS", **changes: object) -> dict[str, object]:
    notice = {
        "mchid": MCHID,
        "out_trade_no": ORDER_NO,
        "transaction_id": "4200001",
        "out_refund_no": REFUND_NO,
        "refund_id": "5030001",
        "refund_status": status,
        "user_received_account": "支付用户零钱",
        "amount": {"total": 8888, "refund": 500, "payer_total": 8888, "payer_refund": 500},
    }
    if status == "SUCCESS":
        notice["success_time"] = "2026-03-10T13:00:05+08:00"
    return notice | changes


@pytest.mark.parametrize("owner", ["platform", "public"])
def test_a_payment_that_succeeded_is_told_with_its_proof(reader, owner):
    news = reader.read(callback(PAID, signature_headers(PAID, owner=owner)))

    assert isinstance(news, PaymentNews)
    assert news.provider_order_no == ORDER_NO
    assert isinstance(news.outcome, Paid)
    assert news.outcome.amount == Money(8888)
    assert news.outcome.payee == Payee(MCHID, APPID)


REFUND_NEWS: dict[str, RefundOutcome] = {
    "SUCCESS": Refunded(Money(500), datetime(2026, 3, 10, 5, 0, 5, tzinfo=UTC), "5030001"),
    "CLOSED": RefundClosed(),
}


@pytest.mark.parametrize("status", REFUND_NEWS)
def test_a_refund_is_told_with_both_numbers(reader, status):
    body = sealed(a_notice(status), f"REFUND.{status}")

    news = reader.read(callback(body))

    assert news == RefundNews(REFUND_NO, ORDER_NO, REFUND_NEWS[status])


def test_an_abnormal_refund_is_told(reader):
    news = reader.read(callback(sealed(a_notice("ABNORMAL"), "REFUND.ABNORMAL")))

    assert isinstance(news, RefundNews)
    assert isinstance(news.outcome, RefundAbnormal)


def test_the_request_id_is_kept(reader):
    headers = signature_headers(PAID) | {"request-id": "REQ-9"}

    assert reader.read(callback(PAID, headers)).outcome.trace == "REQ-9"


@pytest.mark.parametrize("kind", ["SECURITY_ECHO.SUCCESS", "SOMETHING.NEW"])
def test_genuine_and_not_about_an_order_is_no_news(reader, kind):
    assert reader.read(callback(sealed({"echo_message": "hi"}, kind))) == NoNews()


@pytest.mark.parametrize("associated_data", ["", None])
def test_empty_associated_data_is_legal(reader, associated_data):
    body = sealed(an_order(), "TRANSACTION.SUCCESS", aad="", associated_data=associated_data)

    assert isinstance(reader.read(callback(body)), PaymentNews)


HOSTILE = {
    "unsealed with another key": sealed(an_order(), "TRANSACTION.SUCCESS", key="x" * 32),
    "another algorithm": sealed(an_order(), "TRANSACTION.SUCCESS", algorithm="AES"),
    "a nonce of another length": sealed(an_order(), "TRANSACTION.SUCCESS", nonce="nonce-of-13by"),
    "a beginning cut off": sealed(
        an_order(), "TRANSACTION.SUCCESS", ciphertext=json.loads(PAID)["resource"]["ciphertext"][4:]
    ),
    "other associated data": sealed(an_order(), "TRANSACTION.SUCCESS", associated_data="refund"),
    "a tag cut off": sealed(an_order(), "TRANSACTION.SUCCESS", ciphertext="AAAA"),
    "not base64": sealed(an_order(), "TRANSACTION.SUCCESS", ciphertext="%"),
    "an order as a refund": sealed(an_order(), "REFUND.SUCCESS"),
    "a refund as an order": sealed(a_notice(), "TRANSACTION.SUCCESS"),
    "an unknown state": sealed(an_order("TRANSCENDED"), "TRANSACTION.SUCCESS"),
    "an unknown refund status": sealed(a_notice("TELEPORTED"), "REFUND.SUCCESS"),
    "a refund of another merchant": sealed(a_notice(mchid="1900000002"), "REFUND.SUCCESS"),
    "an impossible time": sealed(
        an_order(success_time="0001-01-01T00:00:00+08:00"), "TRANSACTION.SUCCESS"
    ),
    "no resource": b'{"event_type":"TRANSACTION.SUCCESS"}',
    "not JSON": b"<xml/>",
    "nothing": b"",
    "deep": b"[" * 99999,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_genuine_signature_does_not_make_nonsense_believable(reader, name):
    with pytest.raises(CallbackRejected):
        reader.read(callback(HOSTILE[name]))


def test_a_payment_of_another_merchant_is_told_as_such(reader):
    body = sealed(an_order(mchid="1900000002", appid="wxother"), "TRANSACTION.SUCCESS")

    assert reader.read(callback(body)).outcome.payee == Payee("1900000002", "wxother")


def test_a_replay_is_judged_at_the_moment_of_arrival(reader):
    fresh = callback(PAID)
    late = RawCallback(
        fresh.id,
        fresh.provider,
        fresh.account,
        fresh.headers,
        PAID,
        fresh.received_at + timedelta(minutes=10),
    )
    old = callback(PAID, signature_headers(PAID, at=1773100000))
    read_later = RawCallback(
        "cb",
        Provider.WECHAT,
        "wechat-main",
        old.headers,
        PAID,
        datetime.fromtimestamp(1773100010, UTC),
    )

    for stale in (late, old):
        with pytest.raises(CallbackRejected, match="too long ago"):
            reader.read(stale)
    assert isinstance(reader.read(read_later), PaymentNews)


def test_the_signature_of_somebody_else_is_refused(reader):
    headers = signature_headers(PAID, owner="public") | {
        "wechatpay-serial": signature_headers(PAID)["wechatpay-serial"]
    }

    assert private_key("public") is not private_key("platform")
    with pytest.raises(CallbackRejected):
        reader.read(callback(PAID, headers))


@given(position=st.integers(0, len(PAID) * 8 - 1))
def test_one_turned_bit_anywhere_is_refused(reader, position):
    broken = bytearray(PAID)
    broken[position // 8] ^= 1 << position % 8

    with pytest.raises(CallbackRejected):
        reader.read(callback(bytes(broken), signature_headers(PAID)))


@given(cut=st.integers(0, len(PAID) - 1))
def test_a_truncated_body_is_refused(reader, cut):
    with pytest.raises(CallbackRejected):
        reader.read(callback(PAID[:cut], signature_headers(PAID)))


@given(body=st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_whatever_is_signed_is_news_or_refused(reader, body):
    with pytest.raises(CallbackRejected):
        reader.read(callback(body))


@given(
    content=st.dictionaries(
        st.sampled_from(list(an_order())), st.none() | st.integers() | st.text(max_size=5)
    )
)
def test_whatever_is_sealed_is_news_or_refused(reader, content):
    body = sealed(an_order() | content, "TRANSACTION.SUCCESS")
    try:
        news = reader.read(callback(body))
    except CallbackRejected:
        return
    assert isinstance(news, PaymentNews)


def test_replies_are_what_wechat_pay_wants_to_hear(reader):
    taken, again = reader.reply(accepted=True), reader.reply(accepted=False)

    assert taken.status == 200
    assert 400 <= again.status < 600
    assert json.loads(again.body)["code"] == "FAIL"
