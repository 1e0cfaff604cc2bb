"""Reconciliation, told on every stage."""

import pytest
from pytest_bdd import scenarios, step, then

from tests.acceptance.bills import ONE_DAY, Wrong, to_midnight, to_noon
from tests.acceptance.stage import METHODS, Trouble
from tests.acceptance.story import Story
from tests.acceptance.words import WHO, YUAN, any_of, says

pytestmark = pytest.mark.usefixtures("stage")

scenarios("reconciliation.feature")

WRONGS = {
    "will lack an order": Wrong.LACKS_IT,
    "will tell of an order twice": Wrong.TWICE,
    "will tell another sum": Wrong.OTHER_SUM,
    "will tell of a stranger's order, too": Wrong.STRANGERS_TOO,
    "will tell of the order a day later": Wrong.A_DAY_LATER,
    "is late": Wrong.LATE,
    "is damaged": Wrong.DAMAGED,
}
DIFFERENCES = {
    "the money is missing": "missing_at_provider",
    "the bill has something twice": "duplicate_in_bill",
    "the sums differ": "amount_mismatch",
    "the books lack a payment": "missing_locally",
}


class Diary:
    """The day that the story is about, and how its run stands."""

    def __init__(self, run, story):
        self._run, self._story, self.bills = run, story, story.stage.bills
        self.day = run(self.bills.today())

    def run_once(self, holds):
        """The run of that day, once this is true of it."""

        async def read():
            return await self.bills.run(self._story.provider, self.day)

        found = self._run(self._story.stage.eventually(read, lambda it: it and holds(it)))
        assert found is not None
        return found

    def finished(self):
        run = self.run_once(lambda it: it["status"] == "finished")
        assert run["status"] == "finished", run["failure"]
        return run

    def differences(self):
        return self._run(self.bills.differences(self.finished()))


@pytest.fixture
def diary(run, story) -> Diary:
    return Diary(run, story)


@step("a fresh day")
def a_fresh_day(run, story, request):
    run(to_noon(story.stage.bills, days=1))
    request.getfixturevalue("diary")


@step("it is shortly before midnight")
def shortly_before_midnight(run, story, request):
    run(to_midnight(story.stage.bills))
    request.getfixturevalue("diary")


@says(f"a second customer has paid {YUAN} with {WHO}")
def a_second_customer_has_paid(run, story, amount, who):
    other = Story(story.stage)
    other.amount = amount
    other.by(METHODS[who])
    run(other.place())
    assert run(story.stage.payer("pay", other.payment))
    assert run(other.payment_becomes(other.payment, "succeeded"))["status"] == "succeeded"


@says(f"the bill (?P<how>{any_of(WRONGS)})")
def the_bill_is_wrong(run, story, diary, how):
    run(story.stage.bills.wrong(WRONGS[how], story.provider, diary.day))


@says(f"{WHO} remembers the order, though its callbacks get lost")
def the_provider_remembers(run, story, who):
    run(story.stage.mend())
    run(story.stage.trouble(Trouble.CALLBACKS_LOST, who))


@step("the next day comes")
def the_next_day_comes(run, story):
    run(to_noon(story.stage.bills, days=1))


@step("the day is reconciled again")
def the_day_is_reconciled_again(run, diary):
    before = diary.finished()
    run(diary.bills.again(before))
    diary.run_once(lambda it: it["attempt"] > before["attempt"])


@says(f"the bill and the books agree on {YUAN}")
def both_agree(diary, amount):
    report = diary.finished()["report"]
    sums = {"count": 1, "fen": amount}
    assert report["classes"] == {"matched": {"ours": sums, "bill": sums}}


@then("one difference was repaired by itself")
def one_was_repaired(diary):
    [one] = diary.differences()
    assert diary.finished()["report"]["repaired"] == 1
    assert (one["resolution"], one["trail"][-1]["by"]) == ("repair", "basepay")


@says(f"a person is told that (?P<difference>{any_of(DIFFERENCES)})")
def a_person_is_told(diary, difference):
    classes = {one["class"] for one in diary.differences() if one["status"] == "open"}
    assert classes - {"funds_mismatch"} == {DIFFERENCES[difference]}


@then("the order is carried over to the next bill")
def it_is_carried_over(diary):
    assert set(diary.finished()["report"]["classes"]) == {"carried_over"}
    assert diary.differences() == []


@says(f"when another day has come, that bill and the books agree on {YUAN}")
def the_next_bill_has_it(run, story, diary, amount):
    run(to_noon(story.stage.bills, days=1))
    diary.day += ONE_DAY
    both_agree(diary, amount)


@then("the bill is waited for")
def the_bill_is_waited_for(diary):
    run = diary.run_once(lambda it: it["failure"])
    assert (run["status"], run["report"]) == ("waiting", None)


@says(f"three hours later the bill and the books agree on {YUAN}")
def later_both_agree(run, story, diary, amount):
    run(diary.bills.mend())
    run(story.stage.time_passes(10_800))
    both_agree(diary, amount)


@step("a person accepts the difference")
def a_person_accepts(run, diary):
    [one] = diary.differences()
    run(diary.bills.accept(one))


@then("it waits for a second person")
def it_waits_for_another(diary):
    [one] = diary.differences()
    assert one["status"] == "awaiting_approval"


@then("the same person may not approve it")
def the_same_may_not(run, diary):
    [one] = diary.differences()
    assert run(diary.bills.approve(one)) == "second_person_needed"
