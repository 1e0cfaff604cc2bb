import pytest

from adapters.http.page_urls import PageUrl, page_url


def page(text: str) -> PageUrl:
    found = page_url(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://shop.example.com", "shop.example.com"),
        ("https://SHOP.example.com/", "shop.example.com"),
        ("http://shop.example.com:8080/a?b=c#d", "shop.example.com"),
        ("https://shop.example.com?b=https://evil.example.com", "shop.example.com"),
        ("https://shop.example.com#@evil.example.com", "shop.example.com"),
        ("https://evil.example.com/@shop.example.com", "evil.example.com"),
    ],
)
def test_the_host_is_the_one_that_a_browser_goes_to(text, host):
    assert page(text).host == host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/pay",
        "//shop.example.com/",
        "shop.example.com",
        "javascript:alert(1)//shop.example.com",
        "HTTPS://shop.example.com",
        "https:shop.example.com",
        "https:///shop.example.com",
        "https://evil.example.com\\@shop.example.com",
        "https://shop.example.com\\.evil.example.com",
        "https://shop.example.com@evil.example.com",
        "https://evil.example.com:pw@shop.example.com",
        "https://shop.example.com:80:80/",
        "https://shop.example.com:/x",
        "https://[::1]/",
        "https://shop.example.com/a\\b",
        "https://shop.example.com/a b",
        "https://shop.example.com/\n",
        "https://shop.example.com/茶",
        "https://shop.exämple.com/",
        "https://shop.example.com/\x00",
        "https://shop.example.com/" + "x" * 2048,
    ],
)
def test_what_readers_disagree_about_is_no_page(text):
    assert page_url(text) is None


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("https://shop.example.com/", True),
        ("http://shop.example.com/", False),
        ("http://127.0.0.1:8000/", True),
        ("http://localhost/", True),
    ],
)
def test_an_openid_travels_privately_or_not_at_all(text, private):
    assert page(text).private is private


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example/p#x?y", "https://a.example/p"),
        ("https://a.example/p?#", "https://a.example/p?"),
        ("https://a.example/p?a=%20+b", "https://a.example/p?a=%20+b"),
    ],
)
def test_only_the_fragment_is_left_out(text, expected):
    assert page(text).without_fragment == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example", "https://a.example?openid=o1"),
        ("https://a.example/p?b=%2F&c", "https://a.example/p?b=%2F&c&openid=o1"),
        ("https://a.example/p?openid=forged&b=1", "https://a.example/p?b=1&openid=o1"),
        ("https://a.example/p?%6fpenid=forged", "https://a.example/p?openid=o1"),
        ("https://a.example/p#/route?x", "https://a.example/p?openid=o1#/route?x"),
    ],
)
def test_a_page_is_told_one_openid(text, expected):
    assert page(text).naming("o1") == expected
