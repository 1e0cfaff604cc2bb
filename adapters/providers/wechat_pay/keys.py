"""The key objects of one account, loaded once: ours to sign and open, WeChat Pay's to verify."""

from dataclasses import dataclass
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.providers.signer import (
    MIN_KEY_BITS,
    Signer,
    read_key,
    read_private_key,
    read_public_key,
)
from adapters.providers.wechat_pay.config import PUBLIC_KEY_PREFIX, WeChatPayConfig


@dataclass(frozen=True, slots=True)
class Keys:
    """What an account signs with, opens callbacks with, and believes."""

    signer: Signer
    seal: AESGCM
    believed: dict[str, RSAPublicKey]  # certificates by serial, public keys by id
    preferred: str  # the serial or id WeChat Pay is asked to sign its answers with

    @classmethod
    def load(cls, config: WeChatPayConfig) -> Self:
        """Read every key of the settings. Raises ValueError naming the setting."""
        public = {
            key_id: read_key("public_keys", read_public_key, text)
            for key_id, text in config.public_keys.items()
        }
        certificates = dict(
            read_key("platform_certificates", _read_certificate, text)
            for text in config.platform_certificates
        )
        return cls(
            signer=Signer(read_key("private_key", read_private_key, config.private_key)),
            seal=AESGCM(config.api_v3_key.encode()),
            believed=public | certificates,
            preferred=next(iter(public | certificates)),
        )

    def named(self, serial: str) -> RSAPublicKey | None:
        """The key that a `Wechatpay-Serial` header names."""
        return self.believed.get(normal_serial(serial))


def normal_serial(serial: str) -> str:
    """One spelling per certificate: 40 upper-case digits. Key ids stay as they are.

    WeChat Pay keeps the leading zeros, naive formatting loses them. Source: MAPPING.md §2.
    """
    return serial if serial.startswith(PUBLIC_KEY_PREFIX) else serial.upper().zfill(40)


def _read_certificate(text: str) -> tuple[str, RSAPublicKey]:
    try:
        certificate = x509.load_pem_x509_certificate(text.encode())
    except ValueError:
        raise ValueError("expected a certificate in PEM") from None
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError(f"expected a certificate with an RSA key of at least {MIN_KEY_BITS} bits")
    return normal_serial(f"{certificate.serial_number:X}"), key
