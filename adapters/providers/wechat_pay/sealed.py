"""What WeChat Pay encrypts for the merchant: callbacks and certificates (MAPPING.md §6)."""

import base64
import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.providers.checked import NotUnderstood
from adapters.providers.wechat_pay.keys import Keys
from adapters.providers.wechat_pay.wire import Resource

ALGORITHM = "AEAD_AES_256_GCM"
NONCE_BYTES = 12


def unseal(keys: Keys, resource: Resource) -> bytes:
    """Decrypt with the APIv3 key, or the one before while it is being changed.

    Raises NotUnderstood. What opens was sealed by somebody who has the key.
    """
    nonce = resource.nonce.encode()
    if resource.algorithm != ALGORITHM or len(nonce) != NONCE_BYTES:
        raise NotUnderstood("sealed in another way")
    try:
        sealed = base64.b64decode(resource.ciphertext, validate=True)
    except (binascii.Error, ValueError):
        raise NotUnderstood("the sealed part is not base64") from None
    for seal in keys.seals:
        content = _opened(seal, nonce, sealed, (resource.associated_data or "").encode())
        if content is not None:
            return content
    raise NotUnderstood("can't be opened: is api_v3_key the merchant's?")


def _opened(seal: AESGCM, nonce: bytes, sealed: bytes, associated_data: bytes) -> bytes | None:
    try:
        return seal.decrypt(nonce, sealed, associated_data)
    except (InvalidTag, ValueError):
        return None
