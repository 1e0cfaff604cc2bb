"""The keys on both sides of the line, by their names in the shared key ring."""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from adapters.providers.alipay.sandbox.parties import Parties
from adapters.providers.sandbox.keys import KeyRing

APP, ALIPAY, ROOT, STRANGER = "alipay-app", "alipay", "alipay-root", "alipay-stranger"


@dataclass(frozen=True, slots=True)
class AlipayKeys:
    """The app's key, Alipay's own, and the one of somebody who pretends to be Alipay."""

    ring: KeyRing

    def __post_init__(self) -> None:
        self.ring.generate([APP, ALIPAY, ROOT, STRANGER])

    @property
    def app(self) -> RSAPrivateKey:
        return self.ring.key(APP)

    @property
    def alipay(self) -> RSAPrivateKey:
        return self.ring.key(ALIPAY)

    @property
    def stranger(self) -> RSAPrivateKey:
        return self.ring.key(STRANGER)

    def credentials(self, gateway_url: str, parties: Parties) -> Mapping[str, str]:
        """What a merchant needs to trade here, PEM text throughout."""
        root = self.ring.certificate(ROOT, common_name=ROOT)
        return {
            "gateway_url": gateway_url,
            "app_id": parties.app_id,
            "seller_id": parties.seller_id,
            "private_key": self.ring.private_pem(APP),
            "app_certificate": self.ring.certificate(APP, common_name=parties.app_id, issuer=ROOT),
            "alipay_public_key": self.ring.public_pem(ALIPAY),
            "alipay_certificate": self.ring.certificate(ALIPAY, common_name="alipay", issuer=ROOT),
            "alipay_root_certificate": root,
        }
