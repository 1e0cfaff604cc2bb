"""What each of Alipay's codes means to us: not its text, but what to do next."""

from enum import Enum, auto

from adapters.providers.alipay.wire import Head
from domain.outcome import Failure


class Next(Enum):
    """What follows from a code. Codes that are not in the tables say nothing: UNKNOWN."""

    DONE = auto()  # processed; the node's fields tell what
    REFUSED = auto()  # definitely not done, asking again in the same words is pointless
    REFUSED_FOR_NOW = auto()  # definitely not done, a later attempt may do
    TAKE_BACK = auto()  # not paid, but a trade may be left waiting; a later attempt may do
    LATER = auto()  # definitely not done; the same request under the same number, later
    ASK = auto()  # the order or refund may stand in another way: query before concluding
    ABSENT = auto()  # Alipay does not know the number (yet)
    UNKNOWN = auto()  # may or may not have been done


#: The gateway's own `code`; 40004 is decided by `sub_code`. Source: MAPPING.md §8.
GATEWAY_ANSWERS: dict[str, Next] = {
    "10000": Next.DONE,
    "10003": Next.ASK,
    "20000": Next.UNKNOWN,
    "20001": Next.REFUSED_FOR_NOW,
    "40001": Next.REFUSED_FOR_NOW,  # our settings or keys: nothing was executed
    "40002": Next.REFUSED_FOR_NOW,
    "40003": Next.REFUSED_FOR_NOW,
    "40006": Next.REFUSED_FOR_NOW,
}

#: Everything about orders, charges included. Source: MAPPING.md §8.
ORDER_ANSWERS: dict[str, Next] = {
    "SYSTEM_ERROR": Next.UNKNOWN,
    "TRADE_NOT_EXIST": Next.ABSENT,
    "TRADE_HAS_SUCCESS": Next.ASK,
    "TRADE_HAS_CLOSE": Next.ASK,
    "TRADE_STATUS_ERROR": Next.ASK,
    "REASON_TRADE_STATUS_INVALID": Next.ASK,
    "REASON_ILLEGAL_STATUS": Next.ASK,
    "CONTEXT_INCONSISTENT": Next.ASK,
    "APPLY_PC_MERCHANT_CODE_ERROR": Next.ASK,
    "NOW_TIME_AFTER_EXPIRE_TIME_ERROR": Next.ASK,
    "PAYMENT_FAIL": Next.ASK,
    "INVALID_PARAMETER": Next.REFUSED,
    "ACCESS_FORBIDDEN": Next.REFUSED,
    "PARTNER_ERROR": Next.REFUSED,
    "EXIST_FORBIDDEN_WORD": Next.REFUSED,
    "TOTAL_FEE_EXCEED": Next.REFUSED,
    "BUYER_SELLER_EQUAL": Next.REFUSED,
    "BEYOND_PAY_RESTRICTION": Next.REFUSED_FOR_NOW,
    "BEYOND_PER_RECEIPT_RESTRICTION": Next.REFUSED_FOR_NOW,
    "BEYOND_PER_RECEIPT_DAY_RESTRICTION": Next.REFUSED_FOR_NOW,
    "BEYOND_PER_RECEIPT_SINGLE_RESTRICTION": Next.REFUSED,
    "BEYOND_PER_RECEIPT_MONTH_RESTRICTION": Next.REFUSED_FOR_NOW,
    "MERCHANT_PERM_RECEIPT_DAY_LIMIT": Next.REFUSED_FOR_NOW,
    "MERCHANT_PERM_RECEIPT_MONTH_LIMIT": Next.REFUSED_FOR_NOW,
    "MERCHANT_PERM_RECEIPT_SINGLE_LIMIT": Next.REFUSED,
    "SELLER_BEEN_BLOCKED": Next.REFUSED,
    "SELLER_NOT_EXIST": Next.REFUSED,
    "MERCHANT_STATUS_NOT_NORMAL": Next.REFUSED,
    "INVALID_RECEIVE_ACCOUNT": Next.REFUSED,
    "PAYMENT_REQUEST_HAS_RISK": Next.REFUSED,
    "RISK_MERCHANT_IP_NOT_EXIST": Next.REFUSED,
    "INVALID_STORE_ID": Next.REFUSED,
    "SUB_GOODS_SIZE_MAX_COUNT": Next.REFUSED,
    "UNBOUND_APPLICATION": Next.REFUSED,
    "PRODUCT_NOT_SUPPORT_IN_TINY_APP": Next.REFUSED,
    "OPEN_ID_NOT_TINY_APP": Next.REFUSED,
    "TRADE_BUYER_NOT_MATCH": Next.REFUSED,
    "BUYER_NOT_EXIST": Next.REFUSED,
    "PAYER_UNMATCHED": Next.REFUSED,
    "BUYER_ENABLE_STATUS_FORBID": Next.REFUSED,
    "ERROR_BUYER_CERTIFY_LEVEL_LIMIT": Next.REFUSED,
    "NOT_CERTIFIED_USER": Next.REFUSED,
    "BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR": Next.REFUSED,
    "BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR": Next.REFUSED,
    "PAYMENT_AUTH_CODE_INVALID": Next.REFUSED_FOR_NOW,  # the payer shows a new one
    "PULL_MOBILE_CASHIER_FAIL": Next.TAKE_BACK,
    "MOBILE_PAYMENT_SWITCH_OFF": Next.TAKE_BACK,
    "USER_FACE_PAYMENT_SWITCH_OFF": Next.TAKE_BACK,
    "BUYER_BALANCE_NOT_ENOUGH": Next.TAKE_BACK,
    "BUYER_BANKCARD_BALANCE_NOT_ENOUGH": Next.TAKE_BACK,
    "ERROR_BALANCE_PAYMENT_DISABLE": Next.TAKE_BACK,
    "NO_PAYMENT_INSTRUMENTS_AVAILABLE": Next.TAKE_BACK,
}

