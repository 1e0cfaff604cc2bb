"""Settings that are wrong stop the start, with the key's name and without its secret."""

import pytest

from adapters.providers.alipay.keys import Keys
from adapters.providers.signer import read_private_key
from tests.adapters.providers.alipay.desk import bare_private, config, private_key

BAD = {
    "app_id": "wx123",
    "seller_id": "2099000000000021",
    "gateway_url": "https://openapi.example.com",
    "notify_url": "https://pay.example.com/n?tenant=1",
    "qr_product_code": "face to face",
    "code_product_code": "offline payment",
    "jsapi_app_id": "wx123",
    "link_seconds": 59,
}


@pytest.mark.parametrize("key", BAD)
def test_a_bad_value_is_refused_under_its_key(key):
    with pytest.raises(ValueError, match=key):
        config(**{key: BAD[key]})


@pytest.mark.parametrize("key", ["private_key", "alipay_public_key", "previous_alipay_public_key"])
@pytest.mark.parametrize("text", ["c2VjcmV0", "not base64!"])
def test_a_key_that_cannot_be_read_is_named_and_not_quoted(key, text):
    with pytest.raises(ValueError, match=key) as error:
        Keys.load(config(**{key: text}))

    assert text not in str(error.value)


@pytest.mark.parametrize("key", ["private_key", "alipay_public_key"])
def test_a_key_that_is_missing_is_named(key):
    with pytest.raises(ValueError, match=key):
        Keys.load(config(**{key: ""}))


def test_the_private_key_does_not_show():
    assert bare_private("app") not in repr(config())


@pytest.mark.parametrize("pkcs1", [True, False])
@pytest.mark.parametrize("kind", ["", "RSA PRIVATE KEY"])
def test_a_private_key_is_read_in_every_form(pkcs1, kind):
    bare = bare_private("app", pkcs1=pkcs1)
    text = f"-----BEGIN {kind}-----\n{bare}\n-----END {kind}-----\n" if kind else bare

    assert read_private_key(text).private_numbers() == private_key("app").private_numbers()
