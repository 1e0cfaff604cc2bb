"""What basepay asks of WeChat beside payments: the 公众号, mini programs, and what is shared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class WeChatCodeInvalid(Exception):
    """WeChat does not take the login code: used, expired, or another app id's."""

    def __init__(self, app_id: str) -> None:
        self.app_id = app_id
        super().__init__(
            f"WeChat does not take this code for {app_id}: it works once and for 5 minutes; "
            "start the login again."
        )


class WeChatPayerRefused(Exception):
    """Whoever logs in can't pay here, and repeating the login changes nothing."""


class WeChatMisconfigured(Exception):
    """WeChat refuses our set-up; `mend` tells operators what to do."""

    def __init__(self, app_id: str, mend: str, *, errcode: int) -> None:
        self.app_id, self.mend, self.errcode = app_id, mend, errcode
        super().__init__(f"WeChat refuses the set-up of {app_id} (errcode {errcode}): {mend}.")


class WeChatUnavailable(Exception):
    """WeChat does not answer, or wants us to wait."""

    def __init__(self, reason: str, *, retry_after_seconds: int = 5) -> None:
        self.retry_after_seconds = retry_after_seconds
        super().__init__(f"{reason}; ask again later.")


class AppKind(StrEnum):
    """Which of an account's app ids a payer logs in to."""

    OFFICIAL_ACCOUNT = "official_account"
    MINI_PROGRAM = "mini_program"


@dataclass(frozen=True, slots=True)
class Token:
    """Something that may be used until then."""

    value: str = field(repr=False)
    expires_at: datetime  # business time, the margin already taken off


@dataclass(frozen=True, slots=True)
class JsConfig:
    """The signed parameters of `wx.config` for one page."""

    app_id: str
    timestamp: int  # seconds
    nonce: str
    signature: str  # SHA-1, hex
    functions: Sequence[str]


class SharedTokens(Protocol):
    """Keeps tokens where every process finds them.

    Only comfort: one that does not answer is an empty one, and raises nothing.
    """

    async def get(self, key: str) -> Token | None:
        """What was put last, unless it has expired."""

    async def put(self, key: str, token: Token) -> None:
        """Keep it until it expires, in place of what was there."""


class PayerLogin(Protocol):
    """One app id at which payers log in."""

    @property
    def app_id(self) -> str:
        """The openids are this app id's."""

    async def openid(self, code: str) -> str:
        """Exchange a code, which works once.

        Raises WeChatCodeInvalid, WeChatPayerRefused, WeChatMisconfigured, WeChatUnavailable.
        """


class OfficialPages(Protocol):
    """What pages in WeChat's browser need of one 公众号."""

    def login_url(self, *, back_to: str, state: str) -> str:
        """Where a browser is sent for a code; it comes back with `code` and `state`."""

    async def js_config(self, url: str) -> JsConfig:
        """Sign exactly this URL. Raises WeChatMisconfigured, WeChatUnavailable."""


class Visitors(Protocol):
    """Knows the addresses from which Tencent's servers call us."""

    async def may_fetch(self, address: str) -> bool:
        """Whether it is one of them; True while nobody could tell us."""


@dataclass(frozen=True, slots=True)
class WeChatApps:
    """What one merchant account has at WeChat beside payments."""

    logins: Mapping[AppKind, PayerLogin]
    pages: OfficialPages | None = None
    domains: frozenset[str] = frozenset()  # hosts that are JS and OAuth domains
    back_url: str = ""  # where WeChat sends a browser back to us
