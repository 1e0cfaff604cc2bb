"""Refunds that did not arrive, refunds of the merchant's site, refunds of old orders."""

from base64 import b64encode
from functools import partial

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox

OAEP_SHA1 = OAEP(mgf=MGF1(SHA1()), algorithm=SHA1(), label=None)


def code(response):
    """Read the status and code of a refusal."""
    return response.status_code, response.json()["code"]


def with_key(pem):
    """Read the public half of a certificate or a public key."""
    if "CERTIFICATE" in pem:
        return x509.load_pem_x509_certificate(pem.encode()).public_key()
    return load_pem_public_key(pem.encode())


def sealed(shop, text, *, by="platform_certificate"):
    """Encrypt for whoever holds the key."""
    return b64encode(with_key(shop.credentials[by]).encrypt(text.encode(), OAEP_SHA1)).decode()


@pytest.fixture
def abnormal(shop, merchant):
    """A shop with a refund that could not be delivered."""
    shop.paid("ORDER-0001")
    shop.arm("refund_abnormal")
    shop.refund("ORDER-0001", "R-1", 1999, notify_url=merchant.url)
    shop.passes(2)
    assert shop.refund_status("R-1") == "ABNORMAL"
    merchant.waits_for(1)
    return shop


def apply(shop, *, serial="", **change):
    """Apply for the other way, with what `change` says."""
    refund = shop.call("GET", "/v3/refund/domestic/refunds/R-1").json()
    target = f"/v3/refund/domestic/refunds/{refund['refund_id']}/apply-abnormal-refund"
    body = {"out_refund_no": "R-1", "type": "MERCHANT_BANK_CARD", **change}
    return shop.call("POST", target, body, headers={"Wechatpay-Serial": serial})


def to_card(shop, *, by="platform_certificate", **change):
    """Name a card of the payer's, encrypted with one of the platform's keys."""
    card = {
        "type": "USER_BANK_CARD",
        "bank_type": "CMB_DEBIT",
        "bank_account": sealed(shop, "6225880000001234", by=by),
        "real_name": sealed(shop, "张三", by=by),
    }
    return card | change


def events(merchant):
    """The kinds of the callbacks that came."""
    return [msgspec.json.decode(body)["event_type"] for _, body in merchant.received]


def test_the_merchants_own_card_takes_it_without_more_ado(abnormal, merchant):
    applied = apply(abnormal)
    abnormal.passes(2)

    assert applied.json()["status"] == "PROCESSING"
    assert abnormal.refund_status("R-1") == "SUCCESS"
    merchant.waits_for(2)
    assert events(merchant) == ["REFUND.ABNORMAL", "REFUND.SUCCESS"]
    assert code(apply(abnormal)) == (400, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("by", "named"),
    [("platform_certificate", "platform_serial_no"), ("public_key", "public_key_id")],
)
def test_another_card_of_the_payer_is_named_under_the_platforms_key(abnormal, by, named):
    applied = apply(abnormal, serial=abnormal.credentials[named], **to_card(abnormal, by=by))
    abnormal.passes(2)

    assert applied.json()["user_received_account"].endswith("1234")
    assert applied.json()["channel"] == "OTHER_BANKCARD"
    assert abnormal.refund_status("R-1") == "SUCCESS"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"bank_account": "6225880000001234"}, "/bank_account"),
        ({"real_name": ""}, "/real_name"),
        ({"bank_type": "CMB_CREDIT"}, "/bank_type"),
        ({"type": "GIFT_CARD"}, "/type"),
    ],
)
def test_a_card_wrongly_named_is_refused(abnormal, change, field):
    serial = abnormal.credentials["platform_serial_no"]
    answer = apply(abnormal, serial=serial, **to_card(abnormal, **change))

    assert code(answer) == (400, "PARAM_ERROR")
    assert answer.json()["detail"]["field"] == field
    assert abnormal.refund_status("R-1") == "ABNORMAL"


def test_a_key_nobody_named_opens_nothing(abnormal):
    for serial in ("", "00" * 20, abnormal.credentials["public_key_id"]):
        answer = apply(abnormal, serial=serial, **to_card(abnormal))
        assert code(answer) == (400, "PARAM_ERROR")


