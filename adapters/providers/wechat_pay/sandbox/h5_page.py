"""The middle page of an H5 payment, and whom it turns away (§3.9)."""

from urllib.parse import parse_qs, quote, urlsplit

from adapters.providers.sandbox.provider import Answer, Call, World
from adapters.providers.wechat_pay.sandbox.settings import WeChatPaySandboxSettings

PAGE = (
    '<!doctype html><html lang="zh-CN"><meta charset="utf-8">'
    '<meta name="viewport" content="width=device-width,initial-scale=1"><title>微信支付</title>'
    '<link rel="icon" href="data:,"><style>body{{font:1rem/1.5 sans-serif;max-width:24rem;'
    "margin:10vh auto;padding:0 1rem}}:root{{color-scheme:light dark}}</style>"
    '<p>{}</p><p lang="en">{}</p></html>'
)

#: WeChat's own words, and for whoever does not read them what they mean.
TOLD = {
    "商家参数格式有误，请联系商家解决": "No Referer: lead to it from a page of yours.",
    "商家存在未配置的参数，请联系商家解决": "The Referer is not below the H5 payment domain.",
    "请在微信外打开订单，进行支付": "This is WeChat's own browser: use JSAPI there.",
    "支付请求已失效，请重新发起支付": "The link is unknown, or stale.",
}


def open_h5_page(world: World, settings: WeChatPaySandboxSettings, call: Call) -> Answer:
    """Lead the browser on to the payer's phone, or say why not."""
    if wrong := _wrong(world, settings, call):
        headers = {"Content-Type": "text/html; charset=utf-8"}
        return Answer(200, headers, PAGE.format(wrong, TOLD[wrong]).encode())
    query = parse_qs(call.query)
    leads = query["prepay_id"][0]
    if "redirect_url" in query:
        leads += f"&redirect_url={quote(query['redirect_url'][0], safe='')}"
    return Answer(302, {"Location": f"/sandbox?order={quote(leads, safe='')}"}, b"")


def base_url(call: Call) -> str:
    """Where this simulator was called, so that its links lead back to it."""
    return f"http://{call.headers.get('host', '127.0.0.1')}"


def _wrong(world: World, settings: WeChatPaySandboxSettings, call: Call) -> str | None:
    referer = call.headers.get("referer", "")
    if not referer:
        return "商家参数格式有误，请联系商家解决"
    if settings.h5_domains and not _below(referer, settings.h5_domains):
        return "商家存在未配置的参数，请联系商家解决"
    if "MicroMessenger" in call.headers.get("user-agent", ""):
        return "请在微信外打开订单，进行支付"
    if not _leads_somewhere(world, call):
        return "支付请求已失效，请重新发起支付"
    return None


def _below(referer: str, domains: tuple[str, ...]) -> bool:
    try:
        host = urlsplit(referer).hostname or ""
    except ValueError:
        return False
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _leads_somewhere(world: World, call: Call) -> bool:
    prepay_id = parse_qs(call.query).get("prepay_id", [""])[0]
    order, now = world.book.order_by_code(prepay_id), world.clock.now()
    return order is not None and any(
        code.url == prepay_id and code.expires_at > now for code in order.codes
    )
