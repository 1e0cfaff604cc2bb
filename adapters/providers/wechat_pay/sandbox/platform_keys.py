"""The platform's hand: signed answers and callbacks, encrypted resources (§2.3, §2.6, §6)."""

import secrets
import time
from base64 import b64encode
from collections.abc import Mapping

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.providers.sandbox.faults import Struck
from adapters.providers.sandbox.keys import KeyRing

MERCHANT = "wechat-merchant"
PLATFORM = "wechat-platform"
PUBLIC_KEY_MODE = "wechat-public-key"
STRANGER = "wechat-stranger"

#: §2.4: what a deliberate wrong signature begins with, and how long it is.
PROBE_PREFIX = "WECHATPAY/SIGNTEST/"
SIGNATURE_LENGTH = 344
#: Older than any receiver's replay window of 300 s.
STALE_BY_SECONDS = 600


class PlatformKeys:
    """Every key and certificate of this platform and its merchant."""

    def __init__(self, ring: KeyRing, mchid: str, public_key_id: str) -> None:
        ring.generate([MERCHANT, PLATFORM, PUBLIC_KEY_MODE, STRANGER])
        self._ring = ring
        self.public_key_id = public_key_id
        self.merchant_certificate = ring.certificate(MERCHANT, common_name=mchid)
        self.platform_certificate = ring.certificate(PLATFORM, common_name="Tenpay.com sign")
        self.merchant_serial_no = _serial_of(self.merchant_certificate)
        self.platform_serial_no = _serial_of(self.platform_certificate)
        self.api_v3_key = ring.text("wechat-api-v3-key", lambda: secrets.token_hex(16))
        self.app_secret = ring.text("wechat-app-secret", lambda: secrets.token_hex(16))

    def merchant_key(self) -> RSAPrivateKey:
        """Return the merchant's key; the platform uses its public half only."""
        return self._ring.key(MERCHANT)

    def merchant_private_pem(self) -> str:
        return self._ring.private_pem(MERCHANT)

    def public_key_pem(self) -> str:
        """Return the WeChat Pay public key (微信支付公钥)."""
        return self._ring.public_pem(PUBLIC_KEY_MODE)

    def sign(self, body: bytes, struck: Struck, *, with_public_key: bool) -> Mapping[str, str]:
        """Return the headers that sign a body, with the flaws a tester armed."""
        key = self._ring.key(PUBLIC_KEY_MODE if with_public_key else PLATFORM)
        if "callback_forged" in struck:
            key = self._ring.key(STRANGER)
        age = STALE_BY_SECONDS if "stale_timestamp" in struck else 0
        timestamp, nonce = str(int(time.time()) - age), secrets.token_hex(16)
        # A bad signature is a real one over other bytes.
        signed = body + b" " if "bad_signature" in struck else body
        signature = _sign(key, f"{timestamp}\n{nonce}\n".encode() + signed + b"\n")
        serial_no = self.public_key_id if with_public_key else self.platform_serial_no
        if "signtest" in struck:
            signature = (PROBE_PREFIX + secrets.token_hex(SIGNATURE_LENGTH))[:SIGNATURE_LENGTH]
        if "unknown_serial" in struck:
            serial_no = secrets.token_hex(20).upper()
        headers = {
            "Wechatpay-Timestamp": timestamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Signature": signature,
            "Wechatpay-Serial": serial_no,
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }
        if "missing_signature" in struck:
            del headers["Wechatpay-Signature"]
        return headers

    def encrypt(self, plain: bytes, associated_data: str) -> Mapping[str, str]:
        """Encrypt with the APIv3 key; the ciphertext ends with its 16-byte tag."""
        nonce = secrets.token_hex(6)
        sealed = AESGCM(self.api_v3_key.encode()).encrypt(
            nonce.encode(), plain, associated_data.encode()
        )
        return {
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": b64encode(sealed).decode(),
            "associated_data": associated_data,
            "nonce": nonce,
        }


def _sign(key: RSAPrivateKey, message: bytes) -> str:
    return b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()


def _serial_of(certificate: str) -> str:
    # 40 characters, leading zeros kept (gotcha 10).
    return f"{x509.load_pem_x509_certificate(certificate.encode()).serial_number:040X}"
