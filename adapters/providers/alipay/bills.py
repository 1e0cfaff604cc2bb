"""The daily bills of one Alipay merchant account: fetched, and read. Source: MAPPING.md §11."""

import asyncio
import re
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import httpx
import msgspec

from adapters.providers.alipay.bill_answers import Told, bill_answer
from adapters.providers.alipay.bill_file import is_whole_zip
from adapters.providers.alipay.client import Answer, Client
from adapters.providers.alipay.config import AlipayConfig
from adapters.providers.alipay.fund_bill import read_fund_bill
from adapters.providers.alipay.orders import UNSIGNED
from adapters.providers.alipay.trade_bill import read_trade_bill
from adapters.providers.alipay.wire import read_statement
from adapters.providers.checked import NotUnderstood
from adapters.providers.transport import DOWNLOAD_SECONDS, save
from application.ports import Clock
from application.reconciliation_records import (
    BillFile,
    BillNotReady,
    BillRefused,
    Downloaded,
    NoBill,
)
from domain.bill import CHINA, BillKind, BillRow, BillTotals, FundRow, UnreadableRow
from domain.outcome import Unknown

METHOD = "alipay.data.dataservice.bill.downloadurl.query"

BILL_TYPES = {BillKind.TRADE: "trade", BillKind.FUNDS: "signcustomer"}

#: When a day's file is normally there, the next day. What is not there by noon was never made.
MADE_BY, SURELY_MADE_BY = time(9), time(12)

#: Alipay says so of a day with no business; the file that it has all the same is empty.
EMPTY = "EMPTY_DATA_WITH_BILL_FILE"

#: Nothing is wrong with the bill, only with the way to it.
SOON = timedelta(minutes=5)

#: The link is good for 30 s, the download may take longer. The bytes are those of the zip.
LONGEST_DOWNLOAD_SECONDS = 600.0
MOST_BYTES = 4 << 30


class AlipayBills:
    """A BillSource. Only a signed answer brings a bill, or says that there is none."""

    def __init__(
        self,
        config: AlipayConfig,
        client: Client,
        transport: httpx.AsyncBaseTransport,
        clock: Clock,
    ) -> None:
        self._seller_id = config.seller_id
        self._gateway = httpx.URL(config.gateway_url)
        self._client = client
        self._transport = transport
        self._clock = clock

    async def download(self, kind: BillKind, day: date, target: str) -> Downloaded:
        """Ask for the link, and follow it at once. A day that is not over has no bill."""
        now, tomorrow = self._clock.now(), day + timedelta(days=1)
        if now < _at(tomorrow, time()):
            return BillNotReady("the day is not over", _at(tomorrow, MADE_BY) - now)
        wanted = {"bill_type": BILL_TYPES[kind], "bill_date": day.isoformat()}
        answer = await self._client.call(METHOD, msgspec.json.encode(wanted))
        if isinstance(answer, Unknown):
            return BillNotReady(answer.reason, max(answer.retry_after or SOON, SOON))
        if not answer.genuine:
            return BillNotReady(UNSIGNED, SOON)
        match bill_answer(answer.head):
            case Told.HERE:
                return await self._follow(answer, kind, day, target)
            case Told.NOTHING:
                return NoBill()
            case Told.NOT_THERE if now >= _at(tomorrow, SURELY_MADE_BY):
                return NoBill()
            case Told.NOT_THERE:
                return BillNotReady("Alipay has not made it yet")
            case Told.NEVER:
                return BillRefused(_words(answer))
            case Told.LATER:
                return BillNotReady(_words(answer), SOON)

    def read(self, file: str, *, day: date) -> Iterator[BillRow | UnreadableRow | BillTotals]:
        """Read a trade bill; raises BillRejected."""
        return read_trade_bill(file, seller_id=self._seller_id, day=day)

    def read_funds(self, file: str, *, day: date) -> Iterator[FundRow | UnreadableRow]:
        """Read a bill of the balance; raises BillRejected."""
        return read_fund_bill(file, seller_id=self._seller_id, day=day)

    async def _follow(self, answer: Answer, kind: BillKind, day: date, target: str) -> Downloaded:
        try:
            statement = read_statement(answer.node)
            if statement.bill_file_code == EMPTY:
                return NoBill()
            link = self._checked(statement.bill_download_url)
        except NotUnderstood as error:
            return BillNotReady(f"answer not understood: {error}", SOON)
        request = httpx.Request(
            "GET",
            link,
            headers={"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "basepay"},
            extensions={DOWNLOAD_SECONDS: LONGEST_DOWNLOAD_SECONDS},
        )
        try:
            got, _ = await save(self._transport, request, target, most_bytes=MOST_BYTES)
        except httpx.HTTPError as error:
            return BillNotReady(f"no download: {type(error).__name__} {error}", SOON)
        if got.status_code != 200:
            return BillNotReady(f"no download: HTTP {got.status_code}", SOON)
        if not await asyncio.to_thread(is_whole_zip, target):  # also a page that says why not
            return BillNotReady("no download: the file is no zip, or cut short", SOON)
        size = (await asyncio.to_thread(Path(target).stat)).st_size
        return BillFile(_name(link) or f"{self._seller_id}_{day:%Y%m%d}_{kind}.zip", size)

    def _checked(self, text: str) -> httpx.URL:
        """The link by https, or to the gateway's own host. Raises NotUnderstood."""
        try:
            link = httpx.URL(text)
        except (httpx.InvalidURL, TypeError):
            raise NotUnderstood("the link is not an address") from None
        if (link.scheme, link.netloc) == (self._gateway.scheme, self._gateway.netloc):
            return link
        if link.scheme == "http" and link.port is None:
            link = link.copy_with(scheme="https")
        if link.scheme != "https" or not link.host or link.userinfo:
            raise NotUnderstood("the link is neither https nor the gateway's")
        return link


def _at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, CHINA)


def _name(link: httpx.URL) -> str:
    """What the link calls the file; nothing if that could be anything but a name."""
    name = link.params.get("downloadFileName", "")
    return name if re.fullmatch(r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,100}", name) else ""


def _words(answer: Answer) -> str:
    return f"{(answer.head.sub_code or answer.head.code)[:64]} {answer.head.sub_msg[:256]}".strip()
