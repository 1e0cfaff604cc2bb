"""Everything a provider may say, right, wrong, repeated and out of order, as strategies."""

from datetime import datetime, timedelta

from hypothesis import strategies as st

from domain.method import ActionType
from domain.money import Money
from domain.outcome import (
    Action,
    AwaitingPayer,
    Closed,
    Declined,
    Failure,
    NotFound,
    Outcome,
    Paid,
    Payee,
    RefundAbnormal,
    RefundAccepted,
    RefundClosed,
    Refunded,
    RefundNotFound,
    RefundOutcome,
    RefundPostponed,
    RefundRefused,
    Unknown,
)
from domain.payment import Payment
from domain.refund import Refund
from tests.builders import NOON, PAYEE, later, paid, refunded

#: Around the ends that matter (a till's, expiry, grace, an hour stuck, a year), in any order.
INSTANTS: st.SearchStrategy[datetime] = st.sampled_from(
    [
        *(later(seconds=s) for s in (14, 15, 44, 45, 50)),
        *(later(minutes=m) for m in (-5, 0, 1, 59, 60, 119, 120, 129, 130, 131, 1_440)),
        *(NOON + timedelta(days=d) for d in (30, 365, 366)),
    ]
)
FAILURES = st.builds(Failure, st.just("declined"), st.sampled_from(["NOTENOUGH", "BANKERROR"]))
OTHERS = [Payee("1900000002", PAYEE.app_id), Payee(PAYEE.merchant_id, "wx02")]
SILENT = [Payee(None, None), Payee(PAYEE.merchant_id, None)]
CODE = Action(ActionType.SHOW_QR_CODE, {"code_url": "weixin://wxpay/bizpayurl?pr=1"})


def is_right(news: Paid, payment: Payment) -> bool:
    """The proof names the charged sum, its currency and nobody else as the payee."""
    return news.amount == payment.charged_amount and news.payee not in OTHERS


def is_reversal(news: Outcome, payment: Payment, at: datetime) -> bool:
    """Money that came in went straight back, as we had asked of the provider or may have."""
    ours = payment.terms.charges_at_once and payment.should_close(at)
    shown = isinstance(news, Paid) and news.returned and is_right(news, payment)
    return (shown and ours) or (isinstance(news, Closed) and news.reversed)


def payment_news(payment: Payment) -> st.SearchStrategy[Outcome]:
    """Any outcome for this payment; two proofs in three are right."""
    charged = payment.charged_amount
    wrong = [charged + Money(1), Money(charged.fen, "USD")]
    numbers = st.sampled_from(["4200000001", "4200000002"])
    return st.one_of(
        st.builds(
            paid,
            provider_transaction_id=numbers,
            amount=st.sampled_from([charged, charged, *wrong]),
            payee=st.sampled_from([PAYEE, *SILENT, *OTHERS]),
            paid_at=INSTANTS,
            returned=st.booleans(),
            refunding=st.booleans(),
        ),
        st.builds(
            paid,
            provider_transaction_id=numbers,
            amount=st.just(charged),
            returned=st.booleans(),
        ),
        st.builds(AwaitingPayer, st.sampled_from([None, CODE])),
        st.builds(Closed, st.booleans()),
        st.builds(Declined, FAILURES),
        st.just(NotFound()),
        st.builds(Unknown, st.just("time-out"), st.sampled_from([None, timedelta(seconds=30)])),
    )


def refund_news(refund: Refund) -> st.SearchStrategy[RefundOutcome]:
    """Any outcome for this refund; half of the proofs are right."""
    charged = refund.charged_amount
    numbers = st.sampled_from([None, "5000000001"])
    amounts = st.sampled_from([charged, charged, charged + Money(1), Money(charged.fen, "USD")])
    return st.one_of(
        st.builds(RefundAccepted, numbers, st.none() | INSTANTS),
        st.builds(refunded, amount=amounts, refunded_at=INSTANTS, provider_refund_id=numbers),
        st.just(RefundPostponed("NOT_ENOUGH")),
        st.builds(RefundRefused, FAILURES),
        st.builds(RefundAbnormal, FAILURES, numbers),
        st.just(RefundClosed()),
        st.just(RefundNotFound()),
        st.just(Unknown("time-out")),
    )


def is_proof(news: RefundOutcome, refund: Refund) -> bool:
    """The provider proves that exactly this money went back."""
    return isinstance(news, Refunded) and news.amount == refund.charged_amount
