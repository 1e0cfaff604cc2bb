"""alipay.data.dataservice.bill.downloadurl.query, and where its link leads. §7.1."""

from datetime import date, timedelta

from adapters.providers.alipay.sandbox.answer import Fields
from adapters.providers.alipay.sandbox.biz_content import BillWanted
from adapters.providers.alipay.sandbox.desk import Desk, Request
from adapters.providers.alipay.sandbox.pages import page
from adapters.providers.alipay.sandbox.refused import Refused
from adapters.providers.alipay.sandbox.request import read_parameters
from adapters.providers.sandbox.bills import cut_short
from adapters.providers.sandbox.china_days import day_of
from adapters.providers.sandbox.faults import Struck
from adapters.providers.sandbox.provider import Answer, Call

BILL_TYPES = ("trade", "signcustomer")

#: So far back there are bills.
KEPT = timedelta(days=6 * 365)

#: How a day without business is told, by the setting's word (§7.1); otherwise by an empty file.
NOTHING = {
    "bill_not_exist": ("isp.bill_not_exist", "账单不存在"),
    "no_bill_data": ("NO_BILL_DATA", "当日无账单数据"),
}


def find_bill(desk: Desk, request: Request) -> Fields:
    """Tell where a day's bill can be fetched; making it plants what is armed for it."""
    wanted = desk.read(request, BillWanted)
    day = _day(desk, wanted)
    if "bill_late" in request.struck or not desk.statements.are_made(day, desk.now()):
        raise Refused("40004", *NOTHING["bill_not_exist"])
    empty = desk.statements.is_empty(wanted.bill_type, day)
    if empty and desk.rules.empty_bill in NOTHING:
        raise Refused("40004", *NOTHING[desk.rules.empty_bill])
    link = desk.statements.link(request.base_url, wanted.bill_type, day)
    code = {"bill_file_code": "EMPTY_DATA_WITH_BILL_FILE"} if empty else {}
    return {"bill_download_url": link, **code}


def download(desk: Desk, call: Call, struck: Struck) -> Answer:
    """Hand out the file to whoever has the link; nothing here is signed."""
    try:
        file_id = read_parameters(call.query.encode("latin-1"), b"").get("fileId", "")
    except Refused:
        file_id = ""
    content = desk.statements.file(file_id) if call.method == "GET" else None
    if content is None:
        return page("<h1>链接已失效 The link has expired</h1>", desk.rules.expired_link_status)
    if "bill_truncated" in struck:
        content = cut_short(content)
    return Answer(200, {"content-type": "application/octet-stream"}, content)


def _day(desk: Desk, wanted: BillWanted) -> date:
    """The finished day that is asked for. Whole months are not served here."""
    today = day_of(desk.now())
    try:
        day = date.fromisoformat(wanted.bill_date)
    except ValueError:
        raise _invalid("bill_date") from None
    if wanted.bill_type not in BILL_TYPES:
        raise _invalid("bill_type")
    if len(wanted.bill_date) != len("2026-01-15") or not today - KEPT <= day < today:
        raise _invalid("bill_date")
    return day


def _invalid(name: str) -> Refused:
    return Refused("40004", "isv.invalid_arguments", f"参数有误：{name}")
