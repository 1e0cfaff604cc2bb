"""What an order can be: the time before its trade, and the four statuses of a trade."""

from enum import StrEnum


class TradeStatus(StrEnum):
    """Alipay's own words are the last four (REFERENCE.md §4.2); unscanned, there is no trade."""

    UNSCANNED = "UNSCANNED"  # a code is out, Alipay says TRADE_NOT_EXIST (§4.3)
    CODE_DEAD = "CODE_DEAD"  # nobody scanned it in time: TRADE_NOT_EXIST for ever
    WAIT_BUYER_PAY = "WAIT_BUYER_PAY"
    TRADE_SUCCESS = "TRADE_SUCCESS"
    TRADE_FINISHED = "TRADE_FINISHED"
    TRADE_CLOSED = "TRADE_CLOSED"
