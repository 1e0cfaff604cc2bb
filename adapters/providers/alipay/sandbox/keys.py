"""The keys and certificates on both sides of the line, by their names in the shared key ring."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from adapters.providers.alipay.sandbox import certificates
from adapters.providers.alipay.sandbox.key_stage import STEPS, KeyStage
from adapters.providers.alipay.sandbox.parties import Parties
from adapters.providers.sandbox.keys import KeyRing

APP, ALIPAY, STRANGER = "alipay-app", "alipay", "alipay-stranger"
ROOT, AUTHORITY = "alipay-root", "alipay-authority"
STAGE = "alipay-key-stage"


@dataclass(frozen=True, slots=True)
class AlipayKeys:
    """The app's key, Alipay's own, the authorities', and one of somebody who pretends to be Alipay.

    The ring keeps the stage of the keys as well, so a rotation outlives the process.
    """

    ring: KeyRing
    parties: Parties

    def __post_init__(self) -> None:
        self.ring.generate([APP, ALIPAY, ROOT, AUTHORITY, STRANGER])

    @property
    def app(self) -> RSAPrivateKey:
        return self.ring.key(APP)

    @property
    def alipay(self) -> RSAPrivateKey:
        """The key that signs now."""
        return self.ring.key(self._key_name(self.stage.signing))

    @property
    def stranger(self) -> RSAPrivateKey:
        return self.ring.key(STRANGER)

    @property
    def stage(self) -> KeyStage:
        first = msgspec.json.encode(KeyStage()).decode
        return msgspec.json.decode(self.ring.text(STAGE, first), type=KeyStage)

    def turn(self, step: str) -> None:
        """Go one step on; raises PayerRefused out of turn."""
        self.ring.rewrite(STAGE, msgspec.json.encode(STEPS[step](self.stage)).decode())

    @property
    def app_certificate(self) -> str:
        """The app's own: one certificate."""
        return self.ring.text(f"{APP}.leaf", lambda: self._issue(self.parties.app_id, APP))

    @property
    def root_certificates(self) -> str:
        """The root file."""
        return self.ring.text(f"{ROOT}.file", lambda: certificates.root_file(self.ring.key(ROOT)))

    @property
    def app_number(self) -> str:
        """What a request in certificate mode has as `app_cert_sn`."""
        return _number_of_first(self.app_certificate)

    @property
    def root_number(self) -> str:
        """What a request in certificate mode has as `alipay_root_cert_sn`."""
        return _number_of_roots(self.root_certificates)

    @property
    def alipay_number(self) -> str:
        """What an answer in certificate mode has as `alipay_cert_sn`."""
        return _number_of_first(self._chain(self.stage.signing))

    def chain_by_number(self, number: str) -> str | None:
        """A certificate file that is usable, by the number of its first."""
        chains = (self._chain(index) for index in self.stage.usable)
        return next((chain for chain in chains if _number_of_first(chain) == number), None)

    def credentials(self, gateway_url: str) -> Mapping[str, str]:
        """What a merchant needs to trade here, PEM text throughout.

        What is announced stands beside what signs, as on the page a merchant downloads both from.
        """
        stage = self.stage
        return {
            "gateway_url": gateway_url,
            "app_id": self.parties.app_id,
            "seller_id": self.parties.seller_id,
            "private_key": self.ring.private_pem(APP),
            "app_certificate": self.app_certificate,
            "alipay_public_key": self.ring.public_pem(self._key_name(stage.signing)),
            "alipay_certificate": self._chain(stage.signing),
            "alipay_root_certificate": self.root_certificates,
            **(self._announced(stage.newest) if stage.newest > stage.signing else {}),
        }

    def _announced(self, index: int) -> dict[str, str]:
        return {
            "next_alipay_public_key": self.ring.public_pem(self._key_name(index)),
            "next_alipay_certificate": self._chain(index),
        }

    def _key_name(self, index: int) -> str:
        return self.stage.keys[index]

    def _chain(self, index: int) -> str:
        """Leaf first, then the authority that issued it."""
        name = self._key_name(index)
        own = self.ring.text(f"{ALIPAY}.leaf-{index}", lambda: self._issue("Alipay", name))
        issuer = self.ring.text(
            f"{AUTHORITY}.chain",
            lambda: certificates.authority(self.ring.key(AUTHORITY), self.ring.key(ROOT)),
        )
        return own + issuer

    def _issue(self, common_name: str, key: str) -> str:
        return certificates.leaf(common_name, self.ring.key(key), self.ring.key(AUTHORITY))


@cache
def _number_of_roots(file: str) -> str:
    return certificates.number_of_roots(x509.load_pem_x509_certificates(file.encode()))


@cache
def _number_of_first(chain: str) -> str:
    return certificates.number_of(x509.load_pem_x509_certificate(chain.encode()))
