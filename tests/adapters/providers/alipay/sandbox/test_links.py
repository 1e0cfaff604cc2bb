"""Links for browsers and apps: unknown until opened, opened by their signature, paid, left."""

import base64
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from adapters.providers.sandbox.faults import Fault
from adapters.providers.sandbox.provider import Call, PayerRefused

NOTIFY = "http://127.0.0.1:9/notify"
RETURN = "https://shop.example/thanks?order=1"
PRODUCTS = {
    "page": "FAST_INSTANT_TRADE_PAY",
    "wap": "QUICK_WAP_WAY",
    "app": "QUICK_MSECURITY_PAY",
}


class Links:
    """Signs links as a shop does, and visits them as a browser does."""

    def __init__(self, shop):
        self.shop = shop

    def string(self, kind="page", content=(), **common):
        """The signed parameters of an order, as an app gets them."""
        wanted = {"out_trade_no": "T1", "total_amount": "88.88", "subject": "一杯茶"}
        wanted |= {"product_code": PRODUCTS[kind]} | dict(content)
        common = {"notify_url": NOTIFY, "return_url": "" if kind == "app" else RETURN} | common
        parameters = self.shop.parameters(f"alipay.trade.{kind}.pay", wanted, **common)
        return urlencode(self.shop.signed(parameters))

    def url(self, kind="page", content=(), **common):
        return f"https://gateway.example/gateway.do?{self.string(kind, content, **common)}"

    def visit(self, target, method="GET", **form):
        self.shop.alipay.pass_time()
        call = Call(method, target, {}, urlencode(form).encode())
        return self.shop.alipay.answer(call, {})

    def follow(self, url):
        parts = urlsplit(url)
        return self.visit(f"{parts.path}?{parts.query}")

    def opens(self, kind="page", content=(), **common):
        return self.shop.alipay.opens(self.url(kind, content, **common))


@pytest.fixture
def links(shop):
    return Links(shop)


@pytest.fixture
def links_at(open_shop):
    return lambda **rules: Links(open_shop(**rules))


@pytest.mark.parametrize("kind", PRODUCTS)
def test_a_trade_begins_when_the_payer_logs_in_not_when_the_link_is_opened(links, kind):
    links.url(kind)
    assert not links.shop.book.orders()

    links.opens(kind)
    assert links.shop.queries()["sub_code"] == "ACQ.TRADE_NOT_EXIST"

    links.shop.payer("scan")
    assert links.shop.queries()["trade_status"] == "WAIT_BUYER_PAY"
    links.shop.payer("pay")
    (notice,) = links.shop.notices()
    assert (notice["trade_status"], notice["out_trade_no"]) == ("TRADE_SUCCESS", "T1")


@pytest.mark.parametrize("kind", PRODUCTS)
def test_a_link_opened_again_leads_to_the_same_order(links, kind):
    first = links.opens(kind)

    assert links.opens(kind) == first
    assert len(links.shop.book.orders()) == 1


def test_an_order_string_is_opened_as_it_is(links):
    assert links.shop.alipay.opens(links.string("app")).product == "app"


@pytest.mark.parametrize(
    "link", ["", "weixin://wxpay/bizpayurl?pr=x", "https://qr.alipay.com/bax0"]
)
def test_what_is_no_link_is_not_opened(links, link):
    assert links.shop.alipay.opens(link) is None


def test_a_browser_is_led_to_the_cashier_pays_and_comes_back_signed(links):
    to_cashier = links.follow(links.url())
    page = links.visit(to_cashier.headers["location"])
    paid = links.visit("/alipay/cashier", "POST", out_trade_no="T1", action="pay")

    assert (to_cashier.status, page.status, paid.status) == (302, 200, 303)
    assert "一杯茶" in page.body.decode()
    back = paid.headers["location"]
    assert back.startswith(f"{RETURN}&")
    fields = dict(parse_qsl(urlsplit(back).query))
    assert fields["method"] == "alipay.trade.page.pay.return"
    assert (fields["out_trade_no"], fields["total_amount"]) == ("T1", "88.88")
    assert "trade_status" not in fields
    del fields["order"]  # the merchant's own: Alipay signs only what it added
    verify(links.shop, fields)


def verify(shop, fields):
    signature = base64.b64decode(fields.pop("sign"))
    del fields["sign_type"]
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
    shop.keys.key("alipay").public_key().verify(signature, text.encode(), PKCS1v15(), SHA256())