def test_only_the_refund_of_the_path_is_meant(abnormal):
    target = "/v3/refund/domestic/refunds/50000/apply-abnormal-refund"
    body = {"out_refund_no": "R-1", "type": "MERCHANT_BANK_CARD"}

    assert code(abnormal.call("POST", target, body)) == (404, "RESOURCE_NOT_EXISTS")


def test_it_may_fail_again(abnormal):
    abnormal.arm("refund_abnormal")
    assert apply(abnormal).status_code == 200
    abnormal.passes(2)

    assert abnormal.refund_status("R-1") == "ABNORMAL"


@pytest.mark.parametrize(("arrives", "ends"), [(True, "SUCCESS"), (False, "CLOSED")])
def test_somebody_mends_it_on_the_merchants_site(abnormal, merchant, arrives, ends):
    mend = {"provider_refund_no": "R-1", "arrives": arrives}
    mended = abnormal.http.post("/sandbox/merchant/mend", json=mend)
    merchant.waits_for(2)

    assert mended.json()["state"] == abnormal.refund_status("R-1") == ends
    assert events(merchant) == ["REFUND.ABNORMAL", f"REFUND.{ends}"]
    assert abnormal.http.post("/sandbox/merchant/mend", json=mend).status_code == 409


def site_refund(shop, fen, **more):
    """Refund on the merchant's site."""
    body = {"provider_order_no": "ORDER-0001", "amount": fen, **more}
    return shop.http.post("/sandbox/merchant/refund", json=body)


def test_a_refund_of_the_merchants_site_has_a_number_of_its_own_and_tells(shop, merchant):
    shop.notify_url = merchant.url
    shop.paid("ORDER-0001")
    merchant.waits_for(1)
    made = site_refund(shop, 500).json()
    shop.passes(2)
    merchant.waits_for(2)

    assert events(merchant) == ["TRANSACTION.SUCCESS", "REFUND.SUCCESS"]
    assert made["provider_refund_no"].startswith("site")
    assert shop.refund_status(made["provider_refund_no"]) == "SUCCESS"
    assert shop.state("ORDER-0001") == "REFUND"


def test_a_url_configured_at_the_platform_comes_first(new_shop, merchant):
    settings = WeChatPaySandboxSettings(refund_notify_url=merchant.url)
    shop = new_shop(partial(WeChatPaySandbox, settings=settings))
    shop.paid("ORDER-0001")
    site_refund(shop, 500, provider_refund_no="SITE-1", reason="少发").raise_for_status()
    shop.passes(2)
    merchant.waits_for(1)

    assert events(merchant) == ["REFUND.SUCCESS"]


def test_without_that_url_a_platform_may_tell_nobody(new_shop, merchant):
    settings = WeChatPaySandboxSettings(site_refund_tells_order=False)
    shop = new_shop(partial(WeChatPaySandbox, settings=settings))
    shop.notify_url = merchant.url
    shop.paid("ORDER-0001")
    merchant.waits_for(1)
    site_refund(shop, 500, provider_refund_no="SITE-1").raise_for_status()
    shop.passes(2)

    assert shop.refund_status("SITE-1") == "SUCCESS"
    assert shop.book()["pending_callbacks"] == []
    assert events(merchant) == ["TRANSACTION.SUCCESS"]


def test_the_merchants_site_knows_the_same_limits(shop):
    assert site_refund(shop, 1).status_code == 404
    shop.prepay("ORDER-0001")
    assert site_refund(shop, 1).status_code == 409
    shop.payer("pay", "ORDER-0001")
    assert site_refund(shop, 2000).status_code == 409
    assert shop.book()["refunds"] == []


def test_refunds_of_old_orders_are_limited_and_say_when_to_return(new_shop):
    settings = WeChatPaySandboxSettings(old_order_refunds_a_minute=1, refund_spacing_seconds=0)
    shop = new_shop(partial(WeChatPaySandbox, settings=settings))
    shop.paid("ORDER-0001")
    shop.passes(31 * 86400)
    shop.paid("ORDER-0002")

    assert shop.refund("ORDER-0001", "R-1", 1).status_code == 200
    limited = shop.refund("ORDER-0001", "R-2", 1)
    assert code(limited) == (429, "FREQUENCY_LIMITED")
    assert 55 <= int(limited.headers["Retry-After"]) <= 60
    assert shop.refund("ORDER-0002", "R-3", 1).status_code == 200
    shop.passes(60)
    assert shop.refund("ORDER-0001", "R-2", 1).status_code == 200
