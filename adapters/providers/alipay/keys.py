"""Whom one account is and whom it believes: its own key, and Alipay's, which can change."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509 import Certificate

from adapters.providers.alipay.certificates import (
    public_key_of,
    read_certificates,
    serial_of,
    serials_of_roots,
    vouched_for,
)
from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.signer import (
    Signer,
    read_key,
    read_private_key,
    read_public_key,
    verifies,
)


@dataclass(slots=True, kw_only=True)
class Keys:
    """What an account signs with and believes. Certificates are added while it runs."""

    signer: Signer
    believed: list[RSAPublicKey]
    serials: Mapping[str, str] = field(default_factory=dict)  # common parameters of a request
    known: set[str] = field(default_factory=set)  # numbers of the certificates believed
    between: Sequence[Certificate] = ()
    roots: Sequence[Certificate] = ()
    doubt: asyncio.Event = field(default_factory=asyncio.Event)  # something came that no key fits

    @classmethod
    def load(cls, config: AlipayConfig) -> Self:
        """Read the keys of the settings. Raises ValueError naming the setting."""
        private_key = read_key("private_key", read_private_key, config.private_key)
        keys = cls(signer=Signer(private_key), believed=list(_public_keys(config)))
        if config.has_certificates:
            app, _ = _read(config, "app_certificate")
            if public_key_of(app).public_numbers() != private_key.public_key().public_numbers():
                raise ValueError("app_certificate: expected the certificate of `private_key`")
            keys.roots = read_key(
                "alipay_root_certificate", read_certificates, config.alipay_root_certificate
            )
            keys.serials = {
                "app_cert_sn": serial_of(app),
                "alipay_root_cert_sn": serials_of_roots(keys.roots),
            }
            for name in ("previous_alipay_certificate", "alipay_certificate"):
                if getattr(config, name):
                    leaf, between = _read(config, name)
                    keys.between = [*keys.between, *between]
                    keys.believe(leaf)
        return keys

    @property
    def has_certificates(self) -> bool:
        """Who signed an answer is named by the number of a certificate."""
        return bool(self.serials)

    def genuine(self, sign: str, content: bytes) -> bool:
        """Whether Alipay signed this. A renewed certificate usually keeps the key."""
        fits = any(verifies(key, sign, content) for key in self.believed)
        if not fits:
            self.doubt.set()
        return fits

    def believe(self, leaf: Certificate) -> None:
        """Accept what this certificate's owner signs, from now on and beside the others."""
        key = public_key_of(leaf)
        if key.public_numbers() not in [each.public_numbers() for each in self.believed]:
            self.believed.insert(0, key)  # the newest signs most of what comes
        self.known.add(serial_of(leaf))

    def believe_if_vouched(self, text: str, certificate_sn: str, *, at: datetime) -> None:
        """Accept the certificate of that number if our roots vouch for it. Raises ValueError."""
        leaf, *rest = read_certificates(text)
        if serial_of(leaf) != certificate_sn:
            raise ValueError("this is another certificate than the one asked for")
        if not vouched_for(leaf, [*rest, *self.between], self.roots, at=at):
            raise ValueError("no root certificate vouches for it now")
        self.believe(leaf)


def _public_keys(config: AlipayConfig) -> Iterable[RSAPublicKey]:
    for name in ("alipay_public_key", "previous_alipay_public_key"):
        if text := getattr(config, name):
            yield read_key(name, read_public_key, text)


def _read(config: AlipayConfig, name: str) -> tuple[Certificate, Sequence[Certificate]]:
    return read_key(name, _leaf_and_rest, getattr(config, name))


def _leaf_and_rest(text: str) -> tuple[Certificate, Sequence[Certificate]]:
    leaf, *rest = read_certificates(text)
    public_key_of(leaf)
    return leaf, rest
