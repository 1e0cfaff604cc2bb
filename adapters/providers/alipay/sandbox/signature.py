"""RSA2: which text is signed, and the signature over it. Source: REFERENCE.md §2."""

import base64
import binascii
from collections.abc import Iterable, Mapping

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.providers.sandbox.faults import Struck


def text_to_sign(parameters: Mapping[str, str], *, without: Iterable[str]) -> str:
    """Join all that is not blank, sorted by name, as `name=value` with `&`, nothing encoded."""
    left_out = frozenset(without)
    return "&".join(
        f"{name}={value}"
        for name, value in sorted(parameters.items())
        if name not in left_out and value.strip()
    )


def sign(content: bytes, key: RSAPrivateKey) -> str:
    """SHA256withRSA over these very bytes, as standard Base64 in one line."""
    return base64.b64encode(key.sign(content, PKCS1v15(), SHA256())).decode("ascii")


def sign_with_flaws(content: bytes, key: RSAPrivateKey, struck: Struck) -> str | None:
    """Sign as the armed faults want it: over other bytes, or not at all."""
    if "missing_signature" in struck:
        return None
    return sign(content + b" " if "bad_signature" in struck else content, key)


def is_signed_by(key: RSAPublicKey, content: bytes, signature: str) -> bool:
    """Whether the Base64 signature was made over these bytes with the other half of the key."""
    try:
        key.verify(base64.b64decode(signature, validate=True), content, PKCS1v15(), SHA256())
    except (binascii.Error, InvalidSignature, ValueError):
        return False
    return True
