import hashlib
from dataclasses import replace

import pytest

from adapters.wechat_official_account.config import Credentials, OfficialAccountConfig
from adapters.wechat_official_account.pages import js_signature
from tests.adapters.wechat_official_account.line import PAGE_APP

URL = "https://shop.example.com/pay?order=SO-1&name=%E8%8C%B6"


@pytest.fixture
def pages(wechat):
    return wechat.account.apps.pages


def test_the_way_to_the_login_is_spelled_as_wechat_wants_it(pages):
    assert pages.login_url(back_to="https://pay.example.com/a b?c=1&d", state="abc") == (
        "https://weixin.test/connect/oauth2/authorize?appid=wx1111111111111111"
        "&redirect_uri=https%3A%2F%2Fpay.example.com%2Fa%20b%3Fc%3D1%26d"
        "&response_type=code&scope=snsapi_base&state=abc#wechat_redirect"
    )


def test_a_page_is_signed_as_its_browser_checks_it(run, wechat, pages):
    config = run(pages.js_config(URL))
    ticket, _ = wechat.platform.tokens.ticket(PAGE_APP)

    text = f"jsapi_ticket={ticket}&noncestr={config.nonce}&timestamp={config.timestamp}&url={URL}"
    assert config.signature == hashlib.sha1(text.encode()).hexdigest()
    assert config.app_id == PAGE_APP
    assert "chooseWXPay" in config.functions


def test_no_two_signatures_share_a_nonce(run, pages):
    assert len({run(pages.js_config(URL)).nonce for _ in range(5)}) == 5


def test_the_signature_of_a_known_text_is_known():
    """By sha1sum over `jsapi_ticket=t&noncestr=n&timestamp=1&url=https://a.example/?b=c`."""
    signed = js_signature(ticket="t", nonce="n", timestamp=1, url="https://a.example/?b=c")

    assert signed == "8a9a335ff3b963484c525db06e3c2ba4b76ab167"


def settings(**changes):
    good = OfficialAccountConfig(official_account=Credentials("wx1", "s"), domains=("a.example",))
    return replace(good, **changes)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("domains", ("https://a.example",)),
        ("domains", ("a.example/x",)),
        ("domains", ("A.example",)),
        ("domains", ("a.example:443",)),
        ("base_url", "https://api.weixin.qq.com/"),
        ("base_url", "api.weixin.qq.com"),
        ("authorize_url", "https://a.example/?x"),
        ("back_url", "/back"),
        ("mini_program", Credentials("wx 1", "s")),
        ("mini_program", Credentials("wx1", "")),
    ],
)
def test_a_bad_setting_is_named(key, value):
    with pytest.raises(ValueError, match=key):
        settings(**{key: value})


def test_good_settings_are_taken():
    settings(back_url="https://a.example/wechat/oauth/main/back")
