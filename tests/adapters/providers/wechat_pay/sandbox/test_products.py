"""JSAPI, mini program, APP and H5: what each wants, what it hands out, how it is paid."""

from functools import partial

import pytest

from adapters.providers.wechat_pay.sandbox.openids import openid_of
from adapters.providers.wechat_pay.sandbox.settings import OpenidRule, WeChatPaySandboxSettings
from adapters.providers.wechat_pay.sandbox.simulator import WeChatPaySandbox

TWO_HOURS, FIVE_MINUTES = 7200, 300


def code(response):
    """Read the status and code of a refusal."""
    return response.status_code, response.json()["code"]


@pytest.fixture
def shop_with(new_shop):
    """Open a shop at a simulator with other assumptions."""

    def open_one(**settings):
        return new_shop(partial(WeChatPaySandbox, settings=WeChatPaySandboxSettings(**settings)))

    return open_one


@pytest.mark.parametrize(
    ("product", "field", "trade_type", "begins"),
    [
        ("native", "code_url", "NATIVE", "weixin://wxpay/bizpayurl?pr="),
        ("jsapi", "prepay_id", "JSAPI", "wx"),
        ("app", "prepay_id", "APP", "wx"),
        ("h5", "h5_url", "MWEB", "http://127.0.0.1"),
    ],
)
def test_every_product_is_paid_through_its_link(shop, merchant, product, field, trade_type, begins):
    shop.notify_url = merchant.url
    placed = shop.place(product, "ORDER-0001").json()
    paid = shop.http.post("/sandbox/payer/pay", json={"code_url": placed[field]})
    merchant.waits_for(1)

    assert placed.keys() == {field}
    assert placed[field].startswith(begins)
    assert paid.json()["state"] == "SUCCESS"
    assert shop.order("ORDER-0001")["product"] == product
    assert shop.query("ORDER-0001").json()["trade_type"] == trade_type


@pytest.mark.parametrize(
    ("product", "lives"),
    [("native", TWO_HOURS), ("jsapi", TWO_HOURS), ("app", TWO_HOURS), ("h5", FIVE_MINUTES)],
)
def test_a_link_goes_stale_and_the_same_prepay_gives_a_fresh_one(shop, product, lives):
    first = shop.place(product, "ORDER-0001").json()
    shop.passes(lives - 5)
    assert shop.payer("scan", "ORDER-0001").status_code == 200
    shop.passes(6)
    assert shop.payer("pay", "ORDER-0001").status_code == 409

    assert shop.place(product, "ORDER-0001").json() != first
    assert shop.payer("pay", "ORDER-0001").status_code == 200


def test_a_mini_program_pays_by_jsapi_with_its_own_app_id(shop):
    appid = shop.credentials["app_ids"]["mini_program"]
    shop.place("jsapi", "ORDER-0001", appid=appid).raise_for_status()
    shop.payer("pay", "ORDER-0001").raise_for_status()

    trade = shop.query("ORDER-0001").json()
    assert (trade["appid"], trade["trade_type"]) == (appid, "JSAPI")
    assert shop.order("ORDER-0001")["product"] == "mini_program"


def test_who_pays_by_jsapi_is_the_openid_of_the_prepay(shop):
    shop.place("jsapi", "ORDER-0001")
    shop.payer("pay", "ORDER-0001").raise_for_status()

    assert shop.query("ORDER-0001").json()["payer"] == shop.needs("jsapi")["payer"]


