"""Which of Alipay's certificates are known, and which one's key signs. REFERENCE.md §2.6."""

from collections.abc import Callable, Mapping

import msgspec
from msgspec.structs import replace

from adapters.providers.sandbox.provider import PayerRefused


class KeyStage(msgspec.Struct, frozen=True):
    """Certificates are numbered from 0 in order of issue; all but the retired can be fetched."""

    keys: tuple[str, ...] = ("alipay",)  # the name of each certificate's key in the ring
    oldest: int = 0
    signing: int = 0

    @property
    def newest(self) -> int:
        """The certificate issued last; it signs unless it is only announced."""
        return len(self.keys) - 1

    @property
    def usable(self) -> range:
        """The certificates that are not retired, oldest first."""
        return range(self.oldest, self.newest + 1)


def reissue_certificate(stage: KeyStage) -> KeyStage:
    """Replace the certificate and keep the key: the usual case, every five years."""
    _only_if(stage.newest == stage.signing, "a new certificate is announced already")
    return replace(stage, keys=(*stage.keys, stage.keys[-1]), signing=len(stage.keys))


def announce_certificate(stage: KeyStage) -> KeyStage:
    """Issue a certificate for a new key; it can be fetched and signs nothing yet."""
    _only_if(stage.newest == stage.signing, "a new certificate is announced already")
    return replace(stage, keys=(*stage.keys, f"alipay-{len(stage.keys) + 1}"))


def sign_with_new_certificate(stage: KeyStage) -> KeyStage:
    """Sign with the announced one's key from now on."""
    _only_if(stage.newest > stage.signing, "no new certificate is announced")
    return replace(stage, signing=stage.newest)


def retire_old_certificate(stage: KeyStage) -> KeyStage:
    """Forget what signed before; it can't be fetched any more."""
    _only_if(stage.oldest < stage.signing, "there is no old certificate")
    return replace(stage, oldest=stage.signing)


#: What a tester may ask for, by name.
STEPS: Mapping[str, Callable[[KeyStage], KeyStage]] = {
    step.__name__: step
    for step in (
        reissue_certificate,
        announce_certificate,
        sign_with_new_certificate,
        retire_old_certificate,
    )
}


def _only_if(holds: bool, otherwise: str) -> None:
    if not holds:
        raise PayerRefused(otherwise)
