import json
from dataclasses import replace
from datetime import date

from application.reconciliation_report import BillFacts, FundsFacts, Report, Sum
from domain.reconciliation import Class

REPORT = Report(
    account="wechat-main",
    provider="wechat",
    day=date(2026, 11, 25),
    bill=BillFacts("ab" * 32, "provider", 3, 1, 12_000, 3_000, 54),
    classes={
        Class.MATCHED: (Sum(2, 9_000), Sum(2, 9_000)),
        Class.MISSING_AT_PROVIDER: (Sum(1, 500), Sum()),
        Class.UNREADABLE_ROW: (Sum(), Sum(1)),
    },
    methods={"wechat_native": (Sum(2, 12_500), Sum(1, -3_000))},
    fee_fen=54,
    net_fen=8_946,
    test=Sum(1, 1),
    repaired=1,
    funds=FundsFacts(8_946, 8_946, Sum(1, -5_000), Sum(1, 30), 20),
    certificate="cd" * 32,
)


def test_a_report_is_read_back_as_it_was_written():
    assert Report.from_json(REPORT.to_json()) == REPORT
    older = replace(REPORT, funds=FundsFacts(8_946, 8_946, Sum(1, -5_000)))
    without = json.loads(older.to_json())
    del without["funds"]["waiting"], without["funds"]["returned_fen"]
    assert Report.from_json(json.dumps(without).encode()) == older
    bare = Report(account="a", provider="alipay", day=date(2026, 1, 1))
    assert Report.from_json(bare.to_json()) == bare


def test_only_what_a_person_must_look_at_counts_as_discrepancy():
    assert REPORT.discrepancies == 2
