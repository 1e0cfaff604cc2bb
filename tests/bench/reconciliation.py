"""A day's bill against our book: `python -m tests.bench.reconciliation [--rows N] [--postgres]`.

By default 1 000 000 rows of WeChat Pay's trade bill against as many movements in SQLite and in a
PostgreSQL from its wheel, with some differences of four classes, of which exactly those must be
found. Each side is measured in a process of its own, beside DuckDB joining the bill with an export
of the same database, if it is installed (dependency group `bench`).
"""

import argparse
import asyncio
import csv
import importlib.util
import json
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import asyncpg
import uvloop

from adapters.persistence.sql import migrate
from adapters.persistence.sql.order_rows import payment_row, refund_row
from adapters.persistence.sql.store import SqlStore
from adapters.persistence.sql.values import Value, micros
from adapters.providers.wechat_pay.trade_bill import Scope, read_trade_bill
from adapters.scratch import NewDiskScratch
from application.reconciliation_bills import BY_KEY
from domain.bill import CHINA, BillRow, BillTotals
from domain.bill_day import BillDay
from domain.matching import Matching
from domain.method import Provider
from domain.reconciliation import Class, FeeTerms
from tests.adapters.persistence.making import Make
from tests.servers.postgres import PostgresServer

MILLION, BATCH = 1_000_000, 20_000
DAY = BillDay.of(date(2026, 11, 21))
MCHID = "1900000001"

#: Every 10th payment is refunded; every 4000th is lost here, there, altered or doubled.
REFUNDED, PERIOD = 10, 4_000
LOST_THERE, LOST_HERE, ALTERED, DOUBLED = 1, 1_001, 2_001, 3_001

HEADER = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
TOTALS = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
ROW = (
    "`{at},`wx0123456789abcdef,`" + MCHID + ",`0,`,`42{number},`d1{number},`oEXAMPLEopenid{number},"
    "`NATIVE,`{state},`OTHERS,`CNY,`{paid},`0.00,`{refund_id},`{refund_no},`{back},`0.00,`{way},"
    "`{became},`两杯茶,`,`{fee},`0.60%,`{paid},`{back},`"
)


@dataclass(frozen=True, slots=True)
class Sale:
    """One payment; `place` says everything about it."""

    place: int
    at: datetime

    @property
    def number(self) -> str:
        return f"{self.place:026d}"

    @property
    def fen(self) -> int:
        return 1_000 + self.place % 9_000

    def is_case(self, case: int) -> bool:
        return self.place % PERIOD == case

    @property
    def refunded(self) -> bool:
        return self.place % REFUNDED == 0


def sales(rows: int) -> Iterator[Sale]:
    """As many as make so many rows with their refunds, from one o'clock to eleven at night."""
    count = rows * REFUNDED // (REFUNDED + 1)
    for place in range(count):
        yield Sale(place, DAY.start + timedelta(hours=1) + timedelta(hours=22) * place / count)


def expected(rows: int) -> dict[Class, int]:
    cases = Counter(sale.place % PERIOD for sale in sales(rows))
    return {
        Class.MISSING_AT_PROVIDER: cases[LOST_THERE],
        Class.MISSING_LOCALLY: cases[LOST_HERE],
        Class.AMOUNT_MISMATCH: cases[ALTERED],
        Class.DUPLICATE_IN_BILL: cases[DOUBLED],
    }


def yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def write_bill(path: Path, rows: int) -> int:
    """As the provider writes it, in the order of the day; how many rows."""
    count = charged = back = fees = 0
    block: list[str] = []
    with path.open("w", encoding="utf-8-sig", newline="") as bill:
        bill.write(HEADER + "\r\n")
        for sale in sales(rows):
            lines, fen, fee = bill_lines(sale)
            block += lines
            count += len(lines)
            charged += fen
            fees += fee
            back += sale.fen if sale.refunded else 0
            if len(block) > BATCH:
                bill.writelines(block)
                block.clear()
        bill.writelines(block)
        kept, given = yuan(charged), yuan(back)
        totals = (f"{count}.0", kept, given, "0.0", yuan(fees), kept, given)
        bill.write(TOTALS + "\r\n" + ",".join(f"`{each}" for each in totals) + "\r\n")
    return count


