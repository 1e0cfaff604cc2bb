"""Signatures, recomputed here with nothing but the reference and a cryptography library."""

import base64
import re
import threading
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given
from hypothesis import strategies as st
from wechatpayv3 import utils as referee

from adapters.providers.checked import NotGenuine
from adapters.providers.signer import Signer
from adapters.providers.wechat_pay.keys import Keys
from adapters.providers.wechat_pay.signing import authorization, verify
from tests.adapters.providers.wechat_pay.desk import (
    config,
    private_key,
    signature_headers,
)

AT = 1773100000
BODY = '{"message":"签名"}'.encode()


@pytest.fixture(scope="module")
def keys():
    return Keys.load(config())


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [
        ("GET", "/v3/pay/transactions/out-trade-no/T1?mchid=1900000001", b""),
        ("POST", "/v3/pay/transactions/native", BODY),
    ],
)
def test_a_request_is_signed_line_by_line(run, method, target, body):
    header = run(
        authorization(
            Signer(private_key("merchant")),
            mchid="1900000001",
            serial_no="AB12",
            method=method,
            target=target,
            body=body,
            at=AT + 0.9,
        )
    )

    found = re.fullmatch(
        r'WECHATPAY2-SHA256-RSA2048 mchid="1900000001",nonce_str="(\w{16,32})",'
        r'signature="([\w+/=]{344})",timestamp="1773100000",serial_no="AB12"',
        header,
    )
    assert found
    nonce, signature = found.groups()
    expected = f"{method}\n{target}\n1773100000\n{nonce}\n".encode() + body + b"\n"
    private_key("merchant").public_key().verify(
        base64.b64decode(signature), expected, padding.PKCS1v15(), hashes.SHA256()
    )


@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("POST", BODY)])
def test_an_independent_client_writes_the_same_header(run, monkeypatch, method, body):
    monkeypatch.setattr(referee, "time", SimpleNamespace(time=lambda: AT))
    ours = run(
        authorization(
            Signer(private_key("merchant")),
            mchid="1900000001",
            serial_no="AB12",
            method=method,
            target="/v3/any?thing=1",
            body=body,
            at=AT,
        )
    )
    nonce = re.findall(r'nonce_str="(\w+)"', ours)[0]

    theirs = referee.build_authorization(
        "/v3/any?thing=1",
        method,
        "1900000001",
        "AB12",
        private_key("merchant"),
        data=body.decode(),
        nonce_str=nonce,
    )

    assert ours == theirs


def test_no_nonce_is_used_twice(run):
    signer = Signer(private_key("merchant"))

    def once():
        return run(
            authorization(
                signer, mchid="1", serial_no="A", method="GET", target="/", body=b"", at=AT
            )
        )

    assert len({once() for _ in range(20)}) == 20


class KeyThatTellsItsThread:
    def sign(self, *_: object) -> bytes:
        return threading.current_thread().name.encode()


def test_signing_leaves_the_event_loop_alone(run):
    signers = [Signer(KeyThatTellsItsThread()) for _ in range(3)]  # type: ignore[arg-type] # a double

    names = {base64.b64decode(run(signer.sign(b""))).decode() for signer in signers}

    assert len(names) == 1
    assert names != {threading.current_thread().name}


@pytest.mark.parametrize("owner", ["platform", "public"])
@pytest.mark.parametrize("body", [BODY, b""], ids=["body", "empty as after 204"])
def test_a_certificate_and_a_public_key_are_both_believed(keys, owner, body):
    verify(keys, signature_headers(body, owner=owner, at=AT), body, at=AT)


@pytest.mark.parametrize("seconds", [-299, 299])
def test_within_five_minutes_a_message_is_fresh(keys, seconds):
    verify(keys, signature_headers(BODY, at=AT), BODY, at=AT + seconds)


@pytest.mark.parametrize("seconds", [-300, 300, 86400])
def test_beyond_five_minutes_a_message_is_a_replay(keys, seconds):
    with pytest.raises(NotGenuine, match="too long ago"):
        verify(keys, signature_headers(BODY, at=AT), BODY, at=AT + seconds)


@pytest.mark.parametrize("name", ["timestamp", "nonce", "signature", "serial"])
def test_a_missing_or_empty_header_proves_nothing(keys, name):
    headers = signature_headers(BODY, at=AT)

    with pytest.raises(NotGenuine, match=name):
        verify(keys, {k: v for k, v in headers.items() if not k.endswith(name)}, BODY, at=AT)
    with pytest.raises(NotGenuine, match=name):
        verify(keys, headers | {f"wechatpay-{name}": ""}, BODY, at=AT)


CHANGES = {
    "another timestamp": {"wechatpay-timestamp": str(AT + 1)},
    "another nonce": {"wechatpay-nonce": "nonce-2"},
    "the other key's name": {"wechatpay-serial": "PUB_KEY_ID_0000000000000000000000000001"},
    "an unknown serial": {"wechatpay-serial": "77"},
    "another scheme": {"wechatpay-signature-type": "WECHATPAY2-SM2-WITH-SM3"},
    "not base64": {"wechatpay-signature": "%%%"},
    "not a time": {"wechatpay-timestamp": "١٧٧٣١٠٠٠٠٠"},
    "an endless time": {"wechatpay-timestamp": "1" * 5000},
    "a lone surrogate": {"wechatpay-nonce": "\udcff"},
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_headers_are_not_genuine(keys, change):
    headers = signature_headers(BODY, at=AT) | CHANGES[change]

    with pytest.raises(NotGenuine):
        verify(keys, headers, BODY, at=AT)


def test_timestamp_and_nonce_cannot_change_places(keys):
    headers = signature_headers(BODY, at=AT)
    swapped = headers | {
        "wechatpay-timestamp": headers["wechatpay-nonce"],
        "wechatpay-nonce": headers["wechatpay-timestamp"],
    }

    with pytest.raises(NotGenuine):
        verify(keys, swapped, BODY, at=AT)


def test_a_signature_probe_is_not_genuine(keys):
    headers = signature_headers(BODY, at=AT)
    probe = "WECHATPAY/SIGNTEST/" + headers["wechatpay-signature"][19:]

    with pytest.raises(NotGenuine, match="probe"):
        verify(keys, headers | {"wechatpay-signature": probe}, BODY, at=AT)


@given(position=st.integers(0, len(BODY) * 8 - 1))
def test_one_turned_bit_breaks_the_signature(keys, position):
    broken = bytearray(BODY)
    broken[position // 8] ^= 1 << position % 8

    with pytest.raises(NotGenuine):
        verify(keys, signature_headers(BODY, at=AT), bytes(broken), at=AT)


@given(
    headers=st.dictionaries(
        st.sampled_from(list(signature_headers(b"", at=AT))), st.text(max_size=40)
    ),
    body=st.binary(max_size=40),
)
def test_whatever_comes_is_refused_in_one_way(keys, headers, body):
    with pytest.raises(NotGenuine):
        verify(keys, headers, body, at=AT)
