"""Settings that are wrong stop the start, with the key's name and without its secret."""

from datetime import timedelta

import pytest

from adapters.providers.signer import read_private_key
from adapters.providers.wechat_pay.config import AppIds
from adapters.providers.wechat_pay.keys import Keys, normal_serial
from tests.adapters.providers.wechat_pay.desk import (
    API_V3_KEY,
    CERTIFICATE_SERIAL,
    KEY_ID,
    NOW,
    certificate,
    config,
    pem,
    private_key,
)

BAD = {
    "mchid": "19000a",
    "serial_no": "not hex",
    "base_url": "https://api.example.com/v3",
    "notify_url": "https://pay.example.com/callback?tenant=1",
    "api_v3_key": "too short",
    "app_ids": AppIds(official_account="wx 1"),
    "previous_api_v3_key": "too short",
    "store_id": "shop 1",
    "store_out_id": "",
    "h5_domain": "https://pay.example.com",
    "public_keys": {"0001": "…"},
}


@pytest.mark.parametrize("key", BAD)
def test_a_bad_value_is_refused_under_its_key(key):
    with pytest.raises(ValueError, match=key):
        config(**{key: BAD[key]})


def test_without_any_key_to_verify_with_nothing_is_believed_yet():
    keys = Keys.load(config(platform_certificates=(), public_keys={}))

    assert keys.named(f"{CERTIFICATE_SERIAL:040X}") is None
    assert keys.named(KEY_ID) is None
    assert not keys.preferred


@pytest.mark.parametrize("key", ["private_key", "platform_certificates", "public_keys"])
def test_a_key_that_cannot_be_read_is_named_and_not_quoted(key):
    bad = {
        "private_key": "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----",
        "platform_certificates": ("c2VjcmV0",),
        "public_keys": {KEY_ID: "c2VjcmV0"},
    }

    with pytest.raises(ValueError, match=key) as error:
        Keys.load(config(**{key: bad[key]}))

    assert "c2VjcmV0" not in str(error.value)


def test_secrets_do_not_show():
    shown = repr(config(previous_api_v3_key="9" * 32))

    assert API_V3_KEY not in shown
    assert "9" * 32 not in shown
    assert "PRIVATE KEY" not in shown
    with pytest.raises(ValueError, match="api_v3_key: expected") as error:
        config(api_v3_key="S3CRET")
    assert "S3CRET" not in str(error.value)


def test_a_private_key_may_be_pem_or_bare():
    key = private_key("merchant")
    bare = "".join(line for line in pem(key).splitlines() if "-----" not in line)

    assert read_private_key(bare).private_numbers() == key.private_numbers()


def test_certificates_and_public_keys_stand_side_by_side():
    keys = Keys.load(config(platform_certificates=(certificate(), certificate("second", 2**158))))

    for name in (f"{CERTIFICATE_SERIAL:040X}", f"{2**158:040X}", KEY_ID):
        assert keys.named(name) is not None
    assert keys.preferred == KEY_ID


def test_without_a_public_key_the_newest_valid_certificate_is_asked_for():
    old, new, coming = (
        certificate(serial=serial, since=NOW + timedelta(days=days))
        for serial, days in ((1, -9), (2, -1), (3, 1))
    )
    keys = Keys.load(config(platform_certificates=(new, coming, old), public_keys={}))

    keys.believe(keys.belief, now=NOW)

    assert keys.preferred == f"{2:040X}"


@pytest.mark.parametrize(
    "spelling", ["ABCDEF0123", "abcdef0123", "00ABCDEF0123", "0" * 30 + "ABCDEF0123"]
)
def test_a_serial_is_found_in_every_spelling(spelling):
    assert Keys.load(config()).named(spelling) is not None


def test_a_key_id_is_never_changed():
    assert normal_serial(KEY_ID) == KEY_ID
    assert Keys.load(config()).named(KEY_ID.lower()) is None
