"""Seals endpoints' secrets for the database: AES-256-GCM with the deployment's own key."""

import secrets
from base64 import b64decode
from binascii import Error

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from application.webhook_ports import SealBroken

KEY_BYTES, NONCE_BYTES = 32, 12

#: Standard Webhooks asks for 24 to 64.
SECRET_BYTES = 32


class AesVault:
    """The first key seals; every key opens, so that it can be changed."""

    def __init__(self, *keys: bytes) -> None:
        self._ciphers = [AESGCM(key) for key in keys]

    def seal(self, secret: bytes, *, about: str) -> bytes:
        """A nonce, then the cipher text, bound to `about`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, secret, about.encode())

    def open(self, sealed: bytes, *, about: str) -> bytes:
        """Raises SealBroken."""
        nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(nonce, text, about.encode())
            except (InvalidTag, ValueError):
                continue
        raise SealBroken(about)

    def new_secret(self) -> bytes:
        """Fresh from the system."""
        return secrets.token_bytes(SECRET_BYTES)


def read_key(text: str) -> bytes:
    """A key as it stands in the configuration: 32 bytes in base 64. Raises ValueError."""
    try:
        key = b64decode(text, validate=True)
    except (Error, ValueError):
        raise ValueError("expected base 64") from None
    if len(key) != KEY_BYTES:
        raise ValueError(f"expected {KEY_BYTES} bytes in base 64, got {len(key)}")
    return key
