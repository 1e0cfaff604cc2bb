"""The report of a finished run, out of what was matched."""

from application.reconciliation_bills import Statement
from application.reconciliation_funds import ThirdSide
from application.reconciliation_records import Run
from application.reconciliation_report import BillFacts, Report, Sum
from application.reconciliation_run import Figures, Matched
from domain.certificate import Sums, Tally
from domain.method import Provider
from domain.reconciliation import Class


def report_of(
    run: Run,
    provider: Provider,
    statement: Statement,
    matched: Matched,
    third: ThirdSide | None,
    *,
    repaired: int,
) -> Report:
    """Says nothing of when and how long: the same books and bill give the same bytes."""
    tally, certificate = matched.matching.tally, matched.certificate(statement)
    total, classes = tally.total(), _classes(tally)
    unreadable = statement.totals.unreadable + (third.unreadable if third is not None else 0)
    if unreadable:
        classes[Class.UNREADABLE_ROW] = (Sum(), Sum(unreadable, 0))
    if third is not None and third.differences.count:
        classes[Class.FUNDS_MISMATCH] = (Sum(), third.differences)
    return Report(
        account=run.account,
        provider=provider.value,
        day=run.day,
        bill=_bill(statement),
        classes=classes,
        methods=_methods(matched),
        fee_fen=total.fee_fen,
        net_fen=total.bill_fen - total.fee_fen,
        test=Sum(total.tests, total.tests_fen),
        repaired=repaired,
        funds=None if third is None else third.facts,
        certificate=certificate.sha256,
        proof=certificate.canonical.decode(),
    )


def _bill(statement: Statement) -> BillFacts | None:
    bill, totals = statement.bill, statement.totals
    if bill is None:
        return None
    return BillFacts(
        sha256=bill.sha256,
        source=bill.source,
        rows=totals.rows,
        unreadable=totals.unreadable,
        charged_fen=totals.charged_fen,
        refunded_fen=totals.refunded_fen,
        fee_fen=totals.fee_fen,
    )


def _classes(tally: Tally) -> dict[Class, tuple[Sum, Sum]]:
    classes = {}
    for cls, kinds in tally.classes.items():
        sums = Sums()
        for each in kinds.values():
            sums.shift(each)
        if sums.ours or sums.bill:
            classes[cls] = (Sum(sums.ours, sums.ours_fen), Sum(sums.bill, sums.bill_fen))
    return classes


def _methods(matched: Matched) -> dict[str, tuple[Sum, Sum]]:
    def sum_of(method: str, *, charges: bool) -> Sum:
        figures = matched.methods.get((method, charges), Figures())
        return Sum(figures.count, figures.fen)

    names = {method for method, _ in matched.methods}
    return {name: (sum_of(name, charges=True), sum_of(name, charges=False)) for name in names}
