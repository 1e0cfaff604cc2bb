"""Which fault strikes which exchange."""

import pytest

from adapters.providers.sandbox.faults import Fault, Faults, UnknownFault


@pytest.fixture
def faults():
    return Faults({"wechat": frozenset({"signtest", "refund_closed"}), "alipay": frozenset()})


@pytest.mark.parametrize(
    ("fault", "meets"),
    [
        (Fault(kind="latency"), {("wechat", "query"), ("alipay", "query"), ("wechat", "refund")}),
        (Fault(kind="latency", provider="alipay"), {("alipay", "query")}),
        (Fault(kind="latency", operation="query"), {("wechat", "query"), ("alipay", "query")}),
        (Fault(kind="latency", operation="callback"), {("wechat", "callback")}),
        (Fault(kind="callback_twice"), {("wechat", "callback")}),
        (Fault(kind="cut_before_effect", operation="callback"), set()),
        (Fault(kind="signtest"), {("wechat", "query"), ("wechat", "refund")}),
        (Fault(kind="signtest", operation="callback"), {("wechat", "callback")}),
        (Fault(kind="refund_closed"), {("wechat", "refund")}),
        (Fault(kind="latency", operation="bill"), {("wechat", "bill")}),
        (Fault(kind="bill_late"), {("wechat", "bill")}),
    ],
)
def test_a_fault_strikes_where_it_belongs(faults, fault, meets):
    exchanges = [
        ("wechat", "query"),
        ("alipay", "query"),
        ("wechat", "refund"),
        ("wechat", "callback"),
        ("wechat", "bill"),
    ]
    struck = set()
    for exchange in exchanges:
        faults.clear()
        faults.arm(fault)
        if faults.strike(*exchange):
            struck.add(exchange)

    assert struck == meets


def test_of_two_equal_faults_one_is_used_up_at_a_time(faults):
    faults.arm(Fault(kind="status", status=500))
    faults.arm(Fault(kind="status", status=502))

    assert faults.strike("wechat", "query")["status"].status == 500
    assert faults.strike("wechat", "query")["status"].status == 502
    assert faults.strike("wechat", "query") == {}


def test_a_kind_of_another_provider_is_unknown(faults):
    with pytest.raises(UnknownFault):
        faults.arm(Fault(kind="signtest", provider="alipay"))
