"""Puts one WeChat Pay merchant account together."""

from datetime import timedelta

import httpx

from adapters.providers.wechat_pay.bills import WeChatBills
from adapters.providers.wechat_pay.callbacks import WeChatCallbacks
from adapters.providers.wechat_pay.certificates import Certificates
from adapters.providers.wechat_pay.client import Client
from adapters.providers.wechat_pay.config import WeChatPayConfig
from adapters.providers.wechat_pay.keys import Keys
from adapters.providers.wechat_pay.payments import WeChatPayments
from adapters.providers.wechat_pay.products import offered
from adapters.providers.wechat_pay.refunds import WeChatRefunds
from application.ports import Account, Clock
from domain.method import Provider

#: A minute between two refunds of one order, counted there, so a second more here. MAPPING.md §5.
REFUND_SPACING = timedelta(seconds=61)

#: Of the 600 queries a second that a merchant has, most are left to what people wait for.
ASKS_PER_SECOND = 100.0


def wechat_pay_account(
    config: WeChatPayConfig, transport: httpx.AsyncBaseTransport, clock: Clock
) -> Account:
    """Everything that speaks for this merchant. Raises ValueError for keys that can't be read."""
    keys = Keys.load(config)
    client = Client(config, keys, transport)
    certificates = Certificates(keys, client, clock)
    return Account(
        name=config.name,
        provider=Provider.WECHAT,
        methods=offered(config),
        refund_spacing=REFUND_SPACING,
        payments=WeChatPayments(config, client, keys.signer, clock),
        refunds=WeChatRefunds(config, client),
        callbacks=WeChatCallbacks(config, keys),
        bills=WeChatBills(config, client, clock),
        asks_per_second=ASKS_PER_SECOND,
        upkeep=certificates.keep,
    )
