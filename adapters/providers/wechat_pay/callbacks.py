"""WeChat Pay's callbacks of one account: verified on the raw bytes, opened, and read."""

from adapters.providers.checked import NotGenuine, NotUnderstood
from adapters.providers.wechat_pay.config import WeChatPayConfig
from adapters.providers.wechat_pay.keys import Keys
from adapters.providers.wechat_pay.reading import outcome_of, outcome_of_notice
from adapters.providers.wechat_pay.sealed import unseal
from adapters.providers.wechat_pay.signing import verify
from adapters.providers.wechat_pay.wire import (
    read_envelope,
    read_notice,
    read_trade,
)
from application.ports import CallbackRejected
from application.records import News, NoNews, PaymentNews, RawCallback, RefundNews, Reply


class WeChatCallbacks:
    """A CallbackReader. The replay window is judged at the moment of arrival."""

    def __init__(self, config: WeChatPayConfig, keys: Keys) -> None:
        self._config = config
        self._keys = keys

    def read(self, callback: RawCallback) -> News:
        """Verify, open and understand; raises CallbackRejected. Source: MAPPING.md §6."""
        try:
            verify(self._keys, callback.headers, callback.body, at=callback.received_at.timestamp())
            envelope = read_envelope(callback.body)
            kind, _, _ = envelope.event_type.partition(".")
            if kind not in ("TRANSACTION", "REFUND"):
                return NoNews()  # a self test, or a product that is not ours
            content = unseal(self._keys, envelope.resource)
            trace = callback.headers.get("request-id", "")[:128]
            if kind == "TRANSACTION":
                return self._payment_news(content, trace)
            return self._refund_news(content, trace)
        except (NotGenuine, NotUnderstood) as error:
            raise CallbackRejected(str(error)) from None

    def reply(self, *, accepted: bool) -> Reply:
        """Any 2xx ends the deliveries; anything else brings the message again."""
        if accepted:
            return Reply(200, b'{"code":"SUCCESS"}', "application/json")
        return Reply(401, '{"code":"FAIL","message":"失败"}'.encode(), "application/json")

    def _payment_news(self, content: bytes, trace: str) -> PaymentNews:
        trade = read_trade(content)
        return PaymentNews(trade.out_trade_no, outcome_of(trade, trace=trace))

    def _refund_news(self, content: bytes, trace: str) -> RefundNews:
        notice = read_notice(content)
        if notice.mchid != self._config.mchid:  # a refund's news can't carry who was paid
            raise NotUnderstood("the refund belongs to another merchant")
        outcome = outcome_of_notice(notice, trace=trace)
        return RefundNews(notice.out_refund_no, notice.out_trade_no, outcome)
