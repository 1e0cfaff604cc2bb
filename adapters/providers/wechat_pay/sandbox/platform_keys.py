"""The platform's hand: signed answers and callbacks, encrypted resources (§2.3, §2.6, §6)."""

import binascii
import secrets
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA1, SHA256

from adapters.providers.sandbox.faults import Struck
from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.wechat_pay.sandbox.key_stage import STEPS, KeyStage, PublicKey
from adapters.providers.wechat_pay.sandbox.merchant_keys import MERCHANT, MerchantKeys, serial_of
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings

PLATFORM = "wechat-platform"
PUBLIC_KEY_MODE = "wechat-public-key"
STRANGER = "wechat-stranger"
STAGE = "wechat-key-stage"

#: §2.4: what a deliberate wrong signature begins with, and how long it is.
PROBE_PREFIX = "WECHATPAY/SIGNTEST/"
SIGNATURE_LENGTH = 344
#: Older than any receiver's replay window of 300 s.
STALE_BY_SECONDS = 600

#: §2.7: how sensitive fields are encrypted.
SENSITIVE = OAEP(mgf=MGF1(SHA1()), algorithm=SHA1(), label=None)  # noqa: S303 - as the platform


class PlatformKeys:
    """Every key and certificate of this platform and its merchant."""

    def __init__(self, ring: KeyRing, settings: WeChatPaySandboxSettings) -> None:
        ring.generate([MERCHANT, PLATFORM, PUBLIC_KEY_MODE, STRANGER])
        self._ring = ring
        self._settings = settings
        self.public_key_id = settings.public_key_id
        self.merchant = MerchantKeys(ring, settings.mchid)
        self.app_secret = ring.text("wechat-app-secret", lambda: secrets.token_hex(16))
        self._stage = self._kept_stage()
        self._certificates: dict[int, str] = {}
        for number in self._stage.certificates:
            self._certificate(number)

    @property
    def platform_certificate(self) -> str:
        """The certificate that signs now."""
        return self._certificate(self._stage.signing)

    @property
    def platform_serial_no(self) -> str:
        """The serial of the certificate that signs now."""
        return serial_of(self.platform_certificate)

    def usable_certificates(self) -> Sequence[str]:
        """List every certificate that may sign, newest first; none once the public key is alone."""
        if self._stage.public_key is PublicKey.ALONE:
            return ()
        return [self._certificate(number) for number in reversed(self._stage.certificates)]

    def turn(self, step: str, now: datetime) -> None:
        """Do one step of `key_stage.STEPS`; `PayerRefused` out of turn."""
        self._stage = STEPS[step](self._stage, now)
        self._ring.rewrite(STAGE, msgspec.json.encode(self._stage).decode())

    def answers_with_public_key(self, named: str) -> bool:
        """Tell which kind of key signs an answer to a request that names one (§2.5)."""
        if self._stage.public_key is PublicKey.BESIDE:
            return named == self.public_key_id
        return self._stage.public_key is PublicKey.ALONE

    def callback_share(self, now: datetime) -> float:
        """The share of callbacks that the public key signs, from 0 to 1."""
        return self._stage.callback_share(self._settings.callback_public_key_share, now)

    def public_key_pem(self) -> str:
        """Return the WeChat Pay public key (微信支付公钥)."""
        return self._ring.public_pem(PUBLIC_KEY_MODE)

    def sign(self, body: bytes, struck: Struck, *, with_public_key: bool) -> Mapping[str, str]:
        """Return the headers that sign a body, with the flaws a tester armed."""
        key = self._ring.key(PUBLIC_KEY_MODE if with_public_key else _name(self._stage.signing))
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
        sealed = AESGCM(self.merchant.api_v3_key.encode()).encrypt(
            nonce.encode(), plain, associated_data.encode()
        )
        return {
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": b64encode(sealed).decode(),
            "associated_data": associated_data,
            "nonce": nonce,
        }

    def open_sensitive(self, text: str, serial_no: str) -> str:
        """Decrypt a merchant's sensitive field with the key it names; `ValueError` if it can't."""
        key = self._named(serial_no)
        if key is None:
            raise ValueError("no usable key has this serial")
        try:
            return key.decrypt(b64decode(text, validate=True), SENSITIVE).decode()
        except binascii.Error as error:
            raise ValueError("not base64") from error

    def seal_sensitive(self, text: str) -> str:
        """Encrypt a sensitive field for the merchant (§2.7)."""
        return b64encode(
            self.merchant.key().public_key().encrypt(text.encode(), SENSITIVE)
        ).decode()

    def _named(self, serial_no: str) -> RSAPrivateKey | None:
        if serial_no == self.public_key_id:
            return self._ring.key(PUBLIC_KEY_MODE)
        for number in self._stage.certificates if self.usable_certificates() else ():
            if serial_of(self._certificate(number)) == serial_no.upper().zfill(40):
                return self._ring.key(_name(number))
        return None

    def _kept_stage(self) -> KeyStage:
        """What the ring remembers; else the settings say how far the switch has come."""
        begun = PublicKey.BESIDE if self._settings.public_key_mode else PublicKey.UNUSED
        kept = self._ring.known_text(STAGE)
        if kept is None:
            return KeyStage(public_key=begun)
        return msgspec.json.decode(kept, type=KeyStage)

    def _certificate(self, number: int) -> str:
        if number not in self._certificates:
            self._certificates[number] = self._ring.certificate(
                _name(number), common_name="Tenpay.com sign"
            )
        return self._certificates[number]


def _name(number: int) -> str:
    return PLATFORM if number == 1 else f"{PLATFORM}-{number}"


def _sign(key: RSAPrivateKey, message: bytes) -> str:
    return b64encode(key.sign(message, PKCS1v15(), SHA256())).decode()
