"""The payer's wallet behind a payment code: its last two digits say how the charge will go."""

import secrets
from collections.abc import Mapping
from enum import Enum


class Wallet(Enum):
    """What happens when a merchant charges the code."""

    PAYS = "00"  # also for any ending that is not named here
    ASKS_PASSWORD = "01"  # the payer must act on the phone first  # noqa: S105
    HAS_NO_BALANCE = "02"
    SHOWS_STALE_CODE = "03"
    IS_REFUSED = "04"  # by the payer's bank


#: What the 18 digits of each wallet begin with: WeChat 10 to 15, Alipay 25 to 30.
BEGINNINGS: Mapping[str, str] = {"wechat": "13", "alipay": "28"}


def wallet_of(auth_code: str) -> Wallet:
    """Tell what the wallet that shows this code will do."""
    try:
        return Wallet(auth_code[-2:])
    except ValueError:
        return Wallet.PAYS


def new_auth_code(provider: str, wallet: Wallet) -> str:
    """Show a fresh code; `KeyError` for a provider without a wallet."""
    return f"{BEGINNINGS[provider]}{secrets.randbelow(10**14):014d}{wallet.value}"
