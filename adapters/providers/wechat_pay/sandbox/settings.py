"""What this simulated WeChat Pay is like, unverified assumptions of the reference included."""

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

#: Pauses after the first attempt (REFERENCE.md §6.7), in seconds.
RETRY_DELAYS_SECONDS = (
    15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AppIds:
    """The app ids bound to the merchant."""

    official_account: str = "wx1111111111111111"
    mini_program: str = "wx2222222222222222"
    app: str = "wx3333333333333333"

    def all(self) -> tuple[str, str, str]:
        """List every app id."""
        return self.official_account, self.mini_program, self.app

    def __contains__(self, appid: object) -> bool:
        return appid in self.all()


class OpenidRule(StrEnum):
    """Which openids answer OPENID_MISMATCH."""

    MARKED = "marked"  # those that this platform gave out for another of the app ids
    STRICT = "strict"  # all that it did not give out for this app id
    OFF = "off"


@dataclass(frozen=True, slots=True)
class WeChatPaySandboxSettings:
    """One merchant and the choices where the reference leaves more than one."""

    mchid: str = "1900000001"
    app_ids: AppIds = field(default_factory=AppIds)
    public_key_id: str = "PUB_KEY_ID_0119000000012026010100000000000001"

    #: §2.2: the tolerance of the real server is not published.
    clock_tolerance_seconds: int = 300
    #: §8.2: False spells codes as the 2020 documents did (ORDERNOTEXIST).
    new_spelling: bool = True
    #: §2.5: False: a public key id in a request header changes nothing yet.
    public_key_mode: bool = True
    #: §2.5: the share of callbacks signed with the public key during a switch, 0 to 1.
    callback_public_key_share: float = 0.0
    #: §2.4: shares of deliberately wrong signatures on answers and on callbacks, 0 to 1.
    answer_probe_share: float = 0.0
    callback_probe_share: float = 0.0
    #: §6.1: False leaves `associated_data` of callbacks empty.
    callback_associated_data: bool = True

    #: §1.6 wants https; merchants on this machine may listen on plain http.
    plain_http_notify_url: bool = True
    #: §3.1: an app id of another kind than the product's; the code is not documented.
    wrong_app_id_kind_code: str = "APPID_MCHID_NOT_MATCH"
    openid_rule: OpenidRule = OpenidRule.MARKED
    #: §3.9: domains whose pages may send payers to the H5 page, with all below; none: any may.
    h5_domains: tuple[str, ...] = ()

    #: §3.4: a repeated number with other content answers OUT_TRADE_NO_USED (403)
    #: or INVALID_REQUEST (400).
    changed_repeat_code: str = "OUT_TRADE_NO_USED"
    #: §3.4, §4.4: what a prepay or close of a paid order answers, and its unverified status.
    paid_code: str = "ORDERPAID"
    #: §4.4: closing a closed order answers 204 again, or ORDER_CLOSED.
    close_again_is_fine: bool = True
    #: §4.3: an unpaid order past its time shows CLOSED instead of NOTPAY.
    closes_at_expiry: bool = False
    #: §4.2: an unpaid order's answer carries `amount` too.
    unpaid_shows_amount: bool = False

    #: §3.10: charging a paid number again shows its payment instead of `paid_code`.
    charge_again_shows_payment: bool = False
    #: §3.10: what the payer's bank refuses with, and what such a charge shows afterwards.
    bank_refusal_code: str = "TRADE_ERROR"
    failed_charge_state: str = "PAYERROR"  # or NOTPAY; a payer who declines ends there too
    #: §3.10: how long the phone waits for the password, and what shows when none came.
    password_within_seconds: float = 45
    unanswered_charge_state: str = "NOTPAY"  # or PAYERROR
    #: §3.10: the earliest reverse, and what an earlier one answers.
    reverse_after_seconds: float = 15
    reverse_too_early_code: str = "INVALID_REQUEST"
    #: §4.5: what a reversed charge shows that took no money.
    reversed_unpaid_state: str = "REVOKED"  # or CLOSED

    #: §5.4; 0 switches it off. The code of the refusal is not documented.
    refund_spacing_seconds: float = 60
    refund_spacing_code: str = "FREQUENCY_LIMITED"
    refunds_per_order: int = 50
    #: How long a refund stays PROCESSING, in business time.
    refund_takes_seconds: float = 1
    #: §5.1: the merchant platform's own URL for refund callbacks; None: only the request's.
    refund_notify_url: str | None = None
    #: §6.4: without that URL, refunds made on the merchant's site tell the order's own.
    site_refund_tells_order: bool = True
    #: §5.5: refunds of older orders are limited to so many a minute; None: without limit.
    old_order_after_days: float = 30
    old_order_refunds_a_minute: int | None = 5000
    #: §7.3: from this hour of the next day on a day's bill is there, China time; what an
    #: application answers before: STATEMENT_CREATING or NO_STATEMENT_EXIST.
    bill_hour: int = 9
    unmade_bill_code: str = "STATEMENT_CREATING"
    #: §7.2: seconds of wall time that a download address is good for.
    bill_link_seconds: float = 300
    #: §7.5: what the platform keeps of a charge, half a fen upwards; a refund gives its share back.
    fee_rate: Decimal = Decimal("0.006")
    refund_returns_fee: bool = True
    #: §7.7: what a refund gives back of the fee is taken off its row, or has one of its own.
    fund_bill_is_net: bool = True
    #: §7.7: `收支金额（元）` instead of `收支金额(元)`.
    full_width_brackets: bool = False
    #: The merchant's balance before its first trade, and what it withdraws at 22:00 every day.
    opening_balance_fen: int = 1_000_00
    withdrawn_daily_fen: int = 0
    #: §2.7: what a sensitive field answers that no usable key opens.
    unreadable_field_code: str = "PARAM_ERROR"