def test_a_phones_browser_may_be_sent_back_as_wap(links):
    links.opens("wap")

    paid = links.visit("/alipay/cashier", "POST", out_trade_no="T1", action="pay")

    assert "alipay.trade.wap.pay.return" in paid.headers["location"]


def test_without_a_way_back_the_payer_stays_at_the_cashier(links):
    links.opens(return_url="")

    paid = links.visit("/alipay/cashier", "POST", out_trade_no="T1", action="pay")

    assert paid.headers["location"].startswith("/alipay/cashier")
    assert "Already paid" in links.visit(paid.headers["location"]).body.decode()


def test_an_app_takes_its_payer_back_by_itself(links):
    links.opens("app", return_url=RETURN)

    paid = links.visit("/alipay/cashier", "POST", out_trade_no="T1", action="pay")

    assert paid.headers["location"].startswith("/alipay/cashier")


def test_nobody_is_sent_back_before_paying(links):
    links.opens()

    before = links.visit("/alipay/cashier?out_trade_no=T1").body.decode()
    logged_in = links.visit("/alipay/cashier", "POST", out_trade_no="T1", action="scan")
    links.shop.payer("pay")
    after = links.visit("/alipay/cashier?out_trade_no=T1").body.decode()

    assert "shop.example" not in before
    assert logged_in.headers["location"].startswith("/alipay/cashier")
    assert "shop.example/thanks" in after


def test_at_the_cashier_a_payer_logs_in_before_paying(links):
    links.opens()

    links.visit("/alipay/cashier", "POST", out_trade_no="T1", action="scan")

    assert links.shop.queries()["trade_status"] == "WAIT_BUYER_PAY"


def test_nobody_pays_twice_at_the_cashier(links):
    links.opens()
    links.shop.payer("pay")

    again = links.visit("/alipay/cashier", "POST", out_trade_no="T1", action="pay")

    assert again.status == 409
    assert [order.charges for order in links.shop.book.orders()] == [1]


def test_a_look_at_the_cashier_pays_nothing(links):
    links.opens()

    links.visit("/alipay/cashier?out_trade_no=T1&action=pay")

    assert links.shop.book.order("alipay", "T1").paid_at is None
    assert links.visit("/alipay/cashier?out_trade_no=T9").status == 404


def test_what_a_merchant_wrote_is_text_on_the_cashiers_page(links):
    content = {"subject": "<b>茶", "quit_url": "javascript:alert(1)"}
    links.opens("wap", content)

    page = links.visit("/alipay/cashier?out_trade_no=T1").body.decode()

    assert "&lt;b&gt;茶" in page
    assert "javascript" not in page


def test_a_payer_may_leave_the_cashier_for_where_the_merchant_says(links):
    links.opens("wap", {"quit_url": "https://shop.example/cart"})

    page = links.visit("/alipay/cashier?out_trade_no=T1").body.decode()

    assert 'href="https://shop.example/cart"' in page


@pytest.mark.parametrize(
    ("content", "common", "code"),
    [
        ((), {"app_id": "2021999999999999"}, "invalid-app-id"),
        ((), {"sign_type": "RSA"}, "invalid-signature-type"),
        ({"total_amount": "0.00"}, {}, "INVALID_PARAMETER"),
        ({"product_code": "QUICK_WAP_WAY"}, {}, "INVALID_PARAMETER"),
        ({"seller_id": "2088000000000001"}, {}, "INVALID_PARAMETER"),  # not documented for it
        ({"business_params": {"mc_create_trade_ip": "203.0.113.9"}}, {}, "INVALID_PARAMETER"),
        ((), {"return_url": "javascript:alert(1)"}, "INVALID_PARAMETER"),
        ({"time_expire": "2020-01-01 00:00:00"}, {}, "NOW_TIME_AFTER_EXPIRE_TIME_ERROR"),
    ],
)
def test_the_payer_sees_the_error_and_the_merchant_never_does(links, content, common, code):
    answer = links.follow(links.url("page", content, **common))

    assert (answer.status, answer.headers["content-type"]) == (200, "text/html;charset=GBK")
    assert f"<h1>{code}</h1>" in answer.body.decode("gbk")
    assert not links.shop.book.orders()
    with pytest.raises(PayerRefused, match=code):
        links.opens("page", content, **common)


def test_a_link_with_another_price_than_was_signed_is_refused(links):
    cheaper = links.url().replace("88.88", "00.01")

    assert "invalid-signature" in links.follow(cheaper).body.decode("gbk")


