"""What this simulated 公众号 platform is like, unverified assumptions included."""

from dataclasses import dataclass


@dataclass(slots=True)
class OfficialAccountSettings:
    """Choices where the reference leaves more than one; testers may turn them while it runs."""

    #: §9.5: who logs in unless a tester names somebody else: the person who holds the phone.
    payer: str = "phone"
    #: §9.5: the page runs in snapshot mode, whose user is no real payer.
    snapshot: bool = False
    #: §9.7: persons whom code2session blocks (40226).
    blocked: frozenset[str] = frozenset()
    #: §9.5: hosts that may be returned to; None: any. Another one shows error 10003.
    oauth_domains: frozenset[str] | None = None

    #: §9.1: False: the caller's address is in nobody's IP whitelist (40164).
    caller_listed: bool = True
    #: The address that 40164 names.
    caller_address: str = "203.0.113.9"
    #: §9.8: 40243.
    secret_frozen: bool = False

    #: §9.3.
    token_lasts_seconds: int = 7200
    #: §9.3: how long a renewed token's predecessor lives on, and how early it is renewed.
    overlap_seconds: int = 300
    #: §9.3: calls by force.
    forced_per_day: int = 20
    forced_spacing_seconds: int = 30
    #: The number that a call by force gets within the spacing is not documented (unverified).
    forced_too_soon: int = 45011
    #: §9.3: /cgi-bin/token and stable_token.
    tokens_per_day: int = 2_000
    stable_tokens_per_minute: int = 10_000
    stable_tokens_per_day: int = 500_000

    #: §9.5, §9.7.
    code_lives_seconds: int = 300
    #: §9.2: False says application/json.
    says_text_plain: bool = True

    #: §9.4.
    callback_addresses: tuple[str, ...] = ("203.0.113.0/24", "198.51.100.7")
    api_addresses: tuple[str, ...] = ("127.0.0.1", "203.0.113.1")
