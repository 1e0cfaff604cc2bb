from base64 import b64encode

import pytest

from adapters.webhooks.vault import AesVault, read_key
from application.webhook_ports import SealBroken

KEY, OTHER = b"k" * 32, b"o" * 32


def test_what_is_sealed_opens_for_the_same_endpoint_only():
    vault = AesVault(KEY)
    secret = vault.new_secret()
    sealed = vault.seal(secret, about="whe_1")

    assert vault.open(sealed, about="whe_1") == secret
    assert secret not in sealed
    with pytest.raises(SealBroken):
        vault.open(sealed, about="whe_2")
    with pytest.raises(SealBroken):
        AesVault(OTHER).open(sealed, about="whe_1")
    for broken in (b"", sealed[:20], sealed[:-1] + bytes([sealed[-1] ^ 1])):
        with pytest.raises(SealBroken):
            vault.open(broken, about="whe_1")


def test_a_key_is_changed_while_the_old_one_still_opens():
    sealed = AesVault(OTHER).seal(b"secret", about="whe_1")

    both = AesVault(KEY, OTHER)
    assert both.open(sealed, about="whe_1") == b"secret"
    assert AesVault(KEY).open(both.seal(b"secret", about="whe_1"), about="whe_1") == b"secret"


def test_a_secret_is_as_long_as_the_standard_wants():
    assert 24 <= len(AesVault(KEY).new_secret()) <= 64
    assert AesVault(KEY).new_secret() != AesVault(KEY).new_secret()


@pytest.mark.parametrize("text", ["", "secret", b64encode(b"short").decode(), "é" * 44])
def test_a_key_that_is_none_is_refused_without_being_repeated(text):
    with pytest.raises(ValueError, match="base 64") as refused:
        read_key(text)

    assert not text or text not in str(refused.value)


def test_a_key_is_32_bytes_in_base_64():
    assert read_key(b64encode(KEY).decode()) == KEY
