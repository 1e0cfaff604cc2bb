"""Who trades here: the merchant's account and the one payer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Parties:
    """The account all orders belong to, and the payer who scans every code."""

    app_id: str = "2021000000000001"
    seller_id: str = "2088000000000001"
    buyer_id: str = "2088000000000011"
    buyer_logon_id: str = "135****0001"
