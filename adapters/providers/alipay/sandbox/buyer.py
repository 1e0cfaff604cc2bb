"""Who paid, or is to pay, as answers and notifies name them."""

from adapters.providers.alipay.sandbox.parties import Parties
from adapters.providers.alipay.sandbox.trade import details_of
from adapters.providers.sandbox.records import Order


def buyer_of(order: Order, parties: Parties, *, id_field: str = "buyer_user_id") -> dict[str, str]:
    """The open id for merchants who asked by it, else the user id (REFERENCE.md §4.1, §6.3)."""
    details = details_of(order)
    if details.buyer_open_id:
        who = {"buyer_open_id": details.buyer_open_id}
    else:
        who = {id_field: details.buyer_id or parties.buyer_id}
    return {"buyer_logon_id": parties.buyer_logon_id, **who}