def bill_lines(sale: Sale) -> tuple[list[str], int, int]:
    """The rows of one payment, what they charge, and what the provider keeps of that."""
    at = sale.at.astimezone(CHINA).strftime("%Y-%m-%d %H:%M:%S")
    lines: list[str] = []
    fen = sale.fen + sale.is_case(ALTERED)
    fee = (fen * 6 + 500) // 1_000
    known = {"at": at, "number": sale.number}
    if not sale.is_case(LOST_THERE):
        row = ROW.format(
            **known,
            state="SUCCESS",
            paid=yuan(fen),
            refund_id="0",
            refund_no="0",
            back="0.00",
            way="",
            became="",
            fee=yuan(fee) + "000",
        )
        lines += [row + "\r\n"] * (1 + sale.is_case(DOUBLED))
    charges = len(lines)
    if sale.refunded:
        row = ROW.format(
            **known,
            state="REFUND",
            paid="0.00",
            refund_id=f"50{sale.number}",
            refund_no=f"d1r{sale.number[1:]}",
            back=yuan(sale.fen),
            way="ORIGINAL",
            became="SUCCESS",
            fee="0.00000",
        )
        lines.append(row + "\r\n")
    return lines, charges * fen, charges * fee


def batches(rows: int) -> Iterator[tuple[list[dict[str, Value]], list[dict[str, Value]]]]:
    """Our side, as its tables hold it."""
    make = Make()
    payment = make.paid()
    paid, gone = dict(payment_row(payment)), dict(refund_row(make.refund(payment)))
    payments: list[dict[str, Value]] = []
    refunds: list[dict[str, Value]] = []
    for sale in sales(rows):
        number, at = sale.number, micros(sale.at)
        own: dict[str, Value] = {"id": f"pay_{number}", "order_no": number}
        own |= {"provider_order_no": f"d1{number}", "created_at": at, "succeeded_at": at}
        own |= {"amount": sale.fen, "charged_amount": sale.fen, "settled_amount": None}
        if not sale.is_case(LOST_HERE):
            payments.append(paid | own)
        if sale.refunded:
            theirs: dict[str, Value] = {"id": f"ref_{number}", "refund_no": number}
            theirs |= {"payment_id": f"pay_{number}", "provider_refund_no": f"d1r{number[1:]}"}
            theirs |= {"amount": sale.fen, "charged_amount": sale.fen, "accepted_at": at}
            refunds.append(gone | theirs)
        if len(payments) >= BATCH:
            yield payments, refunds
            payments, refunds = [], []
    yield payments, refunds


