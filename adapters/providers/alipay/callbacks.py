"""Alipay's callbacks of one account: verified over everything that arrived, and read."""

from adapters.providers.alipay import wire
from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.alipay.keys import Keys
from adapters.providers.alipay.reading import paid_by_notice
from adapters.providers.alipay.signing import parameters_of, verify_callback
from adapters.providers.alipay.wire import instant, read_notice, yuan
from adapters.providers.checked import NotGenuine, NotUnderstood
from application.ports import CallbackRejected
from application.records import News, NoNews, PaymentNews, RawCallback, RefundNews, Reply
from domain.money import ZERO
from domain.outcome import Closed, Outcome, Unknown

ORDER_NEWS = "trade_status_sync"


class AlipayCallbacks:
    """A CallbackReader. Alipay has no replay window: its news is true however late it comes."""

    def __init__(self, config: AlipayConfig, keys: Keys) -> None:
        self._config = config
        self._keys = keys

    def read(self, callback: RawCallback) -> News:
        """Verify and understand; raises CallbackRejected. Source: MAPPING.md §6."""
        try:
            parameters = parameters_of(callback.body)
            verify_callback(self._keys.genuine, parameters)
            if parameters.get("notify_type") != ORDER_NEWS:
                return NoNews()
            return self._news(read_notice(parameters))
        except (NotGenuine, NotUnderstood) as error:
            raise CallbackRejected(str(error)) from None

    def reply(self, *, accepted: bool) -> Reply:
        """Only these seven letters end the deliveries; anything else brings the message again."""
        if accepted:
            return Reply(200, b"success", "text/plain")
        return Reply(400, b"failure", "text/plain")

    def _news(self, notice: wire.NoticeState) -> News:
        if isinstance(notice, wire.WaitingNotice):
            return NoNews()
        if _tells_a_refund(notice):
            self._check_addressee(notice)  # a refund's news can't carry who was paid
            # `refund_fee` is the sum of all refunds, so this one's amount must be asked for.
            outcome = Unknown("a refund was announced")
            number = notice.out_biz_no or notice.out_trade_no  # made without a number of its own
            return RefundNews(number, notice.out_trade_no, outcome)
        return PaymentNews(notice.out_trade_no, self._outcome(notice))

    def _outcome(self, notice: wire.NoticeState) -> Outcome:
        paid_at = instant(notice.gmt_payment)
        if isinstance(notice, wire.ClosedNotice) and not notice.gmt_refund and paid_at is None:
            self._check_addressee(notice)  # likewise
            return Closed()
        if paid_at is None:
            return Unknown("paid, and no gmt_payment: ask")
        return paid_by_notice(notice, paid_at)

    def _check_addressee(self, notice: wire.Notice) -> None:
        ours = (self._config.app_id, self._config.seller_id)
        if (notice.app_id, notice.seller_id or self._config.seller_id) != ours:
            raise NotUnderstood("the message is about another merchant or app")


def _tells_a_refund(notice: wire.Notice) -> bool:
    """Refunds repeat the order's status; only these fields tell them from a second payment."""
    fee = yuan(notice.refund_fee) or ZERO
    return bool(notice.gmt_refund) and fee > ZERO
