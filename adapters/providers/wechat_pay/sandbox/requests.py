"""Which fields each call must carry (REFERENCE.md §1.6, §3.1, §3.10, §5.1, §5.6)."""

from collections.abc import Mapping, Sequence

from adapters.providers.wechat_pay.sandbox.fields import Integer, Rule, Text, Time, Url
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings

ORDER_NO = r"[0-9A-Za-z_\-*|]+"
REFUND_NO = r"[0-9A-Za-z_\-*|@]+"

#: §5.6: the banks whose cards take an abnormal refund.
BANKS = (
    "CMB", "COMM", "ABC", "CCB", "ICBC", "BOC", "PAB", "SPDB",
    "CITIC", "CEB", "CMBC", "CIB", "GDB", "PSBC", "NBCB",
)  # fmt: skip

#: What a product's prepay carries beyond what all of them do.
OF_PRODUCT: Mapping[str, Sequence[Rule]] = {
    "native": (),
    "app": (),
    "jsapi": (Text("/payer/openid", 128),),
    "h5": (
        Text("/scene_info/payer_client_ip", 45),
        Text("/scene_info/h5_info/type", 32, pattern="iOS|Android|Wap"),
        Text("/scene_info/h5_info/app_name", 64, required=False),
        Text("/scene_info/h5_info/app_url", 128, required=False),
        Text("/scene_info/h5_info/bundle_id", 128, required=False),
        Text("/scene_info/h5_info/package_name", 128, required=False),
    ),
}


def prepay_rules(settings: WeChatPaySandboxSettings, product: str) -> Sequence[Rule]:
    """Rules of a prepay."""
    return (
        *_order_rules(),
        Url("/notify_url", 255, settings.plain_http_notify_url),
        Time("/time_expire"),
        Text("/scene_info/payer_client_ip", 45, required=False),
        Text("/scene_info/device_id", 32, required=False),
        *OF_PRODUCT[product],
    )


def charge_rules() -> Sequence[Rule]:
    """Rules of charging a payment code; whose code it is, its payment tells."""
    return (
        *_order_rules(),
        Text("/payer/auth_code", 18, shortest=18, pattern=r"[0-9]+"),
        Text("/scene_info/store_info/id", 32, required=False),
        Text("/scene_info/store_info/out_id", 32, required=False),
        Text("/scene_info/device_id", 32, required=False),
        Text("/scene_info/device_ip", 45, required=False),
    )


def close_rules() -> Sequence[Rule]:
    """Rules of a close."""
    return (Text("/mchid", 32),)


def reverse_rules() -> Sequence[Rule]:
    """Rules of a reverse; a missing app id is met further in."""
    return (Text("/mchid", 32), Text("/appid", 32, required=False))


def refund_rules(settings: WeChatPaySandboxSettings) -> Sequence[Rule]:
    """Rules of a refund."""
    return (
        Text("/transaction_id", 32, required=False),
        Text("/out_trade_no", 32, shortest=6, required=False, pattern=ORDER_NO),
        Text("/out_refund_no", 64, pattern=REFUND_NO),
        Text("/reason", 80, required=False),
        Url("/notify_url", 256, settings.plain_http_notify_url, required=False),
        Integer("/amount/refund"),
        Integer("/amount/total"),
        Text("/amount/currency", 16),
    )


def abnormal_refund_rules(*, to_card: bool) -> Sequence[Rule]:
    """Rules of an abnormal refund; `to_card`: another card of the payer takes it."""
    card = (
        Text("/bank_type", 32, pattern="|".join(f"{bank}_DEBIT" for bank in BANKS)),
        Text("/bank_account", 1024),
        Text("/real_name", 1024),
    )
    return (
        Text("/out_refund_no", 64, pattern=REFUND_NO),
        Text("/type", 32, pattern="USER_BANK_CARD|MERCHANT_BANK_CARD"),
        *(card if to_card else ()),
    )


def security_echo_rules(settings: WeChatPaySandboxSettings) -> Sequence[Rule]:
    """Rules of the self test."""
    return (
        Text("/echo_message", 1024),
        Text("/encrypted_echo_message", 1024, required=False),
        Url("/notify_url", 256, settings.plain_http_notify_url, required=False),
    )


def _order_rules() -> Sequence[Rule]:
    return (
        Text("/appid", 32),
        Text("/mchid", 32),
        Text("/description", 127),
        Text("/out_trade_no", 32, shortest=6, pattern=ORDER_NO),
        Integer("/amount/total"),
        Text("/amount/currency", 3, required=False, pattern="CNY"),
        Text("/attach", 128, required=False, shortest=0),
        Text("/goods_tag", 32, required=False, shortest=0),
    )
