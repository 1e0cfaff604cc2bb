"""Who a payer is to one app id; another app id's word for the same person is refused."""

import hashlib

#: An openid has 28 characters: an `o`, a mark of its app id, the rest for the person.
MARK_LENGTH, PERSON_LENGTH = 6, 21


def openid_of(appid: str, person: str) -> str:
    """Name a person for an app id, always by the same name."""
    digest = hashlib.sha256(f"{appid}/{person}".encode()).hexdigest()
    return f"o{mark_of(appid)}{digest[:PERSON_LENGTH]}"


def mark_of(appid: str) -> str:
    """What every openid of an app id begins with, after its `o`."""
    return hashlib.sha256(appid.encode()).hexdigest()[:MARK_LENGTH].upper()


def belongs(openid: str, appid: str) -> bool:
    """Tell whether an openid carries the mark of an app id."""
    return openid.startswith(f"o{mark_of(appid)}")
