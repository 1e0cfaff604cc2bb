"""What is signed and what is cut out, recomputed here from the reference alone."""

import base64
from urllib.parse import parse_qsl, urlencode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given
from hypothesis import strategies as st

from adapters.providers.alipay.client import Client
from adapters.providers.alipay.keys import Keys
from adapters.providers.alipay.signing import (
    content_to_sign,
    parameters_of,
    signed_node,
)
from adapters.providers.checked import NotUnderstood
from tests.adapters.providers.alipay.desk import a_code, a_payment, answer, config, private_key

API = "alipay.trade.query"
NAME = "alipay_trade_query_response"


def test_the_content_of_the_reference_is_built_to_the_letter():
    parameters = {
        "version": "1.0",
        "timestamp": "2026-01-15 10:00:00",
        "app_id": "2021000000000001",
        "biz_content": '{"out_trade_no":"T20260115A","subject":"茶","total_amount":"88.88"}',
        "charset": "utf-8",
        "format": "JSON",
        "method": "alipay.trade.precreate",
        "notify_url": "https://pay.example.com/n/alipay",
        "return_url": "",
        "sign_type": "RSA2",
    }

    assert content_to_sign(parameters).decode() == (
        "app_id=2021000000000001"
        '&biz_content={"out_trade_no":"T20260115A","subject":"茶","total_amount":"88.88"}'
        "&charset=utf-8&format=JSON&method=alipay.trade.precreate"
        "&notify_url=https://pay.example.com/n/alipay&sign_type=RSA2"
        "&timestamp=2026-01-15 10:00:00&version=1.0"
    )


def test_a_request_is_signed_over_everything_that_arrives(run, account, desk):
    desk.says(a_code())

    run(account.payments.start(a_payment()))

    (request,) = desk.heard
    query = dict(parse_qsl(request.url.query.decode(), strict_parsing=True))
    body = dict(parse_qsl(request.content.decode(), strict_parsing=True))
    assert set(body) == {"biz_content"}
    assert body["biz_content"] == a_payment().request.decode()
    assert str(request.url).startswith("https://alipay.test/gateway.do?")
    assert query.keys() == {
        *("app_id", "method", "format", "charset", "sign_type", "timestamp", "version"),
        *("notify_url", "sign"),
    }
    arrived = query | body
    signature = base64.b64decode(arrived.pop("sign"))
    content = "&".join(f"{k}={arrived[k]}" for k in sorted(arrived))
    private_key("app").public_key().verify(
        signature, content.encode(), padding.PKCS1v15(), hashes.SHA256()
    )


def test_the_timestamp_is_chinese_wall_time(run, desk):
    desk.says(a_code())
    keys = Keys.load(config())

    run(Client(config(), keys, desk, wall=lambda: 1768442400.9).call(API, b"{}"))

    assert desk.heard[0].url.params["timestamp"] == "2026-01-15 10:00:00"


@pytest.mark.parametrize(
    "node",
    [
        '{"code":"10000"}',
        '{ "code" : "10000" }',
        '{"qr":"https:\\/\\/qr.alipay.com","brace":"}{\\"}","茶":"{"}',
        '{"sign":"not this one","nested":{"alipay_trade_query_response":{"a":"b"}}}',
        '"encrypted"',
    ],
)
def test_the_node_is_cut_out_byte_for_byte(node):
    body = f'{{ "{NAME}" : {node} , "alipay_cert_sn":"ab","sign":"c2ln\\/bg=="}}'

    assert signed_node(body.encode(), API) == (node.encode(), "c2ln/bg==", "ab")


@pytest.mark.parametrize("name", ["error_response", "null_response"])
def test_the_gateway_may_name_its_node_otherwise(name):
    assert signed_node(f'{{"{name}":{{}}}}'.encode(), API) == (b"{}", "", "")


@pytest.mark.parametrize(
    "body",
    [
        f'{{"{NAME}":{{"a":"1"}},"{NAME}":{{"a":"2"}},"sign":""}}',
        f'{{"{NAME}":{{"a":"1"}},"sign":"","{NAME}":{{"a":"1"}}}}',
        '{"alipay_trade_close_response":{},"sign":""}',
        f'{{"{NAME}":{{}},"sign":7}}',
        f'{{"{NAME}":{{}},"alipay_cert_sn":7}}',
        f'{{"{NAME}":{{',
        f'{{"{NAME}":{"[" * 99999}',
        "[]",
        "",
        "<html>",
    ],
)
def test_what_is_no_answer_is_not_understood(body):
    with pytest.raises(NotUnderstood):
        signed_node(body.encode(), API)


@given(body=st.binary(max_size=80))
def test_whatever_comes_is_cut_or_not_understood(body):
    for content in (body, answer(API, "{}") + body, b'{"' + NAME.encode() + b'":' + body + b"}"):
        try:
            node = signed_node(content, API).node
        except NotUnderstood:
            continue
        assert node in content


@given(body=st.binary(max_size=80) | st.text("a=&%+b", max_size=40).map(str.encode))
def test_whatever_comes_is_a_form_or_not_understood(body):
    try:
        parameters = parameters_of(body)
    except NotUnderstood:
        return
    assert parameters_of(urlencode(parameters).encode()) == parameters


@pytest.mark.parametrize("body", [b"a=1&a=2", b"a=1&a=1", b"a=%ff", b"\xff=1", b"a", b"a=1&&b=2"])
def test_a_form_is_read_in_one_way_or_not_at_all(body):
    with pytest.raises(NotUnderstood):
        parameters_of(body)


def test_a_form_is_decoded_once():
    assert parameters_of(b"subject=a+b%2Bc%2520d&body=") == {"subject": "a b+c%20d", "body": ""}
