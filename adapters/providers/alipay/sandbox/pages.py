"""What a payer's browser is shown: the cashier, or the error that keeps it away. §2.4."""

import html
from urllib.parse import urlencode

from adapters.providers.alipay.sandbox.refused import Refused
from adapters.providers.alipay.sandbox.trade import TOLD_TO_PAYER, details_of
from adapters.providers.alipay.sandbox.trade_status import TradeStatus
from adapters.providers.alipay.sandbox.yuan import to_yuan
from adapters.providers.sandbox.provider import Answer
from adapters.providers.sandbox.records import Order

#: Where the browser is sent; Alipay's own cashier lives on hosts that nobody names in advance.
CASHIER = "/alipay/cashier"

#: The page loads nothing and runs nothing, and nobody may frame it. Its form goes back to the
#: merchant by redirect, so `form-action` is left out.
SAFE = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'none'",
    "cache-control": "no-store",
}

PAGE = (
    '<!doctype html><html lang="zh-CN"><meta charset="{charset}">'
    '<meta name="viewport" content="width=device-width,initial-scale=1">'
    "<title>模拟收银台 Simulated cashier</title>"
    '<link rel="icon" href="data:,">'
    "<style>:root{{color-scheme:light dark}}"
    "body{{font:1rem/1.5 sans-serif;max-width:24rem;margin:10vh auto;padding:0 1rem}}"
    "strong{{font-size:2rem}}button{{font:inherit;padding:.5rem 1rem;margin-right:.5rem}}</style>"
    "<main>{content}</main></html>"
)

#: What the payer can do, by what the order is.
BUTTONS = {
    TradeStatus.UNSCANNED: (("scan", "登录 Log in"), ("pay", "付款 Pay")),
    TradeStatus.WAIT_BUYER_PAY: (("pay", "付款 Pay"),),
}


def to_cashier(order: Order) -> Answer:
    """Send the browser on to the cashier."""
    return redirect(f"{CASHIER}?{urlencode({'out_trade_no': order.provider_order_no})}", 302)


def redirect(url: str, status: int) -> Answer:
    """Send the browser anywhere."""
    return Answer(status, {"location": url, **SAFE}, b"")


def cashier_page(order: Order, *, back: str, status: int = 200) -> Answer:
    """What is to be paid, with the buttons that the order's state allows; `back`: where after."""
    state = TradeStatus(order.state)
    said = TOLD_TO_PAYER.get(state, "等待登录 Waiting for the payer to log in")
    content = (
        f"<h1>{html.escape(order.subject)}</h1><p><strong>¥{to_yuan(order.amount)}</strong></p>"
        f"<p>{said}</p>{_buttons(order, state)}"
    )
    quit_url = details_of(order).quit_url if order.paid_at is None else ""
    content += _link(back, "返回商家 Back to the merchant") + _link(quit_url, "离开 Leave")
    return page(content, status)


def error_page(why: Refused) -> Answer:
    """The payer sees it, the merchant never does; in GBK, the code without its prefix."""
    name = html.escape(why.sub_code.rpartition(".")[2])
    return page(f"<h1>{name}</h1><p>{html.escape(why.sub_message)}</p>", 200, charset="GBK")


def page(content: str, status: int, *, charset: str = "utf-8") -> Answer:
    """A whole page around `content`, which is HTML already."""
    body = PAGE.format(charset=charset, content=content).encode(charset, "xmlcharrefreplace")
    return Answer(status, {"content-type": f"text/html;charset={charset}", **SAFE}, body)


def _buttons(order: Order, state: TradeStatus) -> str:
    number = f'<input type="hidden" name="out_trade_no" value="{order.provider_order_no}">'
    buttons = "".join(
        f'<button name="action" value="{action}">{label}</button>'
        for action, label in BUTTONS.get(state, ())
    )
    return f'<form method="post" action="{CASHIER}">{number}{buttons}</form>' if buttons else ""


def _link(url: str, label: str) -> str:
    return f'<p><a href="{html.escape(url)}">{label}</a></p>' if _is_web(url) else ""


def _is_web(url: str) -> bool:
    """Merchants may write anything into `quit_url`; a script is not followed."""
    return url.startswith(("http://", "https://"))