#: After these a cancel has certainly not been done and will not come true. Source: MAPPING.md §8.
CANCEL_REFUSALS = frozenset(
    """
    INVALID_PARAMETER TRADE_NOT_EXIST TRADE_STATUS_ERROR TRADE_HAS_CLOSE TRADE_HAS_FINISHED
    REASON_TRADE_STATUS_INVALID REASON_ILLEGAL_STATUS REASON_TRADE_BEEN_FREEZEN
    REASON_TRADE_REFUND_FEE_ERR SELLER_BALANCE_NOT_ENOUGH TRADE_CANCEL_TIME_OUT CANCEL_NOT_ALLOWED
    """.split()
)

#: Refund and refund query. Source: MAPPING.md §8.
REFUND_ANSWERS: dict[str, Next] = {
    "SYSTEM_ERROR": Next.UNKNOWN,
    "SELLER_BALANCE_NOT_ENOUGH": Next.LATER,
    "REFUND_CHARGE_ERROR": Next.LATER,
    "TRADE_NOT_EXIST": Next.ASK,
    "DISCORDANT_REPEAT_REQUEST": Next.ASK,
    "TRADE_STATUS_ERROR": Next.ASK,
    "REASON_TRADE_STATUS_INVALID": Next.ASK,
    "REASON_ILLEGAL_STATUS": Next.ASK,
    "TRADE_HAS_CLOSE": Next.ASK,
    "REASON_TRADE_REFUND_FEE_ERR": Next.ASK,
    "TRADE_HAS_FINISHED": Next.ASK,
    "REFUND_AMT_NOT_EQUAL_TOTAL": Next.REFUSED,
    "REFUND_FEE_ERROR": Next.REFUSED,
    "INVALID_PARAMETER": Next.REFUSED,
    "TRADE_NOT_ALLOW_REFUND": Next.REFUSED,
    "NOT_ALLOW_PARTIAL_REFUND": Next.REFUSED,
    "ONLINE_TRADE_VOUCHER_NOT_ALLOW_REFUND": Next.REFUSED,
    "REASON_TRADE_BEEN_FREEZEN": Next.REFUSED_FOR_NOW,
    "BUYER_ERROR": Next.REFUSED,
    "BUYER_NOT_EXIST": Next.REFUSED,
    "BUYER_ENABLE_STATUS_FORBID": Next.REFUSED,
    "REFUND_ACCOUNT_NOT_EXIST": Next.REFUSED,
    "ALLOC_AMOUNT_VALIDATE_ERROR": Next.REFUSED,
    "REFUND_ROYALTY_PAYEE_ACCOUNT_NOT_EXIST": Next.REFUSED,
    "REFUNDALLOC_UNAUTH_LIMIT": Next.REFUSED,
    "TRADE_SETTLE_ERROR": Next.REFUSED,
    "USER_NOT_MATCH_ERR": Next.REFUSED,
    "ENTERPRISE_PAY_BIZ_ERROR": Next.REFUSED,
    "CURRENCY_NOT_SUPPORT": Next.REFUSED,
    "CUSTOMER_VALIDATE_ERROR": Next.REFUSED,
}


def normal_sub_code(sub_code: str) -> str:
    """Strip the prefixes that come and go: `ACQ.`, the misspelt `AQC.`, `aop.ACQ.`."""
    return sub_code.rpartition(".")[2].upper()


def order_answer(head: Head) -> Next:
    return _answer(head, ORDER_ANSWERS)


def refund_answer(head: Head) -> Next:
    """A refund that our settings or keys prevented is still wanted: it stays, LATER."""
    step = _answer(head, REFUND_ANSWERS)
    return Next.LATER if head.code != "40004" and step is Next.REFUSED_FOR_NOW else step


def _answer(head: Head, table: dict[str, Next]) -> Next:
    if head.code == "40004":
        return table.get(normal_sub_code(head.sub_code), Next.UNKNOWN)
    return GATEWAY_ANSWERS.get(head.code, Next.UNKNOWN)


def refuses_to_cancel(head: Head) -> bool:
    """Whether money that is there now stays there; anything unclear may yet be a cancel."""
    if head.code == "40004":
        return normal_sub_code(head.sub_code) in CANCEL_REFUSALS
    return GATEWAY_ANSWERS.get(head.code) is Next.REFUSED_FOR_NOW


def failure(head: Head, step: Next) -> Failure:
    """Tell a refusal in our words and the provider's."""
    return Failure(
        code="refused",
        provider_code=(head.sub_code or head.code)[:64],
        message=head.sub_msg[:256],
        retryable=step in (Next.REFUSED_FOR_NOW, Next.TAKE_BACK),
    )
