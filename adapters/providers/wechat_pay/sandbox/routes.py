"""Which path means which call, in the trade's words."""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

from adapters.providers.sandbox.provider import Call
from adapters.providers.wechat_pay.sandbox.links import H5_PAGE
from adapters.providers.wechat_pay.sandbox.official_account.platform import (
    PATHS as OFFICIAL_ACCOUNT_PATHS,
)
from adapters.providers.wechat_pay.sandbox.products import PRODUCTS

#: Method, path and call; a group in the path names the call's object.
ROUTES: Sequence[tuple[str, str, str]] = (
    ("POST", rf"/v3/pay/transactions/({'|'.join(PRODUCTS)})", "prepay"),
    ("POST", r"/v3/pay/transactions/codepay", "charge"),
    ("GET", r"/v3/pay/transactions/out-trade-no/([^/]+)", "query"),
    ("GET", r"/v3/pay/transactions/id/([^/]+)", "query_by_transaction"),
    ("POST", r"/v3/pay/transactions/out-trade-no/([^/]+)/close", "close"),
    ("POST", r"/v3/pay/transactions/out-trade-no/([^/]+)/reverse", "reverse"),
    ("POST", r"/v3/refund/domestic/refunds", "refund"),
    ("POST", r"/v3/refund/domestic/refunds/([^/]+)/apply-abnormal-refund", "abnormal_refund"),
    ("GET", r"/v3/refund/domestic/refunds/([^/]+)", "refund_query"),
    ("GET", r"/v3/certificates", "certificates"),
    ("POST", r"/v3/security/echo", "security_echo"),
    ("GET", r"/v3/bill/tradebill", "trade_bill"),
    ("GET", r"/v3/bill/fundflowbill", "fund_bill"),
    ("GET", r"/v3/billdownload/file", "bill_download"),
    ("GET", re.escape(H5_PAGE), "h5_page"),
)

#: Calls that are one and the same to a tester who arms a fault.
OPERATIONS: Mapping[str, str] = {
    "query_by_transaction": "query",
    "abnormal_refund": "refund",
    "trade_bill": "bill",
    "fund_bill": "bill",
}


def route(call: Call) -> tuple[str, str]:
    """Return the call and what its path names, or `other`."""
    for method, pattern, name in ROUTES:
        found = re.fullmatch(pattern, call.path)
        if found and call.method == method:
            return name, unquote(found[1]) if found.groups() else ""
    if call.path.startswith(OFFICIAL_ACCOUNT_PATHS):
        return "official_account", ""
    return "other", ""
