"""Puts one Alipay merchant account together."""

from datetime import timedelta

import httpx

from adapters.providers.alipay.bills import AlipayBills
from adapters.providers.alipay.callbacks import AlipayCallbacks
from adapters.providers.alipay.client import Client
from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.alipay.keys import Keys
from adapters.providers.alipay.payments import AlipayPayments
from adapters.providers.alipay.products import PRODUCTS
from adapters.providers.alipay.refunds import AlipayRefunds
from adapters.providers.alipay.upkeep import Upkeep
from application.ports import Account, Clock
from domain.method import Provider

#: Two refunds of one order are taken at least 3 s apart. Source: MAPPING.md §5.
REFUND_SPACING = timedelta(seconds=3)

#: No page names a number; the sweeper takes what leaves the apps room (unverified).
ASKS_PER_SECOND = 50.0


def alipay_account(
    config: AlipayConfig, transport: httpx.AsyncBaseTransport, clock: Clock
) -> Account:
    """Everything that speaks for this merchant. Raises ValueError for keys that can't be read."""
    keys = Keys.load(config)
    client = Client(config, keys, transport)
    return Account(
        name=config.name,
        provider=Provider.ALIPAY,
        methods=frozenset(PRODUCTS),
        refund_spacing=REFUND_SPACING,
        payments=AlipayPayments(config, client, clock),
        refunds=AlipayRefunds(client, clock),
        callbacks=AlipayCallbacks(config, keys),
        asks_per_second=ASKS_PER_SECOND,
        bills=AlipayBills(config, client, transport, clock),
        upkeep=Upkeep(keys, client) if keys.has_certificates else None,
    )
