"""Whatever comes in, the gateway answers with JSON and keeps nothing it did not understand."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.providers.alipay.sandbox.links import LINKS
from adapters.providers.alipay.sandbox.methods import METHODS
from adapters.providers.sandbox.faults import Fault
from adapters.providers.sandbox.provider import Call

anything = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

forms = st.lists(
    st.sampled_from(["charset=gbk", "charset=utf-8", "app_id=2021000000000001", "sign=%FF"])
    | st.text(alphabet="=&%+aF09_;\x00é", max_size=20)
).map("&".join)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
values = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.text(), scalars, max_size=3)
contents = st.dictionaries(
    st.sampled_from(
        ["out_trade_no", "trade_no", "total_amount", "subject", "out_request_no", "refund_amount",
         "time_expire", "timeout_express", "query_options", "product_code", "auth_code",
         "buyer_id", "op_app_id", "quit_url", "seller_id"]
    ) | st.text(max_size=5),
    values,
)  # fmt: skip


@anything
@given(query=forms, body=st.binary(max_size=200) | forms.map(str.encode))
def test_any_bytes_get_an_answer(open_shop, query, body):
    shop = open_shop()
    call = Call("POST", f"/gateway.do?{query}".encode().decode("latin-1"), {}, body)

    answer = shop.alipay.answer(call, {})
    trouble = shop.alipay.trouble(call, Fault(kind="error", code="20000"))

    assert shop.alipay.operation(call) == "other"
    assert b"_response" in answer.body
    assert b"_response" in trouble.body
    assert not shop.book.orders()


@anything
@given(method=st.sampled_from(sorted(METHODS)), content=contents)
def test_any_signed_content_gets_a_code(open_shop, method, content):
    shop = open_shop()
    parameters = shop.signed(shop.parameters(method, json.dumps(content)))

    answer = json.loads(shop.send(parameters))

    (name,) = answer.keys() - {"sign"}
    assert answer[name]["code"] in {"10000", "40002", "40004"}
    assert "sign" in answer


@anything
@given(method=st.sampled_from(sorted(LINKS)), content=contents)
def test_any_signed_link_gets_a_page_or_the_cashier(open_shop, method, content):
    shop = open_shop()
    signed = urlencode(shop.signed(shop.parameters(method, json.dumps(content))))

    answer = shop.alipay.answer(Call("GET", f"/gateway.do?{signed}", {}, b""), {})

    assert answer.status in {200, 302}
    assert (answer.status == 302) is bool(shop.book.orders())


@anything
@given(link=st.text() | forms, query=forms, body=st.binary(max_size=200) | forms.map(str.encode))
def test_any_bytes_at_the_cashier_pay_nothing(open_shop, link, query, body):
    shop = open_shop()
    target = f"/alipay/cashier?{query}".encode().decode("latin-1")

    page = shop.alipay.answer(Call("POST", target, {}, body), {})

    assert page.headers["content-type"].startswith("text/html")
    assert shop.alipay.opens(link) is None
    assert not shop.book.orders()


@pytest.mark.parametrize(
    "content",
    ["[" * 5_000, '{"a":' * 5_000, '{"out_trade_no":"\\ud800"}', '{"out_trade_no":1}', "\x00"],
    ids=["deep list", "deep object", "half a character", "number", "null byte"],
)
def test_malicious_json_is_refused(shop, content):
    node = shop.ask("query", content)

    assert node["code"] in {"40002", "40004"}


@pytest.mark.parametrize("moment", ["0001-01-01 00:00:00", "9999-12-31 23:59:59"])
def test_moments_at_the_ends_of_time_are_refused(shop, moment):
    signed = shop.signed(shop.parameters("alipay.trade.query", {}, timestamp=moment))

    assert json.loads(shop.send(signed))["alipay_trade_query_response"]["sub_code"] == (
        "isv.invalid-timestamp"
    )
    assert shop.orders(time_expire=moment)["code"] == "40004"
