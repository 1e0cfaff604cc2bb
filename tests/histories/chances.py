"""What histories are drawn from: surroundings, orders and troubles."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from adapters.providers.alipay.sandbox.trade_status import TradeStatus
from adapters.providers.alipay.sandbox.trades import BEFORE_THE_TRADE
from domain.method import Method
from tests.histories.basepay import CALLBACKS

#: A fault in the simulators' words, by the names of its fields.
Trouble = dict[str, Any]

WALLETS = ["00", "00", "01", "01", "02", "03", "04"]

#: Which states Alipay tells of, beside refunds.
NOTIFIED = [
    [TradeStatus.TRADE_SUCCESS],
    [TradeStatus.TRADE_SUCCESS, TradeStatus.TRADE_CLOSED],
    [each for each in TradeStatus if each not in BEFORE_THE_TRADE],
]

WORKERS = ["courier", "callbacks", "sweeper", "relay", "keys", "all"]

which = st.integers(0, 7)

#: Troubles of one exchange, by the simulators' words; `effect`: after the call was carried out.
TROUBLES: Sequence[Trouble] = [
    {"kind": "cut_before_effect"},
    {"kind": "cut_after_effect"},
    {"kind": "status", "status": 429, "seconds": 7},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 502, "effect": True},
    {"kind": "error"},
    {"kind": "error", "effect": True},
    {"kind": "bad_signature"},
    {"kind": "missing_signature"},
    {"kind": "unknown_serial"},
    {"kind": "signtest", "provider": "wechat"},
    {"kind": "stale_timestamp", "provider": "wechat"},
    {"kind": "error", "provider": "wechat", "code": "BANK_ERROR", "effect": True},
    {"kind": "error", "provider": "wechat", "code": "FREQUENCY_LIMITED"},
    {"kind": "error", "provider": "alipay", "code": "20000", "effect": True},
    {"kind": "error", "provider": "alipay", "code": "40005"},
    {"kind": "duplicate_root", "provider": "alipay"},
]
#: Carried out, and the answer is lost or can't be believed.
LOST: Sequence[Trouble] = [
    {"kind": "cut_after_effect"},
    {"kind": "status", "status": 502, "effect": True},
    {"kind": "error", "effect": True},
    {"kind": "bad_signature"},
    {"kind": "missing_signature"},
]
OPERATIONS = [None, "prepay", "charge", "query", "close", "reverse", "refund", "refund_query"]

#: Troubles that only make sense at one place.
SPECIAL: Sequence[Trouble] = [
    {"kind": "error", "provider": "wechat", "operation": "prepay", "code": "NO_AUTH"},
    {"kind": "error", "provider": "wechat", "operation": "charge", "code": "NO_AUTH"},
    {"kind": "error", "provider": "wechat", "operation": "refund", "code": "NO_AUTH"},
    {"kind": "error", "provider": "wechat", "operation": "refund", "code": "NOT_ENOUGH"},
    {"kind": "error", "provider": "alipay", "operation": "prepay", "code": "ACQ.ACCESS_FORBIDDEN"},
    {"kind": "error", "provider": "alipay", "operation": "charge", "code": "ACQ.ACCESS_FORBIDDEN"},
    {"kind": "error", "provider": "alipay", "operation": "refund",
     "code": "ACQ.SELLER_BALANCE_NOT_ENOUGH"},
    {"kind": "error", "provider": "alipay", "operation": "refund",
     "code": "ACQ.TRADE_NOT_ALLOW_REFUND"},
    {"kind": "retry_flag", "provider": "alipay", "operation": "reverse"},
    {"kind": "retry_flag", "provider": "alipay", "operation": "reverse", "effect": True},
    {"kind": "no_fund_change", "provider": "alipay", "operation": "refund"},
    {"kind": "no_fund_change", "provider": "alipay", "operation": "refund", "effect": True},
    {"kind": "refund_abnormal", "provider": "wechat"},
    {"kind": "refund_abnormal", "provider": "wechat"},
    {"kind": "refund_closed", "provider": "wechat"},
    {"kind": "status", "operation": "certificates", "status": 500},
]  # fmt: skip
ON_REFUNDS = [each for each in SPECIAL if "refund" in (each.get("operation"), each["kind"][:6])]
REFUSED = [each for each in SPECIAL if each["kind"] == "error"]
ON_CALLBACKS: Sequence[Trouble] = [
    {"kind": "callback_dropped"},
    {"kind": "callback_dropped", "times": 4},
    {"kind": "callback_late", "seconds": 600},
    {"kind": "callback_late", "seconds": 90_000},
    {"kind": "callback_twice"},
    {"kind": "callback_reordered"},
    {"kind": "callback_forged"},
    {"kind": "bad_signature", "operation": "callback"},
    {"kind": "missing_signature", "operation": "callback"},
    {"kind": "unknown_serial", "operation": "callback"},
]

#: "Not found" of what is there: the provider's parts don't all know yet. Not for long.
NOT_YET: Sequence[Trouble] = [
    {"kind": "error", "provider": "wechat", "operation": "query", "code": "ORDER_NOT_EXIST"},
    {"kind": "error", "provider": "alipay", "operation": "query", "code": "ACQ.TRADE_NOT_EXIST"},
    {"kind": "error", "provider": "wechat", "operation": "refund_query",
     "code": "RESOURCE_NOT_EXISTS"},
]  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """What one history takes place in."""

    wechat: dict[str, Any]
    alipay: dict[str, Any]
    sqlite: bool
    certificates: bool  # Alipay's account goes by certificates
    public_key: bool  # WeChat Pay's account knows the public key too
    slow: float
    seed: int


@dataclass(frozen=True)
class Wanted:
    """An order of an app."""

    app: str
    order: int
    amount: int
    method: Method
    wallet: str
    lives: int | None  # seconds
    patient: bool  # the app repeats until it has an answer
    twins: bool  # the same request twice at the same moment
    pays: bool  # and its payer pays at once


def orders() -> st.SearchStrategy[Wanted]:
    return st.builds(
        Wanted,
        app=st.sampled_from(["shop", "canteen"]),
        order=st.integers(1, 3),
        amount=st.sampled_from([8888, 5000, 150_000]),
        method=st.sampled_from([*Method, Method.WECHAT_CODE, Method.ALIPAY_CODE]),
        wallet=st.sampled_from(WALLETS),
        lives=st.sampled_from([None, None, 300, 7_200]),
        patient=st.booleans(),
        twins=st.booleans(),
        pays=st.booleans(),
    )


@st.composite
def settings(draw: st.DrawFn) -> Settings:
    flag = st.booleans()
    wechat: dict[str, Any] = {
        "new_spelling": draw(flag),
        "closes_at_expiry": draw(flag),
        "close_again_is_fine": draw(flag),
        "failed_charge_state": draw(st.sampled_from(["PAYERROR", "NOTPAY"])),
        "unanswered_charge_state": draw(st.sampled_from(["NOTPAY", "PAYERROR"])),
        "reversed_unpaid_state": draw(st.sampled_from(["REVOKED", "CLOSED"])),
        "charge_again_shows_payment": draw(flag),
        "changed_repeat_code": draw(st.sampled_from(["OUT_TRADE_NO_USED", "INVALID_REQUEST"])),
        "unpaid_shows_amount": draw(flag),
        "callback_associated_data": draw(flag),
        "answer_probe_share": draw(st.sampled_from([0.0, 0.0, 0.1])),
        "callback_probe_share": draw(st.sampled_from([0.0, 0.0, 0.1])),
        # Else nothing would tell of some refunds made on the site.
        "refund_notify_url": f"{CALLBACKS}/wechat/wechat-main",
    }
    alipay = {
        "repeats_the_code": draw(flag),
        "declined_leaves_trade": draw(flag),
        "repeated_charge_in_process": draw(flag),
        "notifies_charge": draw(flag),
        "cancel_kills_code": draw(flag),
        "links_to_the_original": draw(flag),
        "notified": frozenset(draw(st.sampled_from(NOTIFIED))),
        "refund_shows_after": timedelta(seconds=draw(st.sampled_from([0, 10]))),
    }
    return Settings(
        wechat,
        alipay,
        sqlite=draw(st.integers(0, 7)) == 7,
        certificates=draw(flag),
        public_key=draw(flag),
        slow=draw(st.sampled_from([0.0, 0.0, 0.02, 0.2])),
        seed=draw(st.integers(0, 2**16)),
    )


def in_turn(refusals: Sequence[Trouble]) -> st.SearchStrategy[list[Trouble | None]]:
    """Two to four calls: a lost answer, a refusal, any trouble, or none."""
    one = st.sampled_from(LOST) | st.sampled_from(refusals) | st.sampled_from(TROUBLES) | st.none()
    return st.lists(one, min_size=2, max_size=4)