@pytest.mark.parametrize(
    ("product", "change", "field"),
    [
        ("jsapi", {"payer": {}}, "/payer/openid"),
        ("jsapi", {"payer": {"openid": "o" * 129}}, "/payer/openid"),
        ("h5", {"scene_info": {"h5_info": {"type": "Wap"}}}, "/scene_info/payer_client_ip"),
        ("h5", {"scene_info": {"payer_client_ip": "203.0.113.9"}}, "/scene_info/h5_info/type"),
        (
            "h5",
            {"scene_info": {"payer_client_ip": "203.0.113.9", "h5_info": {"type": "Phone"}}},
            "/scene_info/h5_info/type",
        ),
        ("native", {"scene_info": {"device_id": "till-1"}}, "/scene_info/payer_client_ip"),
    ],
)
def test_a_field_of_the_product_is_refused_and_named(shop, product, change, field):
    answer = shop.place(product, "ORDER-0001", **change)

    assert code(answer) == (400, "PARAM_ERROR")
    assert answer.json()["detail"]["field"] == field
    assert shop.book()["orders"] == []


@pytest.mark.parametrize(
    ("product", "kind"),
    [("jsapi", "app"), ("app", "official_account"), ("app", "mini_program")],
)
def test_an_app_id_of_the_wrong_kind_is_refused(shop, product, kind):
    answer = shop.place(product, "ORDER-0001", appid=shop.credentials["app_ids"][kind])

    assert code(answer) == (400, "APPID_MCHID_NOT_MATCH")


def test_an_openid_given_out_for_another_app_id_is_refused(shop, shop_with):
    ids = shop.credentials["app_ids"]
    foreign = {"openid": openid_of(ids["mini_program"], "somebody")}
    own = {"openid": openid_of(ids["official_account"], "somebody")}

    assert code(shop.place("jsapi", "ORDER-0001", payer=foreign)) == (500, "OPENID_MISMATCH")
    assert shop.place("jsapi", "ORDER-0001", payer=own).status_code == 200
    easy = shop_with(openid_rule=OpenidRule.OFF)
    assert easy.place("jsapi", "ORDER-0001", payer=foreign).status_code == 200
    strict = shop_with(openid_rule=OpenidRule.STRICT)
    assert code(strict.place("jsapi", "ORDER-0001")) == (500, "OPENID_MISMATCH")
    assert strict.place("jsapi", "ORDER-0001", payer=own).status_code == 200


def test_the_same_number_by_another_method_is_refused(shop):
    shop.place("native", "ORDER-0001")

    assert code(shop.place("h5", "ORDER-0001")) == (403, "OUT_TRADE_NO_USED")
    app = shop.needs("app")
    shop.place("app", "ORDER-0002")  # the very same body, sent elsewhere
    assert code(shop.place("native", "ORDER-0002", **app)) == (403, "OUT_TRADE_NO_USED")
    assert shop.payer("pay", "ORDER-0001").status_code == 200
    assert code(shop.place("native", "ORDER-0001")) == (400, "ORDERPAID")


def test_the_h5_page_leads_a_browser_from_the_shop_to_the_phone(shop):
    url = (
        shop.place("h5", "ORDER-0001").json()["h5_url"] + "&redirect_url=https%3A%2F%2Fshop.example"
    )
    opened = shop.http.get(url, headers={"Referer": "https://shop.example/"})
    phone = shop.http.get(opened.headers["Location"])

    assert opened.status_code == 302
    assert "ORDER-0001" in phone.text


def test_the_h5_page_turns_away_whom_the_platform_would(shop_with):
    shop = shop_with(h5_domains=("shop.example",))
    url = shop.place("h5", "ORDER-0001").json()["h5_url"]
    ours = {"Referer": "https://pay.shop.example/cart"}

    def told(**headers):
        return shop.http.get(url, headers=headers).text

    assert "商家参数格式有误" in told()
    assert "No Referer" in told()
    assert "商家存在未配置的参数" in told(Referer="https://shop.example.evil/")
    in_wechat = ours | {"User-Agent": "Mozilla/5.0 MicroMessenger/8.0"}
    assert "请在微信外打开订单" in told(**in_wechat)
    assert shop.http.get(url, headers=ours).status_code == 302
    shop.passes(FIVE_MINUTES + 1)
    assert "支付请求已失效" in told(**ours)