def fill_sqlite(path: Path, rows: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for batch in batches(rows):
            for table, some in zip(("payments", "refunds"), batch, strict=True):
                if some:
                    marks = ", ".join(f":{name}" for name in some[0])
                    text = f"INSERT INTO {table} ({', '.join(some[0])}) VALUES ({marks})"
                    connection.executemany(text, some)
            connection.commit()
        connection.execute("ANALYZE")


async def fill_postgres(url: str, rows: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        for batch in batches(rows):
            for table, some in zip(("payments", "refunds"), batch, strict=True):
                if some:
                    records = [tuple(each.values()) for each in some]
                    await connection.copy_records_to_table(
                        table, records=records, columns=list(some[0])
                    )
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


class Watch:
    """Seconds by the wall and of the CPU since the last look."""

    def __init__(self) -> None:
        self.told: dict[str, float] = {}
        self._idle = peak_mb()
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def lap(self, name: str) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        self.told[name] = round(wall - self._wall, 2)
        self.told[f"{name}, CPU"] = round(cpu - self._cpu, 2)
        self._wall, self._cpu = wall, cpu

    def tell(self, found: Counter[Class], rows: int, **more: object) -> None:
        seconds = sum(s for name, s in self.told.items() if not name.endswith("CPU"))
        told = {
            **self.told,
            "seconds": round(seconds, 2),
            "rows a second": round(rows / seconds),
            "peak MB": peak_mb(),
            "of them idle": self._idle,
            "found": {cls.value: count for cls, count in sorted(found.items())},
            **more,
        }
        sys.stdout.write(json.dumps(told) + "\n")


async def reconcile(url: str, bill: str) -> None:
    """Read the bill, sort it, read our book, match; print what it took."""
    store = await SqlStore.open(url)
    scratch = NewDiskScratch()()
    watch, totals = Watch(), BillTotals(rows=0)
    spool = scratch.spool(BillRow, by=BY_KEY)
    for row in read_trade_bill(bill, mchid=MCHID, day=DAY.day, scopes=frozenset({Scope.ALL})):
        if isinstance(row, BillRow):
            spool.add(row)
        elif isinstance(row, BillTotals):
            totals = row
    watch.lap("bill read")
    found: Counter[Class] = Counter()
    matching = Matching(spool.sorted(), DAY.day, prefix="d1", fees=FeeTerms.of("0.006"))
    async for page in store.books.movements("wechat-main", Provider.WECHAT, *DAY.window):
        found.update(finding.cls for finding in matching.take(page))
    found.update(finding.cls for finding in matching.finish())
    watch.lap("matched")
    certificate = matching.certificate(totals, account="wechat-main")
    assert certificate.contradictions() == ()
    await store.close()
    scratch.close()
    watch.tell(found, totals.rows, movements=matching.tally.read.ours)


#: Only what has to be compared; a bill's totals stand below its rows.
JOIN = """
WITH rows AS (
    SELECT substr("商户订单号", 2) AS order_no, substr("商户退款单号", 2) AS refund_no,
        CAST(replace(substr(CASE WHEN "交易状态" = '`REFUND' THEN "申请退款金额"
            ELSE "订单金额" END, 2), '.', '') AS BIGINT) AS fen
    FROM read_csv('{bill}', header = true, all_varchar = true, quote = '', null_padding = true,
        strict_mode = false)
    WHERE "交易时间" LIKE '`2%' AND "交易状态" IS NOT NULL
), bill AS (
    SELECT order_no, refund_no, min(fen) AS fen, count(*) AS times FROM rows GROUP BY ALL
), ours AS (
    SELECT * FROM read_csv('{ours}', header = true, quote = '', columns = {{
        'order_no': 'VARCHAR', 'refund_no': 'VARCHAR', 'fen': 'BIGINT'}})
)
SELECT count(*) FILTER (bill.fen IS NULL), count(*) FILTER (ours.fen IS NULL),
    count(*) FILTER (bill.fen <> ours.fen), coalesce(sum(times - 1), 0), sum(times)
FROM bill FULL JOIN ours USING (order_no, refund_no)
"""
EXPORT = """
SELECT provider_order_no, '0', charged_amount FROM payments UNION ALL
SELECT p.provider_order_no, r.provider_refund_no, r.charged_amount
FROM refunds r JOIN payments p ON p.id = r.payment_id
"""


def join(database: str, bill: str) -> None:
    """The peer: our book exported, and both files joined by DuckDB."""
    duckdb = importlib.import_module("duckdb")
    ours, watch = f"{bill}.ours", Watch()
    with closing(sqlite3.connect(database)) as connection, Path(ours).open("w") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_NONE)
        writer.writerow(("order_no", "refund_no", "fen"))
        writer.writerows(connection.execute(EXPORT))
    watch.lap("exported")
    duckdb.sql("SET memory_limit = '300MB'")
    joined = duckdb.sql(JOIN.format(bill=bill, ours=ours)).fetchall()
    watch.lap("joined")
    [(lost_there, lost_here, altered, doubled, rows)] = joined
    found = Counter(
        {
            Class.MISSING_AT_PROVIDER: lost_there,
            Class.MISSING_LOCALLY: lost_here,
            Class.AMOUNT_MISMATCH: altered,
            Class.DUPLICATE_IN_BILL: int(doubled),
        }
    )
    watch.tell(found, int(rows))


def measure(name: str, wanted: dict[Class, int], *arguments: str) -> None:
    """In a process of its own, so that memory is its own too."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.reconciliation", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    told = json.loads(done.stdout)
    assert told["found"] == {cls.value: n for cls, n in sorted(wanted.items()) if n}, told["found"]
    sys.stdout.write(f"{name}: {json.dumps(told, ensure_ascii=False)}\n")
    sys.stdout.flush()


def bench(folder: Path, rows: int, shapes: list[str], *, times: int) -> None:
    bill, wanted = folder / "bill.csv", expected(rows)
    written = write_bill(bill, rows)
    sys.stdout.write(f"{written} rows, {bill.stat().st_size >> 20} MB\n")
    if "sqlite" in shapes:
        path = folder / "bench.db"
        migrate.upgrade(f"sqlite:///{path}")
        fill_sqlite(path, rows)
        for _ in range(times):
            measure("SQLite", wanted, "--url", f"sqlite:///{path}", "--bill", str(bill))
            if importlib.util.find_spec("duckdb"):
                measure("DuckDB", wanted, "--join", str(path), "--bill", str(bill))
        path.unlink()
    if "postgres" in shapes:
        server = PostgresServer()
        try:
            url = asyncio.run(server.create())
            migrate.upgrade(url)
            asyncio.run(fill_postgres(url, rows))
            for _ in range(times):
                measure("PostgreSQL", wanted, "--url", url, "--bill", str(bill))
        finally:
            server.remove()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=MILLION)
    parser.add_argument("--only", choices=["sqlite", "postgres"])
    parser.add_argument("--times", type=int, default=2)
    parser.add_argument("--url", help="measure basepay on this filled database")
    parser.add_argument("--join", help="measure DuckDB on an export of this SQLite file")
    parser.add_argument("--bill", help="a bill that is written already")
    given = parser.parse_args()
    if given.url:
        uvloop.run(reconcile(given.url, given.bill))
    elif given.join:
        join(given.join, given.bill)
    else:
        shapes = [given.only] if given.only else ["sqlite", "postgres"]
        with tempfile.TemporaryDirectory() as folder:
            bench(Path(folder), given.rows, shapes, times=given.times)


if __name__ == "__main__":
    main()
