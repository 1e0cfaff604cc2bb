"""How the demo ends: every day of it is over, and every bill agrees with the books."""

from datetime import UTC, date, datetime, timedelta

from domain.bill_day import BillDay, bill_day
from entrypoints.demo_scenarios import expect
from entrypoints.demo_shop import Shop, View

ACCOUNTS = ("wechat-main", "alipay-main")

ONE_DAY = timedelta(days=1)


async def every_day_agrees(shop: Shop, _: str) -> None:
    """The worker fetches the bills when their hour has come; nobody asks for it."""
    last = bill_day(await shop.now())
    noon = BillDay.of(last + ONE_DAY).start + ONE_DAY / 2
    await shop.time_passes((noon - await shop.now()).total_seconds())
    payments = await shop.all_of("payments")
    first = min(bill_day(_instant(each["created_at"])) for each in payments)
    rows = 0
    for account in ACCOUNTS:
        for n in range((last - first).days + 1):
            rows += await _agrees(shop, account, first + n * ONE_DAY)
    expect("something was matched", True, rows > 0)


async def _agrees(shop: Shop, account: str, day: date) -> int:
    """How many rows the day's bill has."""
    run = await shop.reconciled(account, day)
    expect(f"{account}, {day}", "finished", run["status"])
    expect(f"differences of {account}, {day}", [], await _unresolved(shop, run))
    classes = run["report"]["classes"]
    expect(f"classes of {account}, {day}", set(), set(classes) - {"matched"})
    return sum(sides["bill"]["count"] for sides in classes.values())


async def _unresolved(shop: Shop, run: View) -> list[str]:
    found = await shop.differences(run)
    return [f"{one['class']}: {one['detail']}" for one in found if one["status"] != "resolved"]


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
