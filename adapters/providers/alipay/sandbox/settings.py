"""What the pretended Alipay does where the reference is unsure or leaves a choice."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from adapters.providers.alipay.sandbox.trade_status import TradeStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class AlipayRules:
    """Assumptions and switches; sections are those of the REFERENCE.md."""

    #: v2 documents no window, v3 says 10 minutes (§1.3, unverified).
    timestamp_window_seconds: int = 600
    #: How old a link may be when a payer opens it; none is documented (§1.3, unverified).
    link_window_seconds: int | None = None
    #: Requests without certificate numbers are refused, as of an app that changed over (§2.6).
    demands_certificates: bool = False
    #: A link for a number with another order leads to that one, not to an error (§3.4, unverified).
    links_to_the_original: bool = False
    #: An open order asked for again gets its code, not the documented error (§3.6, unverified).
    repeats_the_code: bool = True
    #: Unknown fields in biz_content "may be rejected" (§1.3).
    refuses_unknown_fields: bool = True
    #: From more fen than this on a payment code asks for the password, None: never (§3.8).
    password_above_fen: int | None = 1000_00
    #: A declined charge leaves a trade that waits, to be cancelled (§8.3, unverified).
    declined_leaves_trade: bool = False
    #: A charge repeated after it was paid is "in process", as observed, or refused (§3.8).
    repeated_charge_in_process: bool = False
    #: A charge that succeeds at once is told of by notify too (§6.2).
    notifies_charge: bool = True
    #: Either of two codes is documented for closing what is closed or paid (§4.4, unverified).
    not_closable: str = "ACQ.TRADE_STATUS_ERROR"
    #: Whether a cancel without a trade also kills the code that nobody scanned (§4.5, unverified).
    cancel_kills_code: bool = False
    #: Later than this, a paid trade is refunded, not cancelled (§4.5, unverified).
    cancel_window: timedelta = timedelta(hours=24)
    #: Twelve months in current contracts; afterwards the trade is finished (§4.2).
    refund_window: timedelta = timedelta(days=365)
    #: A refund asked about sooner than this is not found yet (§5.2).
    refund_shows_after: timedelta = timedelta(0)
    #: Statuses that cause a notify; partial refunds count as TRADE_SUCCESS (§6.2).
    notified: frozenset[TradeStatus] = frozenset({TradeStatus.TRADE_SUCCESS})
    #: The TRADE_CLOSED notify of a full refund (§5.4).
    notifies_full_refund: bool = True
    #: `SUCCESS` was seen to work, `success` is documented (§6.5, unverified).
    upper_case_ack_counts: bool = False
    #: From this hour of the next day on a day's bill is there, China time (§7.1).
    bill_hour: int = 9
    #: How a day without business is told: `bill_not_exist`, `no_bill_data` or `file` (§7.1).
    empty_bill: str = "bill_not_exist"
    #: Seconds of wall time that a link to a bill is good for (§7.1).
    bill_link_seconds: float = 30.0
    #: What a link answers that is over (§7.1, unverified).
    expired_link_status: int = 404
    #: The letters of a bill's texts (§7.2).
    bill_codec: str = "gbk"
    #: What Alipay keeps of a charge; half a fen is kept (§7.3, rounding unverified).
    fee_rate: Decimal = Decimal("0.006")
    #: A refund gives its share of the fee back; it depends on the product (§7.5, unverified).
    refund_returns_fee: bool = True
    #: What a cancel that gave money back is called in the bill (§7.3, unverified).
    cancel_word: str = "退款"
    #: And whether it has a number there, the order's own (§7.3, unverified).
    cancel_has_number: bool = True
    #: The summary's sums are charges minus refunds, or charges alone (§7.4, unverified).
    bill_sums_net: bool = True
    #: Expenses bear a minus in the bill of the balance (§7.5, unverified).
    expenses_are_negative: bool = True
    #: The merchant's balance before its first trade (§7.5).
    opening_balance_fen: int = 1_000_00
    #: What the merchant withdraws at 22:00 every day (§7.5).
    withdrawn_daily_fen: int = 0
