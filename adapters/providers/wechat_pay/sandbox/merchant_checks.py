"""Whose app id and whose payer a call may name (§3.1, §8.3)."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.providers.wechat_pay.sandbox.openids import belongs
from adapters.providers.wechat_pay.sandbox.refused import Refused
from adapters.providers.wechat_pay.sandbox.settings import OpenidRule, WeChatPaySandboxSettings


class MerchantChecks:
    """What is bound to the one merchant."""

    def __init__(self, settings: WeChatPaySandboxSettings) -> None:
        self._settings = settings

    def mchid(self, mchid: str) -> None:
        """A call names the merchant that signed it."""
        if mchid != self._settings.mchid:
            raise Refused("INVALID_REQUEST", "商户号与签名的商户号不一致")

    def app_id(self, appid: str, kinds: Sequence[str]) -> None:
        """An app id is bound to the merchant, and of a kind that this product takes."""
        ids = self._settings.app_ids
        if appid not in ids:
            raise Refused("APPID_MCHID_NOT_MATCH")
        if not any(getattr(ids, kind) == appid for kind in kinds):
            raise Refused(self._settings.wrong_app_id_kind_code, "AppID的类型与支付方式不符")

    def openid(self, request: Mapping[str, Any]) -> None:
        """An openid belongs to the app id it is used with, as far as anyone can tell."""
        if self._is_foreign(request["payer"]["openid"], request["appid"]):
            raise Refused("OPENID_MISMATCH")

    def _is_foreign(self, openid: str, appid: str) -> bool:
        match self._settings.openid_rule:
            case OpenidRule.MARKED:
                others = (other for other in self._settings.app_ids.all() if other != appid)
                return any(belongs(openid, other) for other in others)
            case OpenidRule.STRICT:
                return not belongs(openid, appid)
            case OpenidRule.OFF:
                return False
