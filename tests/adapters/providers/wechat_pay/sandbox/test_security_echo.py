"""The self test: an echo in the clear, one sealed, one by callback."""

from base64 import b64decode, b64encode

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1

OAEP_SHA1 = OAEP(mgf=MGF1(SHA1()), algorithm=SHA1(), label=None)


def echo(shop, *, serial="", **body):
    """Ask for an echo."""
    return shop.call("POST", "/v3/security/echo", body, headers={"Wechatpay-Serial": serial})


def sealed(shop, text):
    """Encrypt for the platform."""
    pem = shop.credentials["platform_certificate"]
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    assert isinstance(key, RSAPublicKey)
    return b64encode(key.encrypt(text.encode(), OAEP_SHA1)).decode()


def opened(shop, text):
    """Decrypt as the merchant."""
    return shop.key.decrypt(b64decode(text), OAEP_SHA1).decode()


def test_it_says_what_it_hears(shop):
    assert echo(shop, echo_message="喂").json() == {"echo_message": "喂"}


def test_what_came_sealed_goes_back_sealed_for_the_merchant(shop, merchant):
    serial = shop.credentials["platform_serial_no"]
    said = echo(
        shop,
        serial=serial,
        echo_message="喂",
        encrypted_echo_message=sealed(shop, "secret"),
        notify_url=merchant.url,
    ).json()
    ((_, body),) = merchant.waits_for(1)
    told = msgspec.json.decode(body)
    resource = told["resource"]
    heard = AESGCM(shop.credentials["api_v3_key"].encode()).decrypt(
        resource["nonce"].encode(),
        b64decode(resource["ciphertext"]),
        resource["associated_data"].encode(),
    )

    assert opened(shop, said["encrypted_echo_message"]) == "secret"
    assert told["event_type"] == "SECURITY_ECHO.SUCCESS"
    assert opened(shop, msgspec.json.decode(heard)["encrypt_echo_message"]) == "secret"


def test_what_it_can_not_open_it_refuses(shop):
    for serial in ("", shop.credentials["public_key_id"]):
        answer = echo(
            shop, serial=serial, echo_message="喂", encrypted_echo_message=sealed(shop, "secret")
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERROR")
