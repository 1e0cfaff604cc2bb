"""A run that a finance person reads in one minute: what agreed, what did not, what is left."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from adapters.reports.table import Cell, Value
from adapters.reports.words import CLASSES
from application.reconciliation_report import Report, Sum
from domain.money import Money

COUNT, YUAN, TEXT = Cell.NUMBER, Cell.YUAN, Cell.TEXT


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the summary: what, and its figures."""

    label: str
    values: Sequence[tuple[Cell, Value]] = ()
    heading: bool = False


def summary(report: Report) -> Iterator[Line]:
    """Line by line: amounts are fen, in favour of the merchant."""
    verdict = report.discrepancies
    yield Line(f"{report.day} {report.account}", heading=True)
    yield Line("差异 discrepancies", [(COUNT, verdict)])
    yield Line("已自动修复 repaired by asking the provider", [(COUNT, report.repaired)])
    yield Line("净额 net: in − back − fees", [(YUAN, report.net_fen)])
    yield Line("手续费 fees", [(YUAN, report.fee_fen)])
    if report.test.count:
        yield Line("一分钱测试 under the 1-fen switch", _figures(report.test))
    yield Line("")
    yield from _classes(report)
    yield from _methods(report)
    yield from _bill(report)
    yield from _funds(report)
    yield Line("核对凭证 certificate (SHA-256)", [(TEXT, report.certificate)])


def summary_text(lines: Iterable[Line]) -> str:
    """The same for a terminal or a mail."""
    return "".join(f"{line.label}{_row(line.values)}\n" for line in lines)


def _classes(report: Report) -> Iterator[Line]:
    head = [(TEXT, each) for each in ("我方笔数 ours", "元 yuan", "账单笔数 bill", "元 yuan")]
    yield Line("类别 class", head, heading=True)
    for each, label in CLASSES.items():
        if each in report.classes:
            ours, bill = report.classes[each]
            yield Line(label, [*_figures(ours), *_figures(bill)])
    yield Line("")


def _methods(report: Report) -> Iterator[Line]:
    head = [(TEXT, each) for each in ("收款笔数 charges", "元 yuan", "退款笔数 refunds", "元 yuan")]
    yield Line("支付方式 method (ours)", head, heading=True)
    for method, (charges, refunds) in sorted(report.methods.items()):
        yield Line(method, [*_figures(charges), *_figures(refunds)])
    yield Line("")


def _bill(report: Report) -> Iterator[Line]:
    yield Line("账单 bill", heading=True)
    if report.bill is None:
        yield Line("当日无账单 the provider has none: nothing happened that day")
    else:
        facts = report.bill
        yield Line("笔数 rows", [(COUNT, facts.rows)])
        yield Line("无法读取 unreadable", [(COUNT, facts.unreadable)])
        yield Line("收款 charged", [(YUAN, facts.charged_fen)])
        yield Line("退款 refunded", [(YUAN, facts.refunded_fen)])
        yield Line("手续费 fees", [(YUAN, facts.fee_fen)])
        yield Line("来源 source", [(TEXT, facts.source)])
        yield Line("文件 file (SHA-256)", [(TEXT, facts.sha256)])
    yield Line("")


def _funds(report: Report) -> Iterator[Line]:
    if report.funds is None:
        return
    funds = report.funds
    yield Line("资金流水 fund flow", heading=True)
    yield Line("应到 due by the trade bill", [(YUAN, funds.expected_fen)])
    yield Line("实到 arrived on the balance", [(YUAN, funds.moved_fen)])
    if funds.waiting.count:
        yield Line("跨日待核 near midnight, on one side", _figures(funds.waiting))
    if funds.returned_fen:
        yield Line("退款退回 refunds that came back", [(YUAN, funds.returned_fen)])
    yield Line("其他变动 other movements", _figures(funds.other))
    yield Line("")


def _figures(sums: Sum) -> list[tuple[Cell, Value]]:
    return [(COUNT, sums.count), (YUAN, sums.fen)]


def _row(values: Sequence[tuple[Cell, Value]]) -> str:
    return "".join(f"  {written(cell, value)}" for cell, value in values)


def written(cell: Cell, value: Value) -> str:
    return Money(value).to_yuan() if cell is YUAN and isinstance(value, int) else str(value)
