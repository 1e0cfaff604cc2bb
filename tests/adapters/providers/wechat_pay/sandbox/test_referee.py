"""An independent client, the package `wechatpayv3`, drives the simulator and checks its answers."""

import gzip
import hashlib
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import httpx
import msgspec
import pytest
from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core

from adapters.clock import MovableClock
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.keys import KeyRing
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


CARD = {"bank_type": "CMB_DEBIT", "bank_account": "6225880000001234", "real_name": "张三"}


@pytest.mark.parametrize(
    ("product", "kind", "more", "link"),
    [
        (WeChatPayType.JSAPI, "official_account", {"payer": {"openid": "o1"}}, "prepay_id"),
        (WeChatPayType.MINIPROG, "mini_program", {"payer": {"openid": "o1"}}, "prepay_id"),
        (WeChatPayType.APP, "app", {}, "prepay_id"),
        (
            WeChatPayType.H5,
            "official_account",
            {"scene_info": {"payer_client_ip": "203.0.113.9", "h5_info": {"type": "Wap"}}},
            "h5_url",
        ),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_it_pays_by_every_product_and_reads_the_callback(
    referee, shop, merchant, product, kind, more, link
):
    placed = read(
        referee.pay(
            description="茶",
            out_trade_no="ORDER-0001",
            amount=AMOUNT,
            appid=shop.credentials["app_ids"][kind],
            pay_type=product,
            **more,
        )
    )
    shop.http.post("/sandbox/payer/pay", json={"code_url": placed[link]}).raise_for_status()
    told = referee.callback(*merchant.waits_for(1)[0])

    assert told["resource"] == read(referee.query(out_trade_no="ORDER-0001"))
    assert told["resource"]["appid"] == shop.credentials["app_ids"][kind]


def charge(referee, number, auth_code):
    """Charge a payment code through the referee."""
    return referee.pay(
        description="茶",
        out_trade_no=number,
        amount=AMOUNT,
        payer={"auth_code": auth_code},
        scene_info={"store_info": {"out_id": "shop-1"}},
        pay_type=WeChatPayType.CODEPAY,
    )


def test_it_charges_a_payment_code_and_reverses_it(referee, shop):
    paid = read(charge(referee, "ORDER-0001", "130000000000000000"))
    shop.passes(15)
    reversed_ = read(referee.codepay_reverse("ORDER-0001"))

    assert (paid["trade_state"], paid["trade_type"]) == ("SUCCESS", "MICROPAY")
    assert reversed_["out_trade_no"] == "ORDER-0001"
    assert read(referee.query(out_trade_no="ORDER-0001"))["trade_state"] == "REVOKED"


def test_it_waits_for_the_password_of_a_payment_code(referee, shop):
    status, body = charge(referee, "ORDER-0001", "130000000000000001")
    waiting = read(referee.query(out_trade_no="ORDER-0001"))
    shop.payer("password", "ORDER-0001").raise_for_status()

    assert (status, msgspec.json.decode(body)["code"]) == (202, "USER_PAYING")
    assert waiting["trade_state"] == "USERPAYING"
    assert read(referee.query(out_trade_no="ORDER-0001"))["trade_state"] == "SUCCESS"


# The package compares certificates by their naive times.
@pytest.mark.filterwarnings("ignore:Properties that return a na:UserWarning")
@pytest.mark.parametrize(
    "way", [{"type": "MERCHANT_BANK_CARD"}, {"type": "USER_BANK_CARD", **CARD}]
)
def test_it_sends_an_abnormal_refund_another_way(referee, shop, merchant, way):
    read(referee.pay(description="茶", out_trade_no="ORDER-0001", amount=AMOUNT))
    shop.payer("pay", "ORDER-0001").raise_for_status()
    merchant.waits_for(1)
    shop.arm("refund_abnormal")
    amount = {"refund": 500, "total": 1999, "currency": "CNY"}
    refund = read(referee.refund(out_refund_no="R-1", out_trade_no="ORDER-0001", amount=amount))
    shop.passes(2)
    merchant.waits_for(2)
    applied = read(referee.abnormal_refund(refund["refund_id"], "R-1", **way))
    shop.passes(2)
    told = [referee.callback(*each)["event_type"] for each in merchant.waits_for(3)]

    assert applied["status"] == "PROCESSING"
    assert read(referee.query_refund("R-1"))["status"] == "SUCCESS"
    assert told[1:] == ["REFUND.ABNORMAL", "REFUND.SUCCESS"]


def test_it_follows_a_rotation_of_certificates_without_one_refused_answer(
    new_referee, serve, shop_at, merchant
):
    app = create_sandbox(
        environment="test", clock=MovableClock(), providers=[WeChatPaySandbox], keys=KeyRing()
    )
    shop = shop_at(serve(app))
    referee = new_referee(shop, merchant)
    for number, step in enumerate(
        ("announce_certificate", "sign_with_new_certificate", "retire_old_certificate")
    ):
        turned = {"provider": "wechat", "step": step}
        shop.http.post("/sandbox/keys", json=turned).raise_for_status()
        order = f"ORDER-000{number}"
        read(referee.pay(description="茶", out_trade_no=order, amount=AMOUNT))
        shop.payer("pay", order).raise_for_status()
        told = referee.callback(*merchant.waits_for(number + 1)[number])
        assert told["resource"]["out_trade_no"] == order

    serials = [f"{each.serial_number:040X}" for each in referee._core._certificates]
    assert serials[0] != shop.credentials["platform_serial_no"]
    assert shop.credentials["platform_serial_no"] in serials[1:]


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


@pytest.mark.parametrize("tar_type", ["GZIP", ""])
@pytest.mark.parametrize("call", ["trade_bill", "fundflow_bill"])
def test_it_downloads_the_bills_of_a_finished_day(referee, shop, call, tar_type):
    read(referee.pay(description="茶", out_trade_no="ORDER-0001", amount=AMOUNT))
    shop.payer("pay", "ORDER-0001").raise_for_status()
    day = f"{datetime.now(UTC).astimezone(timezone(timedelta(hours=8))):%Y-%m-%d}"
    shop.passes(2 * 86_400)

    applied = read(getattr(referee, call)(day, tar_type=tar_type))
    status, content = referee.download_bill(applied["download_url"])
    bill = gzip.decompress(content) if tar_type else content

    assert status == 200
    assert hashlib.sha1(bill).hexdigest() == applied["hash_value"]
    assert "ORDER-0001" in bill.decode("utf-8-sig")
    ours = httpx.URL(applied["download_url"]).raw_path.decode()
    assert shop.call("GET", ours).content == content
