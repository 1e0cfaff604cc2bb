"""What Alipay says when it is asked for a bill. Source: MAPPING.md §11."""

from enum import Enum, auto

from adapters.providers.alipay.wire import Head


class Told(Enum):
    """What follows for the bill. A code that is not in the tables: later."""

    HERE = auto()
    LATER = auto()
    NOT_THERE = auto()  # not made yet, or nothing happened that day; the hour tells which
    NOTHING = auto()  # nothing happened that day
    NEVER = auto()  # our settings, our rights, a day out of range


#: The gateway's own `code`; 40004 is decided by `sub_code`.
GATEWAY: dict[str, Told] = {
    "10000": Told.HERE,
    "20001": Told.NEVER,
    "40001": Told.NEVER,
    "40002": Told.NEVER,
    "40003": Told.NEVER,
    "40006": Told.NEVER,
}

#: By the end of the `sub_code`, in capitals and with `_`: the pages and the gateway spell them
#: differently, one page even wrongly.
BUSINESS: dict[str, Told] = {
    "BILL_NOT_EXIST": Told.NOT_THERE,
    "NO_BILL_DATA": Told.NOTHING,
    "INVALID_ARGUMENTS": Told.NEVER,
    "INVAILID_ARGUMENTS": Told.NEVER,
    "BILL_DATE_BEFORE_REGISTRATION": Told.NEVER,
    "TYPE_NOT_SUPPORTED": Told.NEVER,
}


def bill_answer(head: Head) -> Told:
    """Tell what a node means; `isp.bill_not_exist` is known whatever its code is."""
    name = head.sub_code.rpartition(".")[2].upper().replace("-", "_")
    known = next((told for end, told in BUSINESS.items() if name.endswith(end)), None)
    return known or GATEWAY.get(head.code, Told.LATER)
