"""One realistic answer of each kind, for the OpenAPI document."""

from msgspec import Struct

from adapters.http.schemas import Event, Payment, Refund

PAYMENT: dict[str, object] = {
    "id": "pay_01JD8Z6W8RC0VD2P6V2T9WQ4XN",
    "order_no": "SO-1001",
    "app": "shop",
    "account": "wechat-main",
    "method": "wechat_native",
    "status": "created",
    "amount": 1999,
    "charged_amount": 1999,
    "currency": "CNY",
    "refunded_amount": 0,
    "subject": "Two cups of tea",
    "action": {
        "type": "show_qr_code",
        "code_url": "weixin://wxpay/bizpayurl?pr=vUyifxT5w",
    },
    "cashier_url": None,
    "provider_order_no": "d101JD8Z6W8RC0VD2P6V2T9WQ4XN",
    "provider_transaction_id": None,
    "payer": None,
    "payer_amount": None,
    "closing": False,
    "late": False,
    "reversed": False,
    "superseded_by": None,
    "duplicate_of": None,
    "sequence": 1,
    "created_at": "2026-11-22T12:00:00.000+00:00",
    "expires_at": "2026-11-22T14:00:00.000+00:00",
    "succeeded_at": None,
    "failure": None,
    "metadata": {"table": "7"},
}
REFUND: dict[str, object] = {
    "id": "ref_01JD8Z7A2Q4M8TQ6J3Y5R0KXSE",
    "refund_no": "RO-1001-1",
    "payment_id": PAYMENT["id"],
    "order_no": "SO-1001",
    "app": "shop",
    "account": "wechat-main",
    "status": "created",
    "amount": 500,
    "charged_amount": 500,
    "reason": "One cup was cold",
    "initiated_by": "app",
    "provider_refund_no": "d101JD8Z7A2Q4M8TQ6J3Y5R0KXSE",
    "provider_refund_id": "50300807092026112212345678901",
    "failure": None,
    "sequence": 1,
    "created_at": "2026-11-22T12:30:00.000+00:00",
    "accepted_at": "2026-11-22T12:30:00.000+00:00",
    "succeeded_at": None,
}
EVENT: dict[str, object] = {
    "specversion": "1.0",
    "id": "evt_01JD8Z7D5N1H3W9Z4C6B8K2VYA",
    "source": "/basepay",
    "type": "basepay.payment.succeeded",
    "subject": PAYMENT["id"],
    "time": "2026-11-22T12:01:30.000+00:00",
    "datacontenttype": "application/json",
    "sequence": 2,
    "late": False,
    "data": PAYMENT
    | {
        "status": "succeeded",
        "action": None,
        "provider_transaction_id": "4200002026112212345678901234",
        "payer": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
        "payer_amount": 1999,
        "sequence": 2,
        "succeeded_at": "2026-11-22T12:01:30.000+00:00",
    },
}
EXAMPLES: dict[type[Struct], dict[str, object]] = {
    Payment: PAYMENT,
    Refund: REFUND,
    Event: EVENT,
}
