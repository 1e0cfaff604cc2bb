"""What reconciliation asks about our own orders, compiled once like all others."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Executable,
    Select,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects import postgresql

from adapters.persistence.sql.statements import prepare
from adapters.persistence.sql.tables import payments, refunds
from domain.bill import MovementKind
from domain.method import Provider

_NONE: ColumnElement[str] = literal_column("''")
_SUCCEEDED: ColumnElement[str] = literal_column("'succeeded'")


class BookStatements:
    """All statements for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self.movements = {each: prepare(_movements(each), dialect) for each in Provider}
        self.held = prepare(_held(dialect), dialect)
        self.held_refunds = prepare(_held_refunds(dialect), dialect)


def among(column: ColumnElement[str], name: str, dialect: Dialect) -> ColumnElement[bool]:
    """Whether it is one of the texts in a JSON array: one value, however many they are."""
    if dialect.name == "sqlite":
        each: Select[Any] = select(literal_column("value")).select_from(
            func.json_each(bindparam(name))
        )
    else:
        texts = cast(bindparam(name), postgresql.JSONB)
        each = select(func.jsonb_array_elements_text(texts))
    return column.in_(each)


def _movements(provider: Provider) -> Executable:
    """All of [start, end) by key. Of a reversed payment nobody told when it was charged."""
    reversed_at = _within(payments.c.created_at), payments.c.reversed == true()
    charged = _within(payments.c.succeeded_at)
    moved = union_all(
        _of_payments(MovementKind.CHARGE, payments.c.succeeded_at).where(charged),
        _of_payments(MovementKind.CHARGE, payments.c.created_at).where(*reversed_at),
        _of_payments(MovementKind.REVERSAL, payments.c.created_at).where(*reversed_at),
        _of_refunds(provider),
    ).subquery("moved")
    return select(moved).order_by(moved.c.order_no, moved.c.kind, moved.c.refund_no)


def _within(instant: ColumnElement[int]) -> ColumnElement[bool]:
    return and_(instant >= bindparam("start"), instant < bindparam("end"))


def _of_payments(kind: MovementKind, instant: ColumnElement[int]) -> Select[Any]:
    p = payments.c
    moved = select(
        p.provider_order_no.label("order_no"),
        literal_column(str(int(kind))).label("kind"),
        _NONE.label("refund_no"),
        p.charged_amount.label("fen"),
        p.amount.label("owed"),
        instant.label("at"),
        p.id.label("order_id"),
        p.method.label("method"),
        p.settled_amount.label("settled_fen"),
    )
    return moved.where(p.account == bindparam("account"))


def _of_refunds(provider: Provider) -> Select[Any]:
    """WeChat Pay books a refund when it accepts it, whatever comes of it; Alipay, once done."""
    r = refunds.c
    by_acceptance = provider is Provider.WECHAT
    instant = r.accepted_at if by_acceptance else r.succeeded_at
    done = true() if by_acceptance else r.status == _SUCCEEDED
    moved = select(
        payments.c.provider_order_no,
        literal_column(str(int(MovementKind.REFUND))),
        r.provider_refund_no,
        r.charged_amount,
        r.amount,
        instant,
        r.id,
        payments.c.method,
        cast(null(), BigInteger),
    ).select_from(refunds.join(payments, payments.c.id == r.payment_id))
    # Under the 1-fen switch the share of a refund may be nothing: then nothing moves.
    of_account = r.account == bindparam("account"), r.charged_amount > literal_column("0")
    return moved.where(*of_account, _within(instant), done)


def _held(dialect: Dialect) -> Executable:
    p = payments.c
    return select(p.provider_order_no, p.id, p.status).where(
        among(p.provider_order_no, "numbers", dialect)
    )


def _held_refunds(dialect: Dialect) -> Executable:
    p, r = payments.c, refunds.c
    known = select(p.provider_order_no, r.provider_refund_no, r.id, r.status)
    joined = known.select_from(refunds.join(payments, p.id == r.payment_id))
    return joined.where(
        among(p.provider_order_no, "numbers", dialect),
        among(r.provider_refund_no, "refund_numbers", dialect),
    )
