"""The key objects of one account, loaded once: ours to sign, Alipay's to verify."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.signer import Signer, read_private_key, read_public_key

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Keys:
    """What an account signs with and believes."""

    signer: Signer
    believed: RSAPublicKey

    @classmethod
    def load(cls, config: AlipayConfig) -> Self:
        """Read the keys of the settings. Raises ValueError naming the setting."""
        return cls(
            signer=Signer(_read("private_key", read_private_key, config.private_key)),
            believed=_read("alipay_public_key", read_public_key, config.alipay_public_key),
        )


def _read(setting: str, reader: Callable[[str], T], text: str) -> T:
    try:
        return reader(text)
    except ValueError as error:
        raise ValueError(f"{setting}: {error}") from None
