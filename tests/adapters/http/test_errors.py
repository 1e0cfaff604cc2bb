import logging

import pytest

from adapters.http import errors
from adapters.http.errors import ANSWERS, SENTENCES
from application.official_account_ports import (
    WeChatCodeInvalid,
    WeChatMisconfigured,
    WeChatPayerRefused,
    WeChatUnavailable,
)
from application.ports import AlreadyExists, LostUpdate, Unavailable
from application.webhook_ports import WebhooksNotConfigured
from domain import errors as domain

ONE_OF_EACH = [
    domain.InvalidRequest(domain.FieldError("payer.openid", "a value: wechat_jsapi needs it")),
    domain.AccountRequired("wechat", ("a", "b")),
    domain.MethodNotOffered("alipay_qr", "wechat-main"),
    domain.NotFound("payment", "pay_1"),
    domain.OrderAlreadyPaid("SO-1", "pay_1"),
    domain.PaymentInProgress("pay_1"),
    domain.PaymentAlreadySucceeded("pay_1"),
    domain.PaymentNotSucceeded("pay_1", "created"),
    domain.RefundExceedsPayment("pay_1", 2, 1),
    domain.RefundNoReused("RF-1", "ref_1"),
    domain.RefundLimitReached("pay_1", 50),
    domain.RefundWindowClosed("pay_1", 365),
    domain.WebhookLimitReached(16),
    domain.ReconciliationNotFinished("rec_1", "waiting"),
    domain.DiscrepancyResolved("dis_1"),
    domain.MoneyDiffers("dis_1"),
    domain.ApprovalAwaited("dis_1", "anna"),
    domain.NothingToApprove("dis_1"),
    domain.SecondPersonNeeded("dis_1", "anna"),
    domain.NotRepaired("dis_1", "the provider does not know it either"),
    domain.IdempotencyKeyReused("k1"),
    domain.IdempotencyInProgress("k1"),
    LostUpdate(),
    AlreadyExists(),
    WeChatCodeInvalid("wx1"),
    WeChatPayerRefused("Not this payer."),
    WeChatMisconfigured("wx1", "do this", errcode=40164),
    WeChatUnavailable("WeChat is busy", retry_after_seconds=60),
    WebhooksNotConfigured(),
    Unavailable("db-7.internal does not answer"),
]

#: Written out once more, because programs depend on every letter.
CONTRACT = {
    "InvalidRequest": (422, "invalid_request"),
    "AccountRequired": (422, "account_required"),
    "MethodNotOffered": (422, "method_not_offered"),
    "NotFound": (404, "payment_not_found"),
    "OrderAlreadyPaid": (409, "order_already_paid"),
    "PaymentInProgress": (409, "payment_in_progress"),
    "PaymentAlreadySucceeded": (409, "payment_already_succeeded"),
    "PaymentNotSucceeded": (409, "payment_not_succeeded"),
    "RefundExceedsPayment": (409, "refund_exceeds_payment"),
    "RefundNoReused": (409, "refund_no_reused"),
    "RefundLimitReached": (409, "refund_limit_reached"),
    "RefundWindowClosed": (409, "refund_window_closed"),
    "WebhookLimitReached": (409, "webhook_limit_reached"),
    "ReconciliationNotFinished": (409, "reconciliation_not_finished"),
    "DiscrepancyResolved": (409, "discrepancy_resolved"),
    "MoneyDiffers": (409, "money_differs"),
    "ApprovalAwaited": (409, "approval_awaited"),
    "NothingToApprove": (409, "nothing_to_approve"),
    "SecondPersonNeeded": (409, "second_person_needed"),
    "NotRepaired": (409, "not_repaired"),
    "IdempotencyKeyReused": (422, "idempotency_key_reused"),
    "IdempotencyInProgress": (409, "idempotency_in_progress"),
    "LostUpdate": (409, "changed_meanwhile"),
    "AlreadyExists": (409, "changed_meanwhile"),
    "Unavailable": (503, "unavailable"),
    "WeChatCodeInvalid": (422, "wechat_code_invalid"),
    "WeChatPayerRefused": (422, "wechat_payer_refused"),
    "WeChatMisconfigured": (502, "wechat_misconfigured"),
    "WeChatUnavailable": (503, "wechat_unavailable"),
    "WebhooksNotConfigured": (409, "webhooks_not_configured"),
}


