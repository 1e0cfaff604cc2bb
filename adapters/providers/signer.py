"""RSA as every provider here uses it: reading keys, signing off the event loop, verifying."""

import asyncio
import base64
import binascii
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

T = TypeVar("T")

MIN_KEY_BITS = 2048

#: A signature costs 0.9 ms without the GIL. One thread for all accounts keeps a burst of 32 from
#: stalling the event loop for 29 ms; more throughput it gives only where a second core is idle.
_THREAD = ThreadPoolExecutor(max_workers=1, thread_name_prefix="signing")


class Signer:
    """Signs with one key: RSASSA-PKCS1-v1_5 with SHA-256, as base64."""

    def __init__(self, key: RSAPrivateKey) -> None:
        self._key = key

    async def sign(self, message: bytes) -> str:
        """Sign on the shared thread while the event loop goes on."""
        return await asyncio.get_running_loop().run_in_executor(_THREAD, self.sign_now, message)

    def sign_now(self, message: bytes) -> str:
        """Sign here, about 1 ms: for what is built without a call."""
        return base64.b64encode(self._key.sign(message, PKCS1v15(), SHA256())).decode()


def verifies(key: RSAPublicKey, signature: str, message: bytes) -> bool:
    """Whether `signature` (base64) over exactly these bytes was made with the key's other half."""
    try:
        raw = base64.b64decode(signature, validate=True)
        key.verify(raw, message, PKCS1v15(), SHA256())
    except (ValueError, InvalidSignature):  # WeChat's probes are not even base64
        return False
    return True


def read_private_key(text: str) -> RSAPrivateKey:
    """Load a key from PEM or bare base64, PKCS#1 or PKCS#8. Takes 50 ms: do it once.

    Raises ValueError, which never quotes the key.
    """
    try:
        key = load_der_private_key(_der(text), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ValueError("expected an unencrypted RSA private key, PEM or bare base64") from None
    if not isinstance(key, RSAPrivateKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError(f"expected an RSA private key of at least {MIN_KEY_BITS} bits")
    return key


def read_public_key(text: str) -> RSAPublicKey:
    """Load a public key from PEM or bare base64. Raises ValueError."""
    try:
        key = load_der_public_key(_der(text))
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("expected an RSA public key, PEM or bare base64") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError(f"expected an RSA public key of at least {MIN_KEY_BITS} bits")
    return key


def read_key(setting: str, reader: Callable[[str], T], text: str) -> T:
    """Read one key of the settings. Raises ValueError naming the setting, never the key."""
    try:
        return reader(text)
    except ValueError as error:
        raise ValueError(f"{setting}: {error}") from None


def _der(text: str) -> bytes:
    lines = [line.strip() for line in text.strip().splitlines()]
    body = "".join(line for line in lines if not line.startswith("-----"))
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
