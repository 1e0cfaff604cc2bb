"""Addresses of apps' pages: read so strictly that every browser reads the same host in them."""

import re
from dataclasses import dataclass
from urllib.parse import unquote_plus, urlencode

#: No user info, no backslash, no white space: there readers disagree about where the host ends.
SHAPE = re.compile(
    r"(?P<scheme>https?)://(?P<host>[A-Za-z0-9.-]{1,253})(?::[0-9]{1,5})?(?:[/?#][^\s\\]*)?",
    re.ASCII,
)
VISIBLE = re.compile(r"[\x21-\x7e]{1,2048}")

#: A machine's own browser, in development.
LOOPBACK = ("localhost", "127.0.0.1")

EXPECTED = "an http or https URL of at most 2048 visible ASCII characters"


@dataclass(frozen=True, slots=True)
class PageUrl:
    """An absolute address and the host in it."""

    text: str
    host: str  # lower case
    private: bool  # nobody on the way can read it

    @property
    def without_fragment(self) -> str:
        """What a page calls `location.href.split('#')[0]`, and WeChat's JS signature covers."""
        return self.text.partition("#")[0]

    def naming(self, openid: str) -> str:
        """The address with this openid in its query, and no other."""
        rest, sign, fragment = self.text.partition("#")
        address, _, query = rest.partition("?")
        parts = [part for part in query.split("&") if part and not _names_openid(part)]
        return f"{address}?{'&'.join([*parts, urlencode({'openid': openid})])}{sign}{fragment}"


def page_url(text: str) -> PageUrl | None:
    """The address, or None for anything that is not plainly one."""
    found = SHAPE.fullmatch(text) if VISIBLE.fullmatch(text) else None
    if found is None:
        return None
    host = found["host"].lower()
    return PageUrl(text, host, private=found["scheme"] == "https" or host in LOOPBACK)


def _names_openid(part: str) -> bool:
    return unquote_plus(part.partition("=")[0]) == "openid"
