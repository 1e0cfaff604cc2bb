"""Which fields each call must carry (REFERENCE.md §1.6, §3.1, §5.1)."""

from collections.abc import Sequence

from adapters.providers.wechat_pay.sandbox.fields import Integer, Rule, Text, Time, Url
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings

ORDER_NO = r"[0-9A-Za-z_\-*|]+"
REFUND_NO = r"[0-9A-Za-z_\-*|@]+"


def native_rules(settings: WeChatPaySandboxSettings) -> Sequence[Rule]:
    """Rules of a native prepay."""
    return (
        Text("/appid", 32),
        Text("/mchid", 32),
        Text("/description", 127),
        Text("/out_trade_no", 32, shortest=6, pattern=ORDER_NO),
        Url("/notify_url", 255, settings.plain_http_notify_url),
        Integer("/amount/total"),
        Text("/amount/currency", 3, required=False, pattern="CNY"),
        Time("/time_expire"),
        Text("/attach", 128, required=False, shortest=0),
        Text("/goods_tag", 32, required=False, shortest=0),
        Text("/scene_info/payer_client_ip", 45, required=False),
        Text("/scene_info/device_id", 32, required=False),
    )


def close_rules() -> Sequence[Rule]:
    """Rules of a close."""
    return (Text("/mchid", 32),)


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
