"""Callbacks byte for byte: only what Alipay signed, over everything that arrived, is read."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.providers.alipay.callbacks import AlipayCallbacks
from adapters.providers.alipay.keys import Keys
from application.ports import CallbackRejected
from application.records import NoNews, PaymentNews, RefundNews
from domain.money import Money
from domain.outcome import Closed, Paid, Payee, Unknown
from tests.adapters.providers.alipay.desk import (
    APP_ID,
    ORDER_NO,
    REFUND_NO,
    SELLER_ID,
    TRADE_NO,
    a_notice,
    callback,
    config,
    form,
)

REFUND = {"refund_fee": "5.00", "gmt_refund": "2026-01-15 15:30:00.123", "out_biz_no": REFUND_NO}
PAID = form(a_notice())


@pytest.fixture(scope="module")
def reader():
    return AlipayCallbacks(config(), Keys.load(config()))


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_FINISHED"])
def test_a_payment_that_succeeded_is_told_with_its_proof(reader, status):
    news = reader.read(callback(form(a_notice(status))))

    assert news == PaymentNews(
        ORDER_NO,
        Paid(
            provider_transaction_id=TRADE_NO,
            amount=Money(8888),
            paid_at=datetime(2026, 1, 15, 2, 0, 9, tzinfo=UTC),
            payee=Payee(SELLER_ID, APP_ID),
            payer="2088000000000011",
            payer_amount=Money(8888),
            settled_amount=Money(8800),
        ),
    )


def test_unknown_parameters_are_signed_too(reader):
    assert isinstance(reader.read(callback(form(a_notice(new_thing="1 & 2")))), PaymentNews)


@pytest.mark.parametrize("keep_empty", [True, False])
def test_an_empty_parameter_may_be_signed_or_not(reader, keep_empty):
    body = form(a_notice(body=""), keep_empty=keep_empty)

    assert isinstance(reader.read(callback(body)), PaymentNews)


@pytest.mark.parametrize("signed_too", [True, False])
def test_the_number_of_a_certificate_may_be_signed_or_not(reader, signed_too):
    number = {"alipay_cert_sn": "0123456789abcdef0123456789abcdef"}
    body = form(a_notice(**number)) if signed_too else PAID + b"&" + urlencode(number).encode()

    assert isinstance(reader.read(callback(body)), PaymentNews)


@pytest.mark.parametrize("status", ["TRADE_SUCCESS", "TRADE_CLOSED", "TRADE_FINISHED"])
def test_a_refund_is_announced_and_must_be_asked_about(reader, status):
    news = reader.read(callback(form(a_notice(status, **REFUND))))

    assert isinstance(news, RefundNews)
    assert (news.provider_refund_no, news.provider_order_no) == (REFUND_NO, ORDER_NO)
    assert isinstance(news.outcome, Unknown)


@pytest.mark.parametrize("number", [ORDER_NO, None])
def test_a_refund_without_a_number_of_its_own_has_the_orders(reader, number):
    news = reader.read(callback(form(a_notice(**REFUND | {"out_biz_no": number}))))

    assert isinstance(news, RefundNews)
    assert (news.provider_refund_no, news.provider_order_no) == (ORDER_NO, ORDER_NO)


def test_a_refund_fee_of_nothing_is_no_refund(reader):
    news = reader.read(callback(form(a_notice(**REFUND | {"refund_fee": "0.00"}))))

    assert isinstance(news, PaymentNews)
    assert isinstance(news.outcome, Paid)


CLOSED: dict[str, tuple[dict[str, str | None], type]] = {
    "never paid": ({"gmt_payment": None, "gmt_close": "2026-01-15 12:00:00"}, Closed),
    "paid and refunded": ({"gmt_refund": "2026-01-15 15:30:00"}, Paid),
    "paid at an unknown time": (
        {"gmt_payment": None, "gmt_refund": "2026-01-15 15:30:00"},
        Unknown,
    ),
}


@pytest.mark.parametrize("case", CLOSED)
def test_a_closed_order_was_paid_or_not(reader, case):
    changes, expected = CLOSED[case]

    news = reader.read(callback(form(a_notice("TRADE_CLOSED", **changes))))

    assert isinstance(news.outcome, expected)
    if isinstance(news.outcome, Paid):
        assert news.outcome.returned


def test_a_success_without_a_time_must_be_asked_about(reader):
    news = reader.read(callback(form(a_notice(gmt_payment=None))))

    assert isinstance(news.outcome, Unknown)


@pytest.mark.parametrize(
    "notice", [a_notice("WAIT_BUYER_PAY"), a_notice(notify_type="servicemarket_order_notify")]
)
def test_genuine_and_not_about_money_is_no_news(reader, notice):
    assert reader.read(callback(form(notice))) == NoNews()


def test_a_payment_of_another_merchant_is_told_as_such(reader):
    body = form(a_notice(seller_id="2088999999999999", app_id="2021999999999999"))

    assert reader.read(callback(body)).outcome.payee == Payee(
        "2088999999999999", "2021999999999999"
    )


HOSTILE = {
    "signed by somebody else": form(a_notice(), owner="somebody"),
    "signed by the app itself": form(a_notice(), owner="app"),
    "an unknown status": form(a_notice("TRADE_TRANSCENDED")),
    "no status": form(a_notice(trade_status=None)),
    "no order number": form(a_notice(out_trade_no=None)),
    "an amount of three places": form(a_notice(total_amount="88.888")),
    "no number": form(a_notice(total_amount="NaN")),
    "an impossible time": form(a_notice(gmt_payment="2026-13-45 00:00:00")),
    "a refund of another merchant": form(a_notice(**REFUND, seller_id="2088999999999999")),
    "a refund of another app": form(a_notice(**REFUND, app_id="2021999999999999")),
    "another merchant's close": form(
        a_notice("TRADE_CLOSED", gmt_payment=None, seller_id="2088999999999999")
    ),
    "no signature": urlencode(a_notice() | {"sign_type": "RSA2"}).encode(),
    "an empty signature": urlencode(a_notice() | {"sign_type": "RSA2", "sign": ""}).encode(),
    "another scheme": PAID.replace(b"sign_type=RSA2", b"sign_type=RSA"),
    "no scheme": PAID.replace(b"&sign_type=RSA2", b""),
    "one more parameter": PAID + b"&extra=1",
    "a parameter twice": PAID + b"&total_amount=0.01",
    "nothing": b"",
    "JSON": b'{"trade_status":"TRADE_SUCCESS"}',
    "thousands of parameters": b"&".join(b"a%d=1" % i for i in range(5000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_not_genuine_and_whole_is_refused(reader, name):
    with pytest.raises(CallbackRejected):
        reader.read(callback(HOSTILE[name]))


@pytest.mark.parametrize("name", sorted(a_notice()))
def test_no_parameter_can_be_changed_or_left_out(reader, name):
    parameters = dict(parse_qsl(PAID.decode()))
    changed = parameters | {name: parameters[name] + "0"}
    without = {k: v for k, v in parameters.items() if k != name}

    for forged in (changed, without):
        with pytest.raises(CallbackRejected):
            reader.read(callback(urlencode(forged).encode()))


@given(position=st.integers(0, len(PAID) * 8 - 1))
def test_one_turned_bit_tells_the_same_or_is_refused(reader, position):
    """Percent-encoding has two cases and `+` two spellings; nothing else may pass."""
    broken = bytearray(PAID)
    broken[position // 8] ^= 1 << position % 8
    try:
        news = reader.read(callback(bytes(broken)))
    except CallbackRejected:
        return
    assert dict(parse_qsl(bytes(broken).decode())) == dict(parse_qsl(PAID.decode()))
    assert isinstance(news, PaymentNews)


@given(cut=st.integers(0, len(PAID) - 1))
def test_a_truncated_body_is_refused(reader, cut):
    with pytest.raises(CallbackRejected):
        reader.read(callback(PAID[:cut]))


@given(body=st.binary(max_size=60) | st.text("sign=&%+RA2", max_size=40).map(str.encode))
def test_whatever_comes_is_refused(reader, body):
    with pytest.raises(CallbackRejected):
        reader.read(callback(body))


@given(
    changes=st.dictionaries(
        st.sampled_from([*a_notice(), *REFUND]),
        st.text(max_size=6).filter(lambda t: t.isprintable()),
    )
)
def test_whatever_is_signed_is_news_or_refused(reader, changes):
    try:
        news = reader.read(callback(form(a_notice() | changes)))
    except CallbackRejected:
        return
    assert isinstance(news, PaymentNews | RefundNews | NoNews)


def test_replies_are_what_alipay_wants_to_hear(reader):
    taken, again = reader.reply(accepted=True), reader.reply(accepted=False)

    assert (taken.status, taken.body) == (200, b"success")
    assert again.status >= 400
    assert again.body != b"success"
