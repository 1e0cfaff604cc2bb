"""A till with the merchant's keys that is not basepay: it can charge under any number."""

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

from adapters.clock import SystemClock
from adapters.providers.transport import AiohttpTransport
from adapters.providers.wechat_pay.account import wechat_pay_account
from adapters.providers.wechat_pay.config import AppIds, WeChatPayConfig
from domain.money import Money
from domain.outcome import AwaitingPayer
from tests.builders import a_payment


async def charge(credentials: Mapping[str, Any], amount: int, number: str) -> None:
    """Ask WeChat Pay for `amount` fen under this order number."""
    clock = SystemClock()
    config = WeChatPayConfig(
        name="another-till",
        mchid=credentials["mchid"],
        app_ids=AppIds(**credentials["app_ids"]),
        serial_no=credentials["serial_no"],
        private_key=credentials["private_key"],
        api_v3_key=credentials["api_v3_key"],
        notify_url="http://127.0.0.1:9/nowhere",
        platform_certificates=(credentials["platform_certificate"],),
        public_keys={credentials["public_key_id"]: credentials["public_key"]},
        base_url=credentials["base_url"],
    )
    async with aclosing(AiohttpTransport()) as transport:
        provider = wechat_pay_account(config, transport, clock).payments
        payment = a_payment(
            provider_order_no=number,
            amount=Money(amount),
            expires_at=clock.now().replace(year=clock.now().year + 20),
        )
        payment.request = provider.prepare(payment).request
        outcome = await provider.start(payment)
        assert isinstance(outcome, AwaitingPayer), outcome
