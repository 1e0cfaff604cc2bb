"""Certificates in rotation and the switch to the public key, under the eyes of a merchant."""

from base64 import b64decode
from functools import partial

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.clock import MovableClock
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.sandbox.provider import World
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox

ROTATION = ("announce_certificate", "sign_with_new_certificate", "retire_old_certificate")


@pytest.fixture(scope="module")
def used_keys(tmp_path_factory):
    """A directory with keys that are made already, so that each test needs not wait for them."""
    directory = tmp_path_factory.mktemp("keys")
    WeChatPaySandbox(World(MovableClock(), Book(), KeyRing(directory)))
    return directory


@pytest.fixture
def open_at(serve, shop_at):
    """Open shops at simulators whose keys lie in a directory."""

    def open_one(directory, **settings):
        made = partial(WeChatPaySandbox, settings=WeChatPaySandboxSettings(**settings))
        app = create_sandbox(
            environment="test", clock=MovableClock(), providers=[made], keys=KeyRing(directory)
        )
        return shop_at(serve(app))

    return open_one


@pytest.fixture
def keys(used_keys, tmp_path):
    """Keys of one's own to turn."""
    for file in (used_keys / "sandbox-keys").iterdir():
        (tmp_path / "sandbox-keys").mkdir(exist_ok=True)
        (tmp_path / "sandbox-keys" / file.name).write_bytes(file.read_bytes())
    return tmp_path


def turn(shop, *steps):
    """Do steps that are in turn."""
    for step in steps:
        answer = shop.http.post("/sandbox/keys", json={"provider": "wechat", "step": step})
        assert answer.status_code == 200, answer.text


def listed(shop):
    """Fetch the certificates and read them: serials as told and as written inside."""
    data = shop.call("GET", "/v3/certificates").json()["data"]
    key = shop.credentials["api_v3_key"].encode()
    for each in data:
        sealed = each["encrypt_certificate"]
        pem = AESGCM(key).decrypt(
            sealed["nonce"].encode(), b64decode(sealed["ciphertext"]), b"certificate"
        )
        assert f"{x509.load_pem_x509_certificate(pem).serial_number:040X}" == each["serial_no"]
    return [each["serial_no"] for each in data]


def signer(shop, **headers):
    """Whose hand is on an answer."""
    return shop.call("GET", "/v3/certificates", headers=headers).headers["Wechatpay-Serial"]


def told_serial(shop):
    return shop.http.get("/sandbox/credentials").json()["wechat"]["platform_serial_no"]


def test_a_new_certificate_is_listed_then_signs_then_stands_alone(open_at, keys):
    shop = open_at(keys)
    (old,) = listed(shop)
    turn(shop, "announce_certificate")
    new, still = listed(shop)
    assert (still, signer(shop), told_serial(shop)) == (old, old, old)

    turn(shop, "sign_with_new_certificate")
    assert listed(shop) == [new, old]
    assert (signer(shop), told_serial(shop)) == (new, new)
    turn(shop, "retire_old_certificate")
    assert listed(shop) == [new]


def test_turned_keys_stay_turned_after_a_restart(open_at, keys):
    before = open_at(keys)
    turn(before, "announce_certificate", "sign_with_new_certificate")

    after = open_at(keys)
    assert listed(after) == listed(before)
    assert signer(after) == signer(before) == after.credentials["platform_serial_no"]


def test_rotations_can_follow_each_other(open_at, keys):
    shop = open_at(keys)
    (first,) = listed(shop)
    turn(shop, *ROTATION, *ROTATION)

    (third,) = listed(shop)
    assert third != first


@pytest.mark.parametrize(
    ("before", "step"),
    [
        ([], "sign_with_new_certificate"),
        ([], "retire_old_certificate"),
        (["announce_certificate"], "announce_certificate"),
        (["start_public_key"], "start_public_key"),
        (["start_public_key", "finish_public_key"], "announce_certificate"),
        (["start_public_key", "finish_public_key"], "finish_public_key"),
    ],
)
def test_a_step_out_of_turn_is_refused(open_at, keys, before, step):
    shop = open_at(keys)
    turn(shop, *before)

    refused = shop.http.post("/sandbox/keys", json={"provider": "wechat", "step": step})
    assert refused.status_code == 409


def test_answers_follow_the_kind_of_key_a_request_names_once_the_switch_began(open_at, keys):
    shop = open_at(keys, public_key_mode=False)
    certificate, id = shop.credentials["platform_serial_no"], shop.credentials["public_key_id"]
    assert signer(shop, **{"Wechatpay-Serial": id}) == certificate

    turn(shop, "start_public_key")
    assert signer(shop, **{"Wechatpay-Serial": id}) == id
    assert signer(shop, **{"Wechatpay-Serial": certificate}) == certificate
    assert signer(shop) == certificate


def test_after_the_switch_the_public_key_is_alone(open_at, keys):
    shop = open_at(keys)
    turn(shop, "start_public_key", "finish_public_key")

    answer = shop.call("GET", "/v3/certificates")
    assert (answer.status_code, answer.json()["code"]) == (404, "RESOURCE_NOT_EXISTS")
    certificate, id = shop.credentials["platform_serial_no"], shop.credentials["public_key_id"]
    assert signer(shop, **{"Wechatpay-Serial": certificate}) == signer(shop) == id


def test_callbacks_are_signed_by_the_public_key_more_and_more(open_at, keys, merchant):
    shop = open_at(keys, public_key_mode=False)
    certificate, id = shop.credentials["platform_serial_no"], shop.credentials["public_key_id"]
    shop.notify_url = merchant.url
    shop.paid("ORDER-0001")
    merchant.waits_for(1)
    turn(shop, "start_public_key")
    shop.passes(7 * 86400)
    shop.paid("ORDER-0002")
    merchant.waits_for(2)

    assert [headers["wechatpay-serial"] for headers, _ in merchant.received] == [certificate, id]
