"""One day with something of everything."""

from datetime import UTC, date, datetime

import pytest

from application.reconciliation_report import BillFacts, FundsFacts, Report, Sum
from domain.bill import MovementKind
from domain.discrepancy import Discrepancy, DiscrepancyStatus, Entry, Resolution
from domain.reconciliation import Class

DAY = date(2026, 11, 25)
AT = datetime(2026, 11, 26, 2, 30, tzinfo=UTC)


@pytest.fixture
def report() -> Report:
    return Report(
        account="wechat-main",
        provider="wechat",
        day=DAY,
        bill=BillFacts("ab" * 32, "provider", 4, 1, 12_000, 3_000, 54),
        classes={
            Class.MATCHED: (Sum(2, 9_000), Sum(2, 9_000)),
            Class.MISSING_AT_PROVIDER: (Sum(1, 500), Sum()),
        },
        methods={"wechat_native": (Sum(2, 12_500), Sum(1, -3_000))},
        fee_fen=54,
        net_fen=8_946,
        test=Sum(1, 1),
        funds=FundsFacts(8_946, 8_946, Sum(1, -5_000), Sum(1, 3_000), 1_234),
        certificate="cd" * 32,
    )


@pytest.fixture
def discrepancies() -> list[Discrepancy]:
    return [
        Discrepancy(
            id="dis_01JD8ZB0M5T3R8W1Q9K7C4N6VX",
            run_id="rec_01JD8ZB0M5T3R8W1Q9K7C4N6VW",
            account="wechat-main",
            cls=Class.MISSING_AT_PROVIDER,
            order_no="d101JD8ZB0M5T3R8W1Q9K7C4N6VA",
            kind=MovementKind.CHARGE,
            refund_no="",
            nth=0,
            ours_fen=123_456,
            bill_fen=None,
            order_id="pay_01JD8ZB0M5T3R8W1Q9K7C4N6VA",
            detail="我们已收款，账单没有 paid by our book, not in the bill",
            found_at=AT,
        ),
        Discrepancy(
            id="dis_01JD8ZB0M5T3R8W1Q9K7C4N6VY",
            run_id="rec_01JD8ZB0M5T3R8W1Q9K7C4N6VW",
            account="wechat-main",
            cls=Class.UNREADABLE_ROW,
            order_no="",
            kind=None,
            refund_no="",
            nth=0,
            ours_fen=None,
            bill_fen=None,
            detail="expected 27 columns, got 2",
            raw="=HYPERLINK(0),`x",
            line=4,
            status=DiscrepancyStatus.RESOLVED,
            resolution=Resolution.NOTE,
            trail=(Entry(AT, "olga", "note", "the provider resent the file"),),
            found_at=AT,
        ),
    ]
