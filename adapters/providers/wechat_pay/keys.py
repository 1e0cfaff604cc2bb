"""The key objects of one account: ours to sign and open, WeChat Pay's to verify."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

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
class Certificate:
    """A platform certificate: its key, and when that may be believed."""

    serial: str
    key: RSAPublicKey
    valid_from: datetime
    expires_at: datetime


class Known(Protocol):
    """Keys that can be asked for by name."""

    def named(self, serial: str) -> RSAPublicKey | None:
        """The key that a `Wechatpay-Serial` header names."""


@dataclass(frozen=True, slots=True)
class Belief:
    """Everything that may have signed for WeChat Pay: public keys by id, certificates by serial."""

    public: Mapping[str, RSAPublicKey]
    certificates: Mapping[str, Certificate]

    def named(self, serial: str) -> RSAPublicKey | None:
        """Find the key in any spelling of its certificate's serial."""
        if serial.startswith(PUBLIC_KEY_PREFIX):
            return self.public.get(serial)
        certificate = self.certificates.get(normal_serial(serial))
        return certificate.key if certificate else None

    def with_more(self, certificates: Iterable[Certificate]) -> "Belief":
        """Return the same and these."""
        more = {each.serial: each for each in certificates}
        return Belief(self.public, {**self.certificates, **more})

    def at(self, now: datetime) -> "Belief":
        """Return the same without what has expired."""
        living = {k: each for k, each in self.certificates.items() if now < each.expires_at}
        return Belief(self.public, living)

    def preferred(self, now: datetime | None = None) -> str:
        """The name to ask WeChat Pay to sign with: a public key, else the newest certificate."""
        if self.public:
            return next(iter(self.public))
        valid = [c for c in self.certificates.values() if now is None or c.valid_from <= now]
        return max(valid, key=lambda each: each.valid_from).serial if valid else ""


class Keys:
    """What an account signs with, opens callbacks with, and believes at present."""

    def __init__(self, signer: Signer, seals: tuple[AESGCM, ...], belief: Belief) -> None:
        self.signer = signer
        self.seals = seals  # the present APIv3 key, then the one before
        self.belief = belief
        self.preferred = belief.preferred()
        self.missed = False  # a certificate was named that we do not have

    @classmethod
    def load(cls, config: WeChatPayConfig) -> Self:
        """Read every key of the settings. Raises ValueError naming the setting."""
        public = {
            key_id: read_key("public_keys", read_public_key, text)
            for key_id, text in config.public_keys.items()
        }
        certificates = [
            read_key("platform_certificates", read_certificate, text)
            for text in config.platform_certificates
        ]
        secrets = filter(None, (config.api_v3_key, config.previous_api_v3_key))
        return cls(
            signer=Signer(read_key("private_key", read_private_key, config.private_key)),
            seals=tuple(AESGCM(secret.encode()) for secret in secrets),
            belief=Belief(public, {}).with_more(certificates),
        )

    def named(self, serial: str) -> RSAPublicKey | None:
        """Find a key; a certificate that is missing is remembered, so that it is fetched soon."""
        key = self.belief.named(serial)
        if key is None and not serial.startswith(PUBLIC_KEY_PREFIX):
            self.missed = True
        return key

    def believe(self, belief: Belief, *, now: datetime) -> None:
        """Go by this from now on, without what has expired."""
        self.belief = belief.at(now)
        self.preferred = self.belief.preferred(now)


def normal_serial(serial: str) -> str:
    """One spelling per certificate: 40 upper-case digits. Key ids stay as they are.

    WeChat Pay keeps the leading zeros, naive formatting loses them. Source: MAPPING.md §2.
    """
    return serial if serial.startswith(PUBLIC_KEY_PREFIX) else serial.upper().zfill(40)


def read_certificate(text: str) -> Certificate:
    """Load a platform certificate from PEM. Raises ValueError."""
    try:
        certificate = x509.load_pem_x509_certificate(text.encode())
    except ValueError:
        raise ValueError("expected a certificate in PEM") from None
    key = certificate.public_key()
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_KEY_BITS:
        raise ValueError(f"expected a certificate with an RSA key of at least {MIN_KEY_BITS} bits")
    return Certificate(
        serial=normal_serial(f"{certificate.serial_number:X}"),
        key=key,
        valid_from=certificate.not_valid_before_utc,
        expires_at=certificate.not_valid_after_utc,
    )
