"""The bytes of an answer: order, escapes, signature, and what is unsigned."""

import base64
import json

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256


def raw(shop, method, content):
    return shop.send(shop.signed(shop.parameters(method, content)))


def test_a_refusal_shows_its_codes_first_and_the_rest_by_name(shop):
    body = raw(shop, "alipay.trade.query", {"out_trade_no": "T1"}).decode()

    names = list(json.loads(body)["alipay_trade_query_response"])
    assert names == [
        "code", "msg", "sub_code", "sub_msg",
        "buyer_pay_amount", "invoice_amount", "out_trade_no", "point_amount", "receipt_amount",
    ]  # fmt: skip
    assert '"sub_msg":"交易不存在"' in body
    assert body.index('"sign":') > body.index('"receipt_amount":')


def test_slashes_are_escaped_as_alipay_escapes_them(shop):
    content = {"out_trade_no": "T1", "total_amount": "1.00", "subject": "茶"}

    body = raw(shop, "alipay.trade.precreate", content)

    assert rb'"qr_code":"https:\/\/qr.alipay.com\/bax0' in body


def test_the_signature_covers_the_very_bytes_of_the_node(shop):
    body = raw(shop, "alipay.trade.query", {"out_trade_no": "T1"})

    content, _, tail = body.partition(b',"sign":"')
    signed = content.removeprefix(b'{"alipay_trade_query_response":')
    alipay = shop.keys.key("alipay").public_key()
    alipay.verify(base64.b64decode(tail.removesuffix(b'"}')), signed, PKCS1v15(), SHA256())


def test_every_amount_is_text_with_two_decimals(shop):
    shop.sells(amount="5")

    told = shop.queries()

    assert (told["total_amount"], told["receipt_amount"]) == ("5.00", "5.00")
    assert all(isinstance(value, str) for value in told.values())


def test_a_refused_refund_shows_that_no_money_moved(shop):
    refusal = shop.refunds("R1", "1.00")

    assert refusal["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert (refusal["refund_fee"], refusal["send_back_fee"]) == ("0.00", "0.00")
    assert refusal["out_trade_no"] == "T1"
