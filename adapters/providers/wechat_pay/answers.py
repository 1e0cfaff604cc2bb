"""What each of WeChat Pay's error codes means to us: not its text, but what to do next."""

from enum import Enum, auto

from adapters.providers.wechat_pay.wire import Refusal
from domain.outcome import Failure


class Next(Enum):
    """What follows from a code. Codes that are not in the tables say nothing: UNKNOWN."""

    REFUSED = auto()  # definitely not done, asking again in the same words is pointless
    REFUSED_FOR_NOW = auto()  # definitely not done, a later attempt may do
    LATER = auto()  # definitely not done; the same request under the same number, later
    PAYING = auto()  # the payer is typing a password
    ASK = auto()  # the order or refund may stand in another way: query before concluding
    ABSENT = auto()  # WeChat Pay does not know the number (yet)
    UNKNOWN = auto()  # may or may not have been done


#: Prepay, and everything else about orders. Spellings are normalised. Source: MAPPING.md §8.
ORDER_ANSWERS: dict[str, Next] = {
    "PARAMERROR": Next.REFUSED,
    "APPIDMCHIDNOTMATCH": Next.REFUSED,
    "MCHNOTEXISTS": Next.REFUSED,
    "NOAUTH": Next.REFUSED,
    "ACCOUNTERROR": Next.REFUSED,
    "OPENIDMISMATCH": Next.REFUSED,  # 500, and definite all the same
    "INVALIDTRANSACTIONID": Next.REFUSED,  # likewise
    "NOTENOUGH": Next.REFUSED,
    "RULELIMIT": Next.REFUSED_FOR_NOW,
    "SIGNERROR": Next.REFUSED_FOR_NOW,  # our keys or our clock: nothing was executed
    "INVALIDREQUEST": Next.ASK,  # also said of a number that exists
    "ORDERPAID": Next.ASK,
    "ORDERCLOSED": Next.ASK,
    "OUTTRADENOUSED": Next.ASK,
    "TRADEERROR": Next.ASK,
    "USERPAYING": Next.ASK,
    "ORDERNOTEXIST": Next.ABSENT,
    "FREQUENCYLIMITED": Next.LATER,
    "SYSTEMERROR": Next.UNKNOWN,
    "BANKERROR": Next.UNKNOWN,
    "RESOURCENOTEXISTS": Next.UNKNOWN,
    "SERVICEUNAVAILABLE": Next.UNKNOWN,
}

#: A charge says more, and some of it otherwise. What is FOR_NOW: the payer shows a fresh code,
#: or takes another card, under a new number. The names are v2's (MAPPING.md §8).
CHARGE_ANSWERS: dict[str, Next] = ORDER_ANSWERS | {
    "USERPAYING": Next.PAYING,
    "AUTHCODEEXPIRE": Next.REFUSED_FOR_NOW,
    "AUTHCODEERROR": Next.REFUSED_FOR_NOW,
    "AUTHCODEINVALID": Next.REFUSED_FOR_NOW,
    "NOTENOUGH": Next.REFUSED_FOR_NOW,  # the payer's balance
    "NOTSUPORTCARD": Next.REFUSED_FOR_NOW,
    "BUYERMISMATCH": Next.ASK,  # the number was used with another payer
    "ORDERREVERSED": Next.ASK,
}

#: Refunds say some of the same codes and mean other things.
REFUND_ANSWERS: dict[str, Next] = ORDER_ANSWERS | {
    "NOTENOUGH": Next.LATER,  # the merchant's balance; after topping up the same number works
    "SIGNERROR": Next.LATER,  # ours to mend; the refund is still wanted
    "USERACCOUNTABNORMAL": Next.REFUSED,
    "RESOURCENOTEXISTS": Next.ABSENT,
}

#: Names of one thing that normalising does not bring together.
SAME = {
    "RATELIMITEXCEEDED": "FREQUENCYLIMITED",
    "RATELIMITEXCEED": "FREQUENCYLIMITED",
    "AUTHCODEEXPIRED": "AUTHCODEEXPIRE",
    "NOTSUPPORTCARD": "NOTSUPORTCARD",
}


def normal_code(code: str) -> str:
    """One spelling for the documentation's two generations: SYSTEM_ERROR is SYSTEMERROR."""
    plain = code.upper().replace("_", "")
    return SAME.get(plain, plain)


def order_answer(code: str) -> Next:
    return ORDER_ANSWERS.get(normal_code(code), Next.UNKNOWN)


def charge_answer(code: str) -> Next:
    return CHARGE_ANSWERS.get(normal_code(code), Next.UNKNOWN)


def refund_answer(code: str) -> Next:
    return REFUND_ANSWERS.get(normal_code(code), Next.UNKNOWN)


def failure(refusal: Refusal, next_step: Next) -> Failure:
    """Tell a refusal in our words and the provider's."""
    return Failure(
        code="refused",
        provider_code=refusal.code[:64],
        message=refusal.message[:256],
        retryable=next_step is Next.REFUSED_FOR_NOW,
    )
