"""The app ids of one merchant account at which payers log in, checked before anything starts."""

import re
from dataclasses import dataclass, field

API = "https://api.weixin.qq.com"
AUTHORIZE = "https://open.weixin.qq.com/connect/oauth2/authorize"

#: As it stands on WeChat's page and in an address: no scheme, no path.
HOST = r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An app id and its AppSecret."""

    app_id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialAccountConfig:
    """What one merchant account uses of WeChat. Raises ValueError naming the key, no secret."""

    official_account: Credentials | None = None
    mini_program: Credentials | None = None
    domains: tuple[str, ...] = ()  # JS and OAuth domains: hosts
    back_url: str = ""  # where browsers come back from the login, on one of the domains
    base_url: str = API
    authorize_url: str = AUTHORIZE

    def __post_init__(self) -> None:
        for key in ("official_account", "mini_program"):
            if (credentials := getattr(self, key)) is not None:
                _expect(f"{key}.app_id", credentials.app_id, r"\w{1,32}", "1-32 letters or digits")
                if not re.fullmatch(r"[\x21-\x7e]{1,128}", credentials.secret):
                    raise ValueError(f"{key}.app_secret: expected 1-128 visible characters")
        for domain in self.domains:
            _expect("domains", domain, HOST, "hosts in lower case, without scheme, port or path")
        _expect("base_url", self.base_url, r"https?://[^/?#\s]+", "scheme and host, no path")
        _expect("authorize_url", self.authorize_url, r"https?://[^?#\s]+", "an address, no query")
        if self.back_url:
            _expect("back_url", self.back_url, r"https?://[^?#\s]+", "an address, no query")


def _expect(key: str, value: str, pattern: str, shape: str) -> None:
    if not re.fullmatch(pattern, value, re.ASCII):
        raise ValueError(f"{key}: expected {shape}, got {value!r}")