@pytest.fixture
def failing(world, shop, order, monkeypatch):
    """A way to create a payment that ends in the given error."""

    def fail_with(error):
        async def create_payment(command, key):
            raise error

        monkeypatch.setattr(world.app, "create_payment", create_payment)
        return shop.post("/v1/payments", order, key="k1")

    return fail_with


def all_below(kind):
    for each in kind.__subclasses__():
        yield each
        yield from all_below(each)


def test_every_domain_error_has_its_answer():
    assert set(all_below(domain.DomainError)) <= set(ANSWERS)


def test_every_domain_error_is_told_here():
    told = {type(error) for error in ONE_OF_EACH}

    assert told == set(ANSWERS) - {each for each in ANSWERS if each.__module__ == errors.__name__}


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_an_error_becomes_its_problem(failing, error):
    response = failing(error)

    problem = response.json()
    assert (response.status_code, problem["code"]) == CONTRACT[type(error).__name__]
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == response.status_code
    assert problem["type"] == f"urn:basepay:problem:{problem['code']}"
    assert problem["title"] == problem["code"].replace("_", " ").capitalize()
    assert problem["detail"] == (SENTENCES.get(type(error)) or str(error))
    assert problem["detail"].endswith(".")
    assert problem["instance"] == "/v1/payments"
    assert problem["request_id"] == response.headers["x-request-id"]


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (domain.PaymentInProgress("pay_1"), "5"),
        (domain.IdempotencyInProgress("k1"), "2"),
        (Unavailable(), "5"),
        (WeChatUnavailable("x", retry_after_seconds=60), "60"),
        (LostUpdate(), "1"),
        (domain.OrderAlreadyPaid("SO-1", "pay_1"), None),
    ],
)
def test_what_passes_by_itself_says_when_to_come_back(failing, error, seconds):
    assert failing(error).headers.get("retry-after") == seconds


def test_a_program_finds_the_other_order_in_the_problem(failing):
    assert failing(domain.OrderAlreadyPaid("SO-1", "pay_1")).json()["payment_id"] == "pay_1"
    assert failing(domain.RefundNoReused("RF-1", "ref_1")).json()["refund_id"] == "ref_1"


def test_every_wrong_field_is_told(failing):
    response = failing(
        domain.InvalidRequest(domain.FieldError("a", "b"), domain.FieldError("c.d", "e"))
    )

    assert response.json()["errors"] == [
        {"field": "a", "expected": "b"},
        {"field": "c.d", "expected": "e"},
    ]


def test_what_is_wrong_inside_stays_inside(failing, caplog):
    with caplog.at_level(logging.ERROR, "basepay.http"):
        response = failing(ZeroDivisionError("secret of db-7.internal"))

    assert (response.status_code, response.json()["code"]) == (500, "internal_error")
    assert "secret" not in response.text
    assert "ZeroDivision" not in response.text
    assert response.json()["request_id"] in caplog.text
    assert "ZeroDivisionError: secret of db-7.internal" in caplog.text


def test_an_unavailable_part_is_not_named_to_callers(failing):
    assert "db-7" not in failing(ONE_OF_EACH[-1]).text


@pytest.mark.parametrize("path", ["/v1", "/v1/nothing", "/v1/payments/a/b", "/v1/payments/a/open"])
def test_an_address_without_a_route_is_a_problem(shop, path):
    response = shop.get(path)

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/payments", "GET, OPTIONS, POST"),
        ("PUT", "/v1/payments/pay_1", "GET, OPTIONS"),
        ("GET", "/v1/payments/pay_1/close", "OPTIONS, POST"),
        ("GET", "/callbacks/wechat/a", "OPTIONS, POST"),
    ],
)
def test_a_method_that_is_not_taken_names_those_that_are(shop, method, path, allowed):
    response = shop.send(method, path)

    assert (response.status_code, response.json()["code"]) == (405, "method_not_allowed")
    assert response.headers["allow"] == allowed


def test_a_path_can_not_break_out_of_its_problem(shop):
    assert shop.get("/v1/%22%0d%0aX: 1").json()["instance"] == "/v1/%22%0D%0AX%3A%201"


def test_what_is_not_for_callers_stands_in_the_log(failing, caplog):
    response = failing(Unavailable("db-7.internal does not answer"))

    assert "db-7" not in response.text
    assert f"request_id={response.headers['x-request-id']} db-7.internal does not" in caplog.text
