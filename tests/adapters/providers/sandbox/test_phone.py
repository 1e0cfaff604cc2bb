"""The payer's phone shows what there is to pay, whatever a merchant wrote into it."""

import re
from datetime import datetime, timedelta

import httpx
import pytest
from msgspec.structs import replace

from adapters.clock import MovableClock
from adapters.providers.alipay.sandbox.trade_status import TradeStatus
from adapters.providers.sandbox.app import create_sandbox
from adapters.providers.sandbox.book import Book
from adapters.providers.sandbox.phone import BEIJING, STATES, WAYS
from adapters.providers.sandbox.provider import World
from adapters.providers.sandbox.records import Callback, Code, Order, Refund
from adapters.providers.sandbox.wallet import Wallet, wallet_of
from adapters.providers.wechat_pay.sandbox import trade_states
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox


class Phone:
    """A browser on the simulators' port; called, it opens the phone's page."""

    def __init__(self, run, app):
        self._run, self._app = run, app

    def __call__(self, **target):
        return self.fetch("/sandbox", params=target)

    def arm(self, **fault):
        self.fetch("/sandbox/faults", method="POST", json=fault)

    def fetch(self, path, *, method="GET", **more):
        return self._run(self._fetch(method, path, more))

    async def _fetch(self, method, path, more):
        transport = httpx.ASGITransport(app=self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://phone") as browser:
            return await browser.request(method, path, **more)


@pytest.fixture
def phone(run, sandbox_keys):
    """The phone of a simulator, and the book behind it."""
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

    return Phone(run, app), books[0]


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


@pytest.mark.parametrize("state", [*TradeStatus, *trade_states.DESCRIPTIONS])
def test_every_state_is_told_in_words_beside_the_providers_own(phone, state):
    open_page, book = phone
    (order,) = book.orders()
    book.keep(replace(order, state=state))

    page = open_page(order="ORDER-0001").text
    assert page.count(STATES[state]) == 2  # on the order and in the list
    assert page.count(f'<code class="soft">{state}</code>') == 2


def test_only_who_paid_reads_how_basepay_learns_of_it(phone):
    open_page, book = phone
    (order,) = book.orders()
    before = open_page(order="ORDER-0001").text
    book.keep(replace(order, paid_at=order.created_at, state="SUCCESS"))

    hint = "told by a callback"
    assert (hint in before, hint in open_page(order="ORDER-0001").text) == (False, True)


def test_a_callback_that_did_not_arrive_can_be_seen(phone):
    open_page, book = phone
    (order,) = book.orders()
    callback = Callback(
        id="c-1",
        provider="wechat",
        provider_order_no="ORDER-0001",
        event="TRANSACTION.SUCCESS",
        url="http://127.0.0.1:9/",
        content={},
        created_at=order.created_at,
        next_at=order.created_at.replace(hour=4, minute=0, second=15) + timedelta(days=1),
        attempts=3,
        last_answer="dropped",
    )
    before = open_page().text
    book.keep(callback)

    page = open_page().text
    for told in ("TRANSACTION.SUCCESS", "tried 3×", "last: dropped", "12:00:15"):  # Beijing: +8
        assert (told in before, told in page) == (False, True)
    book.keep(replace(callback, next_at=None, delivered_at=order.created_at))
    assert "TRANSACTION.SUCCESS" not in open_page().text


def test_an_armed_fault_says_whom_and_what_it_meets(phone):
    open_page, _ = phone
    open_page.arm(kind="latency", provider="wechat", operation="query", seconds=1.5, times=2)
    open_page.arm(kind="status", status=502, times=None)

    page = re.sub(r"\s+", " ", open_page().text)
    assert "latency 1.5 s · wechat · query · ×2" in page
    assert "status 502 · any provider · any operation · until cleared" in page


def test_times_are_utc_whatever_zone_a_merchant_wrote(phone):
    open_page, book = phone
    (order,) = book.orders()
    beijing = order.created_at.astimezone(BEIJING) + timedelta(hours=2)
    book.keep(replace(order, expires_at=beijing))

    (row,) = open_page.fetch("/sandbox/book").json()["orders"]
    assert row["expires_at"].endswith("Z")
    assert datetime.fromisoformat(row["expires_at"]) == beijing


def test_the_bare_address_leads_to_the_phone(phone):
    open_page, _ = phone
    entered = open_page.fetch("/")

    assert (entered.status_code, entered.headers["location"]) == (302, "/sandbox")


@pytest.mark.parametrize("product", WAYS)
def test_every_product_has_its_screen_and_name(phone, product):
    open_page, book = phone
    (order,) = book.orders()
    state = "USERPAYING" if product == "code" else order.state
    book.keep(replace(order, product=product, state=state))

    page = open_page(order="ORDER-0001").text
    screen, way = WAYS[product]
    assert f'<section class="card pay wechat {screen}">' in page
    assert way in page
    assert ('data-act="pay"' in page) is (screen != "code")
    assert ('name="password"' in page) is (screen != "scan")


def test_a_charge_that_waits_for_nobody_has_nothing_to_press(phone):
    open_page, book = phone
    (order,) = book.orders()
    book.keep(replace(order, product="code", state="NOTPAY"))

    page = open_page(order="ORDER-0001").text
    assert "data-act=" not in page
    assert "This charge is over" in page


def test_a_reversed_charge_says_where_the_money_went(phone):
    open_page, book = phone
    (order,) = book.orders()
    at = order.created_at
    book.keep(replace(order, product="code", state="REVOKED", paid_at=at, closed_at=at))

    page = open_page(order="ORDER-0001").text
    assert "the money went back" in page
    assert 'name="yuan"' not in page


def test_a_paid_order_can_be_refunded_on_the_merchants_site_as_far_as_it_goes(phone):
    open_page, book = phone
    (order,) = book.orders()
    book.keep(replace(order, paid_at=order.created_at, state="SUCCESS"))
    whole = open_page(order="ORDER-0001").text
    refund = Refund(
        provider="wechat",
        merchant="1900000001",
        provider_refund_no="R-1",
        provider_order_no="ORDER-0001",
        amount=3456,
        state="ABNORMAL",
        created_at=order.created_at,
    )
    book.keep(refund)
    rest = open_page(order="ORDER-0001").text
    book.keep(replace(refund, amount=123456, state="SUCCESS"))
    nothing = open_page(order="ORDER-0001").text

    assert 'value="1234.56"' in whole
    assert 'value="1200.00"' in rest
    assert ("data-mend" in whole, "data-mend" in rest, "data-mend" in nothing) == (
        False, True, False,
    )  # fmt: skip
    assert 'name="yuan"' not in nothing


def test_a_browser_that_paid_finds_back_to_the_merchant(phone):
    open_page, _ = phone
    link = "weixin://wxpay/bizpayurl?pr=abc&redirect_url="
    there = open_page(order=link + "https%3A%2F%2Fshop.example%2Fdone").text
    nowhere = open_page(order=link + "javascript%3Aalert(1)").text

    assert 'href="https://shop.example/done"' in there
    assert "ORDER-0001" in nowhere
    assert 'class="back"' not in nowhere


@pytest.mark.parametrize("wallet", Wallet)
@pytest.mark.parametrize(
    ("provider", "shape"), [("wechat", r"1[0-5]\d{16}"), ("alipay", r"28\d{16}")]
)
def test_the_wallet_shows_a_fresh_code_that_behaves_as_wished(phone, provider, shape, wallet):
    open_page, _ = phone
    asked = {"provider": provider, "wallet": wallet.name.lower()}
    codes = [
        open_page.fetch("/sandbox/payment-code", params=asked).json()["auth_code"] for _ in range(2)
    ]

    assert codes[0] != codes[1]
    for code in codes:
        assert re.fullmatch(shape, code)
        assert wallet_of(code) is wallet


def test_an_unknown_wallet_shows_no_code(phone):
    open_page, _ = phone
    for asked in ({"provider": "paypal"}, {"provider": "wechat", "wallet": "dances"}):
        assert open_page.fetch("/sandbox/payment-code", params=asked).status_code == 400
