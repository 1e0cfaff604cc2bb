"""Whatever a caller sends, the simulator answers and keeps no nonsense."""

import secrets
import time
from base64 import b64encode

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.clock import MovableClock
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.provider import Call, World
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox
from adapters.providers.wechat_pay.sandbox.transaction import paid

NATIVE = "/v3/pay/transactions/native"
REFUNDS = "/v3/refund/domestic/refunds"

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
few = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def world(sandbox_keys):
    return World(MovableClock(), Book(), sandbox_keys)


@pytest.fixture
def ask(world):
    """Send one well-signed call past HTTP."""
    provider = WeChatPaySandbox(world)
    credentials = provider.credentials("http://127.0.0.1")
    key = world.keys.key("wechat-merchant")

    def send(target, body):
        timestamp, nonce = str(int(time.time())), secrets.token_hex(16)
        message = f"POST\n{target}\n{timestamp}\n{nonce}\n".encode() + body + b"\n"
        signature = b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()
        authorization = (
            f'WECHATPAY2-SHA256-RSA2048 mchid="{credentials["mchid"]}",nonce_str="{nonce}",'
            f'signature="{signature}",timestamp="{timestamp}",'
            f'serial_no="{credentials["serial_no"]}"'
        )
        headers = {"authorization": authorization, "accept": "*/*", "user-agent": "test"}
        return provider.answer(Call("POST", target, headers, body), {})

    return send


def a_native_order():
    return {
        "appid": "wx1111111111111111",
        "mchid": "1900000001",
        "description": "茶",
        "out_trade_no": f"ORDER-{secrets.token_hex(8)}",
        "notify_url": "https://shop.example/notify",
        "amount": {"total": 1999},
    }


@few
@given(body=st.binary(max_size=40))
def test_bytes_of_any_kind_are_a_bad_parameter(ask, body):
    assert ask(NATIVE, body).status == 400


@few
@given(
    name=st.sampled_from([*a_native_order(), "time_expire", "attach", "scene_info"]), value=values
)
def test_a_value_of_any_kind_is_taken_or_refused(ask, world, name, value):
    answer = ask(NATIVE, msgspec.json.encode(a_native_order() | {name: value}))

    assert answer.status in {200, 400, 403}
    for order in world.book.orders():
        msgspec.json.encode(order)


SCENE = {"payer_client_ip": "203.0.113.9", "h5_info": {"type": "Wap"}, "store_info": {"id": "1"}}

#: Every other call with a body, and a good body for it.
CALLS = {
    "/v3/pay/transactions/jsapi": {"payer": {"openid": "o1"}},
    "/v3/pay/transactions/app": {"appid": "wx3333333333333333"},
    "/v3/pay/transactions/h5": {"scene_info": SCENE},
    "/v3/pay/transactions/codepay": {
        "payer": {"auth_code": "130000000000000000"},
        "scene_info": SCENE,
    },
    "/v3/pay/transactions/out-trade-no/NO-SUCH-ONE/reverse": {},
    "/v3/pay/transactions/out-trade-no/NO-SUCH-ONE/close": {},
    "/v3/refund/domestic/refunds/50000/apply-abnormal-refund": {
        "out_refund_no": "R-1",
        "type": "USER_BANK_CARD",
        "bank_type": "CMB_DEBIT",
        "bank_account": "AAAA",
        "real_name": "AAAA",
    },
    "/v3/security/echo": {"echo_message": "喂", "encrypted_echo_message": "AAAA"},
}


@few
@given(
    target=st.sampled_from([*CALLS]),
    name=st.sampled_from(
        ["appid", "mchid", "payer", "scene_info", "amount", "type", "bank_account",
         "out_refund_no", "echo_message", "encrypted_echo_message", "notify_url"]
    ),
    inner=st.sampled_from(["", "openid", "auth_code", "store_info", "h5_info", "payer_client_ip"]),
    value=values,
)  # fmt: skip
def test_every_call_takes_or_refuses_what_comes(ask, world, target, name, inner, value):
    body = a_native_order() | CALLS[target] | {name: {inner: value} if inner else value}
    answer = ask(target, msgspec.json.encode(body))

    assert answer.status in {200, 204, 400, 403, 404} or b"SYSTEM_ERROR" not in answer.body
    for order in world.book.orders():
        msgspec.json.encode(order)


@few
@given(payer=values)
def test_a_payer_no_call_asks_for_hinders_no_payment(ask, world, payer):
    request = a_native_order() | {"payer": payer}
    if ask(NATIVE, msgspec.json.encode(request)).status == 200:
        order = world.book.order("wechat", request["out_trade_no"])
        assert order is not None
        assert paid(order, order.created_at).charges == 1


@few
@given(amount=values)
def test_a_refund_of_any_kind_of_amount_is_refused(ask, world, amount):
    body = {"out_trade_no": "ORDER-0001", "out_refund_no": "R-1", "amount": amount}

    assert ask(REFUNDS, msgspec.json.encode(body)).status in {400, 404}
    assert world.book.refunds() == []


@pytest.mark.parametrize("total", ["9" * 30, "1" * 5000, "1e400", "1.0", "-1"])
def test_a_number_no_bank_would_take_is_refused(ask, world, total):
    body = msgspec.json.encode(a_native_order()).replace(b"1999", total.encode())

    assert ask(NATIVE, body).status == 400
    assert world.book.orders() == []


@pytest.mark.parametrize("depth", [40, 900, 100_000])
def test_a_deeply_nested_body_is_refused(ask, depth):
    assert ask(NATIVE, b'{"a":' * depth + b"1" + b"}" * depth).status == 400
