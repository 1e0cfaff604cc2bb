"""The key objects of one account, loaded once: ours to sign, Alipay's to verify."""

from dataclasses import dataclass
from typing import Self

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.signer import Signer, read_key, read_private_key, read_public_key


@dataclass(frozen=True, slots=True)
class Keys:
    """What an account signs with and believes."""

    signer: Signer
    believed: RSAPublicKey

    @classmethod
    def load(cls, config: AlipayConfig) -> Self:
        """Read the keys of the settings. Raises ValueError naming the setting."""
        return cls(
            signer=Signer(read_key("private_key", read_private_key, config.private_key)),
            believed=read_key("alipay_public_key", read_public_key, config.alipay_public_key),
        )
