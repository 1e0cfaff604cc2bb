"""The payer's phone shows what there is to pay, whatever a merchant wrote into it."""

import re

import httpx
import pytest
from msgspec.structs import replace

from adapters.clock import MovableClock
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.provider import World
from adapters.providers.sandbox.records import Code, Order
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox


@pytest.fixture
def phone(run, sandbox_keys):
    """A way to open pages of a simulator, and the book behind it."""
    books: list[Book] = []

    def provider(world: World) -> WeChatPaySandbox:
        books.append(world.book)
        return WeChatPaySandbox(world)

    clock = MovableClock()
    app = create_sandbox(environment="test", clock=clock, providers=[provider], keys=sandbox_keys)
    now = clock.now()
    books[0].keep(
        Order(
            provider="wechat",
            merchant="1900000001",
            provider_order_no="ORDER-0001",
            amount=123456,
            subject="<script>alert(1)</script>",
            state="NOTPAY",
            created_at=now,
            codes=(Code(url="weixin://wxpay/bizpayurl?pr=abc", expires_at=now),),
        )
    )

    async def open_page(target):
        transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # Litestar types ASGI by TypedDicts
        async with httpx.AsyncClient(transport=transport, base_url="http://phone") as browser:
            return await browser.get("/sandbox", params=target)

    return lambda **target: run(open_page(target)), books[0]


def test_it_lists_orders_with_their_amounts_in_yuan(phone):
    open_page, _ = phone

    assert "¥1,234.56" in open_page().text


@pytest.mark.parametrize("order", ["ORDER-0001", "weixin://wxpay/bizpayurl?pr=abc"])
def test_it_opens_one_order_by_number_or_code(phone, order):
    open_page, _ = phone

    assert 'data-act="pay"' in open_page(order=order).text


def test_a_paid_order_has_nothing_to_press(phone):
    open_page, book = phone
    (order,) = book.orders()
    book.keep(replace(order, paid_at=order.created_at, state="SUCCESS"))

    assert 'data-act="pay"' not in open_page(order="ORDER-0001").text


def test_a_subject_can_not_become_script(phone):
    open_page, _ = phone

    assert "<script>alert" not in open_page(order="ORDER-0001").text
    assert "<b>x" not in open_page(order="<b>x").text


def test_it_loads_nothing_from_another_host(phone):
    open_page, _ = phone
    page = open_page(order="ORDER-0001")

    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page.text)
