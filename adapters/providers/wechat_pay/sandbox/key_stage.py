"""Which of the platform's keys are usable, and which of them signs (§2.5, §2.6)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec.structs import replace

from adapters.providers.sandbox.provider import PayerRefused

#: §2.5: from the seventh day of a switch the public key signs every callback.
SWITCH_TAKES = timedelta(days=7)


class PublicKey(StrEnum):
    """How far this merchant has come from certificates to the public key."""

    UNUSED = "unused"  # naming it changes nothing
    BESIDE = "beside"  # answers are signed by the kind of key the request names
    ALONE = "alone"  # no certificate is left


class KeyStage(msgspec.Struct, frozen=True):
    """Certificates are numbered from 1; all from `oldest` to `newest` are usable."""

    oldest: int = 1
    signing: int = 1
    newest: int = 1
    public_key: PublicKey = PublicKey.UNUSED
    switched_at: datetime | None = None

    @property
    def certificates(self) -> range:
        """The usable certificates, oldest first."""
        return range(self.oldest, self.newest + 1)

    def callback_share(self, usual: float, now: datetime) -> float:
        """The share of callbacks that the public key signs, from 0 to 1."""
        if self.public_key is PublicKey.ALONE:
            return 1.0
        if self.switched_at is None:
            return usual
        return max(usual, min(1.0, (now - self.switched_at) / SWITCH_TAKES))


def announce_certificate(stage: KeyStage, _: datetime) -> KeyStage:
    """List a new certificate beside the one in use."""
    _only_if(stage.newest == stage.signing, "a new certificate is announced already")
    _only_if(stage.public_key is not PublicKey.ALONE, "certificates are no longer in use")
    return replace(stage, newest=stage.newest + 1)


def sign_with_new_certificate(stage: KeyStage, _: datetime) -> KeyStage:
    """Sign with the announced certificate from now on."""
    _only_if(stage.newest > stage.signing, "no new certificate is announced")
    return replace(stage, signing=stage.newest)


def retire_old_certificate(stage: KeyStage, _: datetime) -> KeyStage:
    """List the certificate in use alone."""
    _only_if(stage.oldest < stage.signing, "no old certificate is left")
    return replace(stage, oldest=stage.signing)


def start_public_key(stage: KeyStage, now: datetime) -> KeyStage:
    """Begin the switch: a growing share of callbacks, and answers by the kind that is asked for."""
    _only_if(stage.public_key is not PublicKey.ALONE, "the switch is over")
    _only_if(stage.switched_at is None, "the switch is under way")
    return replace(stage, public_key=PublicKey.BESIDE, switched_at=now)


def finish_public_key(stage: KeyStage, _: datetime) -> KeyStage:
    """End the switch: the public key signs everything."""
    _only_if(stage.public_key is PublicKey.BESIDE, "no switch is under way")
    return replace(stage, public_key=PublicKey.ALONE)


STEPS: Mapping[str, Callable[[KeyStage, datetime], KeyStage]] = {
    step.__name__: step
    for step in (
        announce_certificate,
        sign_with_new_certificate,
        retire_old_certificate,
        start_public_key,
        finish_public_key,
    )
}


def _only_if(holds: bool, otherwise: str) -> None:
    if not holds:
        raise PayerRefused(otherwise)
