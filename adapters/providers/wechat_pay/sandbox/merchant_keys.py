"""What the merchant holds, as the platform knows it: API certificates and the APIv3 key (§2.1)."""

import secrets
from collections.abc import Callable, Mapping
from functools import cache

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from msgspec.structs import replace

from adapters.providers.sandbox.keys import KeyRing
from adapters.providers.sandbox.provider import PayerRefused

MERCHANT = "wechat-merchant"
STAGE = "wechat-merchant-key-stage"


class Stage(msgspec.Struct, frozen=True):
    """Everything is numbered from 1; certificates from `oldest` to `newest` are valid."""

    oldest: int = 1
    newest: int = 1
    api_v3_key: int = 1


def issue_certificate(stage: Stage) -> Stage:
    """Issue a second certificate; the first stays valid until it is revoked (unverified)."""
    _only_if(stage.newest == stage.oldest, "a second certificate is issued already")
    return replace(stage, newest=stage.newest + 1)


def revoke_old_certificate(stage: Stage) -> Stage:
    """Take what the second one signs alone."""
    _only_if(stage.newest > stage.oldest, "there is only one certificate")
    return replace(stage, oldest=stage.newest)


def change_api_v3_key(stage: Stage) -> Stage:
    """Seal everything with the merchant's next key from now on."""
    return replace(stage, api_v3_key=stage.api_v3_key + 1)


STEPS: Mapping[str, Callable[[Stage], Stage]] = {
    step.__name__: step for step in (issue_certificate, revoke_old_certificate, change_api_v3_key)
}


class MerchantKeys:
    """Both halves of the merchant's keys; the ring keeps how far a change has come."""

    def __init__(self, ring: KeyRing, mchid: str) -> None:
        self._ring, self._mchid = ring, mchid
        kept = ring.known_text(STAGE)
        self._stage = msgspec.json.decode(kept, type=Stage) if kept else Stage()

    @property
    def api_v3_key(self) -> str:
        """What callbacks and certificates are sealed with."""
        return self._api_v3_key(self._stage.api_v3_key)

    def key(self) -> RSAPrivateKey:
        """Return the key of the certificate in use; the platform uses its public half only."""
        return self._ring.key(_name(self._stage.oldest))

    def valid(self) -> Mapping[str, RSAPublicKey]:
        """Return by serial what calls may be signed with."""
        numbers = range(self._stage.oldest, self._stage.newest + 1)
        return {
            serial_of(self._certificate(number)): self._ring.key(_name(number)).public_key()
            for number in numbers
        }

    def turn(self, step: str) -> None:
        """Do one step of `STEPS`; `PayerRefused` out of turn."""
        self._stage = STEPS[step](self._stage)
        self._ring.rewrite(STAGE, msgspec.json.encode(self._stage).decode())

    def credentials(self) -> Mapping[str, str]:
        """What the merchant signs and opens with, and what it will, once that is there."""
        stage = self._stage
        following = {"next_api_v3_key": self._api_v3_key(stage.api_v3_key + 1)}
        if stage.newest > stage.oldest:
            following |= {f"next_{k}": v for k, v in self._signing(stage.newest).items()}
        return {**self._signing(stage.oldest), "api_v3_key": self.api_v3_key, **following}

    def _signing(self, number: int) -> Mapping[str, str]:
        certificate = self._certificate(number)
        return {
            "serial_no": serial_of(certificate),
            "private_key": self._ring.private_pem(_name(number)),
            "certificate": certificate,
        }

    def _certificate(self, number: int) -> str:
        return self._ring.certificate(_name(number), common_name=self._mchid)

    def _api_v3_key(self, number: int) -> str:
        name = "wechat-api-v3-key" if number == 1 else f"wechat-api-v3-key-{number}"
        return self._ring.text(name, lambda: secrets.token_hex(16))


@cache
def serial_of(certificate: str) -> str:
    """Write a serial as the platform does: 40 characters, leading zeros kept (gotcha 10)."""
    return f"{x509.load_pem_x509_certificate(certificate.encode()).serial_number:040X}"


def _name(number: int) -> str:
    return MERCHANT if number == 1 else f"{MERCHANT}-{number}"


def _only_if(holds: bool, otherwise: str) -> None:
    if not holds:
        raise PayerRefused(otherwise)