def test_a_link_for_another_order_under_the_number_is_an_error_or_leads_to_the_first(
    links, links_at
):
    other = {"total_amount": "1.00"}
    tolerant = links_at(links_to_the_original=True)
    for each in (links, tolerant):
        each.opens()

    assert "CONTEXT_INCONSISTENT" in links.follow(links.url("page", other)).body.decode("gbk")
    assert tolerant.opens("page", other).amount == 8888


@pytest.mark.parametrize(("window", "opens"), [(None, True), (600, False)])
def test_a_link_may_wait_for_its_payer_unless_the_rule_says_how_long(links_at, window, opens):
    links = links_at(link_window_seconds=window)
    yesterday = datetime.now(UTC) + timedelta(hours=8 - 24)

    answer = links.follow(links.url(timestamp=yesterday.strftime("%Y-%m-%d %H:%M:%S")))

    assert (answer.status == 302) is opens


def test_an_absolute_deadline_ends_the_link_and_its_order(links):
    until = {"time_expire": links.shop.china_time(minutes=10)}
    url = links.url("wap", until)
    links.shop.alipay.opens(url)

    links.shop.passes(minutes=10)

    assert links.shop.alipay.opens(url).state == "CODE_DEAD"
    with pytest.raises(PayerRefused, match="expired"):
        links.shop.payer("pay")
    assert links.shop.queries()["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_a_link_first_opened_in_its_last_seconds_can_still_be_paid(links):
    url = links.url("page", {"time_expire": links.shop.china_time(minutes=10)})
    links.shop.passes(minutes=9, seconds=50)

    links.shop.alipay.opens(url)
    links.shop.payer("pay")

    assert links.shop.queries()["trade_status"] == "TRADE_SUCCESS"


@pytest.mark.parametrize("kind", ["wap", "app"])
def test_on_a_phone_a_relative_deadline_runs_from_the_login(links, kind):
    links.opens(kind, {"timeout_express": "10m"})
    links.shop.passes(days=20)  # an abandoned page never expires
    links.shop.payer("scan")

    links.shop.passes(minutes=9)
    assert links.shop.queries()["trade_status"] == "WAIT_BUYER_PAY"
    links.shop.passes(minutes=1)
    assert links.shop.queries()["trade_status"] == "TRADE_CLOSED"


def test_on_a_phone_less_than_five_minutes_are_five(links):
    links.opens("wap", {"timeout_express": "1m"})
    links.shop.payer("scan")

    links.shop.passes(minutes=4)

    assert links.shop.queries()["trade_status"] == "WAIT_BUYER_PAY"


def test_on_a_computer_a_relative_deadline_runs_from_the_first_opening(links):
    links.opens("page", {"timeout_express": "10m"})

    links.shop.passes(minutes=10)

    assert links.shop.book.order("alipay", "T1").state == "CODE_DEAD"


def test_a_relative_deadline_nobody_can_read_is_refused_at_once(links):
    with pytest.raises(PayerRefused, match="timeout_express"):
        links.opens("wap", {"timeout_express": "1.5h"})


def test_a_payer_who_lets_the_link_go_stale_cannot_pay(links):
    links.opens("wap")
    links.shop.payer("expire")

    with pytest.raises(PayerRefused, match="expired"):
        links.shop.payer("pay")


def test_what_was_opened_and_logged_in_can_be_closed_and_refunded(links):
    links.opens()
    links.shop.payer("scan")

    closed = links.shop.ask("close", {"out_trade_no": "T1"})

    assert closed["code"] == "10000"
    assert "Closed" in links.visit("/alipay/cashier?out_trade_no=T1").body.decode()


def test_trouble_with_a_link_is_a_page_too(links):
    call = Call("GET", urlsplit(links.url()).path + "?" + links.string(), {}, b"")

    answer = links.shop.alipay.trouble(call, Fault(kind="error", code="ACQ.SYSTEM_ERROR"))

    assert "<h1>SYSTEM_ERROR</h1>" in answer.body.decode("gbk")
    assert links.shop.alipay.operation(call) == "prepay"


def test_a_paid_order_is_not_paid_through_its_old_link(links):
    links.opens()
    links.shop.payer("pay")

    page = links.visit(links.follow(links.url()).headers["location"]).body.decode()

    assert "Already paid" in page
    assert "<button" not in page
