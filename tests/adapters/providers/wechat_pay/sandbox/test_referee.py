"""An independent client, the package `wechatpayv3`, drives the simulator and checks its answers."""

from functools import partial
from typing import Any

import msgspec
import pytest
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core

from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox

AMOUNT = {"total": 1999, "currency": "CNY"}


@pytest.fixture
def new_referee(monkeypatch):
    """Make clients that call the simulator instead of the address written into the package."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def make(shop, merchant, **more: Any) -> WeChatPay:
        fetch_certificates = Core._init_certificates

        def fetch_them_here(core: Core) -> None:
            core._gate_way = str(shop.http.base_url).rstrip("/")
            fetch_certificates(core)

        monkeypatch.setattr(Core, "_init_certificates", fetch_them_here)
        it = shop.credentials
        client = WeChatPay(
            wechatpay_type=WeChatPayType.NATIVE,
            mchid=it["mchid"],
            private_key=it["private_key"],
            cert_serial_no=it["serial_no"],
            apiv3_key=it["api_v3_key"],
            appid=it["app_ids"]["official_account"],
            notify_url=merchant.url,
            **more,
        )
        client._core._gate_way = str(shop.http.base_url).rstrip("/")
        return client

    return make


@pytest.fixture
def referee(new_referee, shop, merchant) -> Any:
    return new_referee(shop, merchant)


def read(answer: tuple[int, Any]) -> Any:
    """Read a good answer; the referee has verified its signature."""
    status, body = answer
    assert status == 200, body
    return msgspec.json.decode(body)


def test_it_decrypts_and_accepts_the_platform_certificate(referee, shop):
    # The referee fetches certificates on creation and verifies every later answer with them.
    (certificate,) = referee._core._certificates

    assert f"{certificate.serial_number:040X}" == shop.credentials["platform_serial_no"]


def test_it_pays_an_order_from_prepay_to_query(referee, shop):
    placed = read(referee.pay(description="茶", out_trade_no="ORDER-0001", amount=AMOUNT))
    before = read(referee.query(out_trade_no="ORDER-0001"))
    shop.http.post("/sandbox/payer/pay", json={"code_url": placed["code_url"]}).raise_for_status()
    after = read(referee.query(out_trade_no="ORDER-0001"))

    assert placed["code_url"].startswith("weixin://wxpay/bizpayurl?pr=")
    assert before["trade_state"] == "NOTPAY"
    assert after["trade_state"] == "SUCCESS"
    assert after["amount"]["total"] == 1999
    assert read(referee.query(transaction_id=after["transaction_id"])) == after


def test_it_closes_an_order_and_accepts_the_empty_signed_answer(referee):
    read(referee.pay(description="茶", out_trade_no="ORDER-0001", amount=AMOUNT))

    assert referee.close(out_trade_no="ORDER-0001")[0] == 204
    assert read(referee.query(out_trade_no="ORDER-0001"))["trade_state"] == "CLOSED"


def test_it_refunds_a_part_and_sees_the_refund_succeed(referee, shop):
    read(referee.pay(description="茶", out_trade_no="ORDER-0001", amount=AMOUNT))
    shop.payer("pay", "ORDER-0001").raise_for_status()
    amount = {"refund": 500, "total": 1999, "currency": "CNY"}
    accepted = read(
        referee.refund(out_refund_no="R-1", out_trade_no="ORDER-0001", amount=amount, reason="少发")
    )
    shop.passes(1)
    settled = read(referee.query_refund("R-1"))

    assert accepted["status"] == "PROCESSING"
    assert settled["status"] == "SUCCESS"
    assert settled["refund_id"] == accepted["refund_id"]
    assert read(referee.query(out_trade_no="ORDER-0001"))["trade_state"] == "REFUND"


def test_it_verifies_and_decrypts_the_callbacks_the_simulator_sends(referee, shop, merchant):
    read(referee.pay(description="茶", out_trade_no="ORDER-0001", amount=AMOUNT))
    shop.payer("pay", "ORDER-0001").raise_for_status()
    merchant.waits_for(1)
    amount = {"refund": 500, "total": 1999, "currency": "CNY"}
    read(referee.refund(out_refund_no="R-1", out_trade_no="ORDER-0001", amount=amount))
    shop.passes(1)
    merchant.waits_for(2)
    paid, refunded = (referee.callback(*each) for each in merchant.received)

    assert paid["event_type"] == "TRANSACTION.SUCCESS"
    assert paid["resource"] == read(referee.query(out_trade_no="ORDER-0001")) | {
        "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功",
    }
    assert refunded["event_type"] == "REFUND.SUCCESS"
    assert refunded["resource"]["refund_status"] == "SUCCESS"
    assert refunded["resource"]["amount"]["refund"] == 500


def test_it_refuses_a_forged_callback_and_takes_the_genuine_one(referee, shop, merchant):
    shop.arm("callback_forged")
    read(referee.pay(description="茶", out_trade_no="ORDER-0001", amount=AMOUNT))
    shop.payer("pay", "ORDER-0001").raise_for_status()
    forged, genuine = merchant.waits_for(2)

    assert not referee.callback(*forged)
    assert referee.callback(*genuine)["resource"]["amount"]["total"] == 1999


def test_it_refuses_an_answer_with_a_bad_signature(referee, shop):
    read(referee.pay(description="茶", out_trade_no="ORDER-0001", amount=AMOUNT))
    shop.arm("bad_signature", operation="query")

    with pytest.raises(Exception, match="verify"):
        referee.query(out_trade_no="ORDER-0001")
    assert read(referee.query(out_trade_no="ORDER-0001"))["trade_state"] == "NOTPAY"


def test_in_public_key_mode_answers_and_callbacks_are_signed_with_the_public_key(
    new_referee, new_shop, merchant
):
    settings = WeChatPaySandboxSettings(callback_public_key_share=1)
    shop = new_shop(partial(WeChatPaySandbox, settings=settings))
    it = shop.credentials
    referee = new_referee(
        shop, merchant, public_key=it["public_key"], public_key_id=it["public_key_id"]
    )
    read(referee.pay(description="茶", out_trade_no="ORDER-0001", amount=AMOUNT))
    shop.payer("pay", "ORDER-0001").raise_for_status()
    ((headers, body),) = merchant.waits_for(1)

    assert headers["wechatpay-serial"] == it["public_key_id"]
    assert referee.callback(headers, body)["resource"]["out_trade_no"] == "ORDER-0001"
    # With no certificate at hand, only the public key can have verified all this.
    assert referee._core._certificates == []
