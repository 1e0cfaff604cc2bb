"""API keys of apps and operators: made here, shown once, kept as hashes."""

import hashlib
import secrets
from datetime import datetime, timedelta

from application.ports import Directory
from application.records import Caller

#: Old keys live on this long after a rotation, so that nothing has to happen at once.
ROTATION = timedelta(days=1)


def new_key() -> str:
    """256 random bits; being random, they need no slow hash."""
    return f"bpk_{secrets.token_urlsafe(32)}"


def hash_of(key: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


async def add_key(directory: Directory, caller: Caller, at: datetime) -> str:
    """Give the caller one more key; it can't be shown again."""
    key = new_key()
    await directory.add_key(caller, hash_of(key), at)
    return key


async def rotate_key(directory: Directory, caller: Caller, at: datetime) -> str:
    """A fresh key; all others die after the rotation time."""
    key = await add_key(directory, caller, at)
    await directory.retire_keys(caller, keep=hash_of(key), after=at + ROTATION)
    return key
