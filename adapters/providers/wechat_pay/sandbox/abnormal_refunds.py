"""Refunds that could not reach the payer's card, and how they go on (§5.3, §5.6)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from msgspec.structs import replace

from adapters.providers.sandbox.faults import Struck
from adapters.providers.sandbox.provider import PayerRefused, World
from adapters.providers.sandbox.records import Refund
from adapters.providers.wechat_pay.sandbox.platform_keys import PlatformKeys
from adapters.providers.wechat_pay.sandbox.refunds import (
    ABNORMAL,
    CLOSED,
    PROCESSING,
    SUCCESS,
    Refunds,
    outcome_of,
)
from adapters.providers.wechat_pay.sandbox.refused import Refused, bad_field
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings

#: The one card type that needs the payer's data, and where the other sends the money.
USER_BANK_CARD = "USER_BANK_CARD"
MERCHANTS_CARD = "商户结算银行卡"


class AbnormalRefunds:
    """What a merchant may do about a refund that shows ABNORMAL."""

    def __init__(
        self,
        world: World,
        settings: WeChatPaySandboxSettings,
        keys: PlatformKeys,
        refunds: Refunds,
    ) -> None:
        self._world = world
        self._settings = settings
        self._keys = keys
        self._refunds = refunds

    def apply(
        self, refund_id: str, request: Mapping[str, Any], serial_no: str, struck: Struck
    ) -> Refund:
        """Send the money another way; it is under way once more."""
        refund = self._refunds.find(request["out_refund_no"])
        if refund.provider_refund_id != refund_id:
            raise Refused("RESOURCE_NOT_EXISTS", "退款单不存在")
        received_by = self._received_by(request, serial_no)
        if refund.state != ABNORMAL:
            raise Refused("INVALID_REQUEST", "该退款单不是异常状态")
        takes = timedelta(seconds=self._settings.refund_takes_seconds)
        way = {
            "outcome": outcome_of(struck),
            "channel": "OTHER_BANKCARD",
            "received_by": received_by,
        }
        again = replace(
            refund,
            state=PROCESSING,
            settles_at=self._world.clock.now() + takes,
            details=refund.details | way,
        )
        self._world.book.keep(again)
        return again

    def mend(self, refund: Refund, *, arrives: bool) -> None:
        """End it on the merchant's site, at once."""
        if refund.state != ABNORMAL:
            raise PayerRefused("该退款单不是异常状态 · This refund is not abnormal")
        self._refunds.end(refund, SUCCESS if arrives else CLOSED, self._world.clock.now())

    def _received_by(self, request: Mapping[str, Any], serial_no: str) -> str:
        if request["type"] != USER_BANK_CARD:
            return MERCHANTS_CARD
        opened = {
            name: self._open(name, request[name], serial_no)
            for name in ("bank_account", "real_name")
        }
        return f"银行卡{opened['bank_account'][-4:]}"

    def _open(self, name: str, text: str, serial_no: str) -> str:
        try:
            return self._keys.open_sensitive(text, serial_no)
        except ValueError as error:
            if self._settings.unreadable_field_code == "PARAM_ERROR":
                raise bad_field(f"/{name}", "", "解密失败，请检查Wechatpay-Serial") from error
            raise Refused(self._settings.unreadable_field_code, "敏感字段解密失败") from error
