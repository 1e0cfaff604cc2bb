"""The calls a merchant may make: what each reads, does and answers."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from adapters.providers.sandbox.faults import Struck
from adapters.providers.sandbox.provider import Call, World
from adapters.providers.wechat_pay.sandbox.abnormal_refunds import USER_BANK_CARD, AbnormalRefunds
from adapters.providers.wechat_pay.sandbox.bills import BillDesk
from adapters.providers.wechat_pay.sandbox.certificates import list_certificates
from adapters.providers.wechat_pay.sandbox.codepay import CodePayments
from adapters.providers.wechat_pay.sandbox.fields import read_body
from adapters.providers.wechat_pay.sandbox.h5_page import base_url
from adapters.providers.wechat_pay.sandbox.merchant_checks import MerchantChecks
from adapters.providers.wechat_pay.sandbox.platform_keys import PlatformKeys
from adapters.providers.wechat_pay.sandbox.products import PRODUCTS
from adapters.providers.wechat_pay.sandbox.refunds import Refunds
from adapters.providers.wechat_pay.sandbox.refused import bad_field
from adapters.providers.wechat_pay.sandbox.requests import (
    abnormal_refund_rules,
    charge_rules,
    close_rules,
    prepay_rules,
    refund_rules,
    reverse_rules,
    security_echo_rules,
)
from adapters.providers.wechat_pay.sandbox.security_echo import echo
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.trades import Trades
from adapters.providers.wechat_pay.sandbox.transaction import show

#: A call's meaning: what it returns becomes the JSON body, None an empty 204.
#: The text is what the path names: a number or a product.
Handler = Callable[[Call, str, Struck], Mapping[str, Any] | None]


class Calls:
    """One handler a call, by the names of `routes.ROUTES`."""

    def __init__(
        self, world: World, settings: WeChatPaySandboxSettings, keys: PlatformKeys
    ) -> None:
        self._world = world
        self._settings = settings
        self._keys = keys
        self._checks = MerchantChecks(settings)
        self.trades = Trades(world, settings, self._checks)
        self.codes = CodePayments(world, settings, self._checks)
        self.refunds = Refunds(world, settings)
        self.bills = BillDesk(world, settings)
        self.abnormal_refunds = AbnormalRefunds(world, settings, keys, self.refunds)
        self.handlers: Mapping[str, Handler] = {
            "prepay": self._prepay,
            "charge": self._charge,
            "query": self._query,
            "query_by_transaction": self._query_by_transaction,
            "close": self._close,
            "reverse": self._reverse,
            "refund": self._refund,
            "abnormal_refund": self._abnormal_refund,
            "refund_query": self._refund_query,
            "certificates": self._certificates,
            "security_echo": self._security_echo,
            "trade_bill": self.bills.apply_for_trade,
            "fund_bill": self.bills.apply_for_funds,
        }

    def _prepay(self, call: Call, name: str, _: Struck) -> Mapping[str, Any]:
        product = PRODUCTS[name]
        request = read_body(call.body, prepay_rules(self._settings, name))
        scene = request.get("scene_info", {"payer_client_ip": ""})
        if "payer_client_ip" not in scene:
            raise bad_field("/scene_info/payer_client_ip", "", "不能为空")
        order = self.trades.prepay(request, product, base_url(call))
        return {product.link: order.codes[-1].url}

    def _charge(self, call: Call, _: str, __: Struck) -> Mapping[str, Any]:
        request = read_body(call.body, charge_rules())
        store = request.get("scene_info", {}).get("store_info", {})
        if not store.keys() & {"id", "out_id"}:
            raise bad_field("/scene_info/store_info", "", "id与out_id不能同时为空")
        return show(self.codes.charge(request))

    def _query(self, call: Call, number: str, _: Struck) -> Mapping[str, Any]:
        self._check_mchid(call)
        return self._show(number)

    def _query_by_transaction(self, call: Call, number: str, _: Struck) -> Mapping[str, Any]:
        self._check_mchid(call)
        return show(self.trades.find_by_transaction(number))

    def _close(self, call: Call, number: str, _: Struck) -> None:
        request = read_body(call.body, close_rules())
        self._checks.mchid(request["mchid"])
        self.trades.close(self.trades.find(number))

    def _reverse(self, call: Call, number: str, _: Struck) -> Mapping[str, Any]:
        request = read_body(call.body, reverse_rules())
        self.codes.reverse(self.trades.find(number), request)
        return {"appid": request["appid"], "mchid": request["mchid"], "out_trade_no": number}

    def _refund(self, call: Call, _: str, struck: Struck) -> Mapping[str, Any]:
        request = read_body(call.body, refund_rules(self._settings))
        if "transaction_id" not in request and "out_trade_no" not in request:
            raise bad_field("/out_trade_no", "", "与transaction_id不能同时为空")
        if request["amount"]["currency"] != "CNY":
            raise bad_field("/amount/currency", request["amount"]["currency"], "只支持CNY")
        return self.refunds.show(self.refunds.create(request, struck))

    def _abnormal_refund(self, call: Call, refund_id: str, struck: Struck) -> Mapping[str, Any]:
        request = read_body(call.body, abnormal_refund_rules(to_card=False))
        if request["type"] == USER_BANK_CARD:
            request = read_body(call.body, abnormal_refund_rules(to_card=True))
        applied = self.abnormal_refunds.apply(refund_id, request, _serial_named(call), struck)
        return self.refunds.show(applied)

    def _refund_query(self, _: Call, number: str, __: Struck) -> Mapping[str, Any]:
        return self.refunds.show(self.refunds.find(number))

    def _certificates(self, call: Call, _: str, __: Struck) -> Mapping[str, Any]:
        return list_certificates(self._keys, parse_qs(call.query).get("algorithm_type", ["RSA"])[0])

    def _security_echo(self, call: Call, _: str, __: Struck) -> Mapping[str, Any]:
        request = read_body(call.body, security_echo_rules(self._settings))
        return echo(self._world, self._keys, request, _serial_named(call))

    def _show(self, number: str) -> Mapping[str, Any]:
        order = self.trades.find(number)
        return show(order, unpaid_shows_amount=self._settings.unpaid_shows_amount)

    def _check_mchid(self, call: Call) -> None:
        mchid = parse_qs(call.query).get("mchid", [""])[0]
        if not mchid:
            raise bad_field("mchid", "", "不能为空", location="query")
        self._checks.mchid(mchid)


def _serial_named(call: Call) -> str:
    return call.headers.get("wechatpay-serial", "")
