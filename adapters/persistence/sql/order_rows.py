"""Payments, refunds and orders as rows and back. `version` is the one a row has once stored."""

from adapters.persistence.sql.values import (
    Row,
    Stored,
    action_of,
    failure_of,
    fen,
    fen_or_null,
    instant,
    instant_or_none,
    micros,
    micros_or_null,
    money_or_none,
    packed,
    texts,
    texts_of,
)
from domain.method import Method
from domain.money import Money
from domain.order import Order
from domain.outcome import Payee
from domain.payment import Payment
from domain.refund import Initiator, Refund
from domain.status import PaymentStatus, RefundStatus


def payment_row(payment: Payment) -> Row:
    return {
        "id": payment.id,
        "app": payment.app,
        "order_no": payment.order_no,
        "account": payment.account,
        "method": payment.method.value,
        "amount": fen(payment.amount),
        "charged_amount": fen(payment.charged_amount),
        "subject": payment.subject,
        "provider_order_no": payment.provider_order_no,
        "created_at": micros(payment.created_at),
        "expires_at": micros(payment.expires_at),
        "payer": texts(payment.payer),
        "client_ip": payment.client_ip,
        "return_url": payment.return_url,
        "metadata": texts(payment.metadata),
        "merchant_id": payment.payee.merchant_id,
        "app_id": payment.payee.app_id,
        "request": payment.request,
        "status": payment.status.value,
        "action": packed(payment.action),
        "failure": packed(payment.failure),
        "provider_transaction_id": payment.provider_transaction_id,
        "paid_by": payment.paid_by,
        "payer_amount": fen_or_null(payment.payer_amount),
        "settled_amount": fen_or_null(payment.settled_amount),
        "succeeded_at": micros_or_null(payment.succeeded_at),
        "closing": payment.closing,
        "late": payment.late,
        "reversed": payment.reversed,
        "parked": payment.parked,
        "superseded_by": payment.superseded_by,
        "duplicate_of": payment.duplicate_of,
        "refunded_amount": fen(payment.refunded_amount),
        "reserved_amount": fen(payment.reserved_amount),
        "refunded_charge": fen(payment.refunded_charge),
        "excess_amount": fen(payment.excess_amount),
        "refund_count": payment.refund_count,
        "next_refund_at": micros_or_null(payment.next_refund_at),
        "sequence": payment.sequence,
        "checks": payment.checks,
        "next_check_at": micros_or_null(payment.next_check_at),
        "version": payment.version + 1,
    }


def payment_of(row: Stored) -> Payment:
    return Payment(
        id=row["id"],
        app=row["app"],
        order_no=row["order_no"],
        account=row["account"],
        method=Method(row["method"]),
        amount=Money(row["amount"]),
        charged_amount=Money(row["charged_amount"]),
        subject=row["subject"],
        provider_order_no=row["provider_order_no"],
        created_at=instant(row["created_at"]),
        expires_at=instant(row["expires_at"]),
        payer=texts_of(row["payer"]),
        client_ip=row["client_ip"],
        return_url=row["return_url"],
        metadata=texts_of(row["metadata"]),
        payee=Payee(row["merchant_id"], row["app_id"]),
        request=row["request"],
        status=PaymentStatus(row["status"]),
        action=action_of(row["action"]),
        failure=failure_of(row["failure"]),
        provider_transaction_id=row["provider_transaction_id"],
        paid_by=row["paid_by"],
        payer_amount=money_or_none(row["payer_amount"]),
        settled_amount=money_or_none(row["settled_amount"]),
        succeeded_at=instant_or_none(row["succeeded_at"]),
        closing=bool(row["closing"]),
        late=bool(row["late"]),
        reversed=bool(row["reversed"]),
        parked=bool(row["parked"]),
        superseded_by=row["superseded_by"],
        duplicate_of=row["duplicate_of"],
        refunded_amount=Money(row["refunded_amount"]),
        reserved_amount=Money(row["reserved_amount"]),
        refunded_charge=Money(row["refunded_charge"]),
        excess_amount=Money(row["excess_amount"]),
        refund_count=row["refund_count"],
        next_refund_at=instant_or_none(row["next_refund_at"]),
        sequence=row["sequence"],
        checks=row["checks"],
        next_check_at=instant_or_none(row["next_check_at"]),
        version=row["version"],
    )


def refund_row(refund: Refund) -> Row:
    return {
        "id": refund.id,
        "app": refund.app,
        "refund_no": refund.refund_no,
        "payment_id": refund.payment_id,
        "order_no": refund.order_no,
        "account": refund.account,
        "amount": fen(refund.amount),
        "charged_amount": fen(refund.charged_amount),
        "reason": refund.reason,
        "initiated_by": refund.initiated_by.value,
        "provider_refund_no": refund.provider_refund_no,
        "created_at": micros(refund.created_at),
        "request": refund.request,
        "status": refund.status.value,
        "failure": packed(refund.failure),
        "provider_refund_id": refund.provider_refund_id,
        "sent_at": micros_or_null(refund.sent_at),
        "accepted_at": micros_or_null(refund.accepted_at),
        "succeeded_at": micros_or_null(refund.succeeded_at),
        "stuck": refund.stuck,
        "parked": refund.parked,
        "sequence": refund.sequence,
        "checks": refund.checks,
        "next_check_at": micros_or_null(refund.next_check_at),
        "version": refund.version + 1,
    }


def refund_of(row: Stored) -> Refund:
    return Refund(
        id=row["id"],
        app=row["app"],
        refund_no=row["refund_no"],
        payment_id=row["payment_id"],
        order_no=row["order_no"],
        account=row["account"],
        amount=Money(row["amount"]),
        charged_amount=Money(row["charged_amount"]),
        reason=row["reason"],
        initiated_by=Initiator(row["initiated_by"]),
        provider_refund_no=row["provider_refund_no"],
        created_at=instant(row["created_at"]),
        request=row["request"],
        status=RefundStatus(row["status"]),
        failure=failure_of(row["failure"]),
        provider_refund_id=row["provider_refund_id"],
        sent_at=instant_or_none(row["sent_at"]),
        accepted_at=instant_or_none(row["accepted_at"]),
        succeeded_at=instant_or_none(row["succeeded_at"]),
        stuck=bool(row["stuck"]),
        parked=bool(row["parked"]),
        sequence=row["sequence"],
        checks=row["checks"],
        next_check_at=instant_or_none(row["next_check_at"]),
        version=row["version"],
    )


def order_row(order: Order) -> Row:
    return {
        "app": order.app,
        "order_no": order.order_no,
        "current": order.current,
        "winner": order.winner,
        "version": order.version + 1,
    }


def order_of(row: Stored) -> Order:
    return Order(
        app=row["app"],
        order_no=row["order_no"],
        current=row["current"],
        winner=row["winner"],
        version=row["version"],
    )
