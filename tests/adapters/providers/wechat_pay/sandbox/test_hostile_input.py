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
