"""A hostile post, and what posts of both providers have in common."""

from dataclasses import dataclass
from random import Random

from tests.hostile.hands import Letter

#: The accounts of the stack; both of a provider believe the same keys, the worst case.
MAIN = {"wechat": "wechat-main", "alipay": "alipay-main"}
OTHER = {"wechat": "wechat-other", "alipay": "alipay-other"}

#: Deeper than any parser should follow.
DEEP = b'{"id":' + b"[" * 60_000 + b"]" * 60_000 + b"}"

#: Just below what the gateway reads, which is 1 MiB.
LONG = b"9" * 1_000_000


@dataclass(frozen=True)
class Post:
    """What is sent, and how."""

    path: str
    letter: Letter
    chunked: bool = False
    method: str = "POST"


def flipped(rng: Random, content: bytes, *, bit: int | None = None) -> bytes:
    """Turn one bit over; in a form only bit 0 always means something else."""
    changed = bytearray(content)
    changed[rng.randrange(len(changed))] ^= 1 << (rng.randrange(7) if bit is None else bit)
    return bytes(changed)
