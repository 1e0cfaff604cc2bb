"""Whatever comes, each movement and each row is in exactly one class, and the proof says so.

`PROOF_DAYS` sets how many random days are tried (default 200).
"""

import os
from collections import Counter
from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.bill import BillTotals, MovementKind
from domain.certificate import Certificate
from domain.matching import Matching
from domain.reconciliation import DISCREPANCIES, Class, FeeTerms
from domain.sides import Borders
from tests.domain.bills import DAY, NOON, TODAY, billed, ours
from tests.domain.obvious import Obvious

#: Making a counterexample small takes minutes; finding none takes seconds.
pytestmark = pytest.mark.timeout(300)

EXAMPLES = int(os.environ.get("PROOF_DAYS", "200"))

CHARGE, REVERSAL, REFUND = MovementKind
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
INSTANTS = [
    NOON,
    DAY.start,
    DAY.start + timedelta(minutes=15),
    DAY.end - timedelta(minutes=15),
    DAY.end - timedelta(minutes=15) - SECOND,
    DAY.end - SECOND,
    DAY.end,
    DAY.start - SECOND,
    DAY.start - HOUR,
    DAY.end + timedelta(minutes=15),
]
KEYS = [
    (order_no, kind, refund_no)
    for order_no in ("", "d1a", "d1b", "d2a")
    for kind in MovementKind
    for refund_no in (("r", "s") if kind is REFUND else ("",))
]
AMOUNTS = st.sampled_from([1, 200, 201])
SETTLED = st.sampled_from([None, None, 1, 200])
EVER = st.just(NOON) | st.sampled_from(INSTANTS)


def keyed(make, key, **facts):
    return make(key[0], key[1], key[2], **facts)


MOVEMENTS = st.builds(
    lambda key, fen, at, **facts: keyed(ours, key, fen=fen, at=at, **facts),
    st.sampled_from(KEYS),
    AMOUNTS,
    EVER,
    settled_fen=SETTLED,
    test=st.booleans(),
)
ROWS = st.builds(
    lambda key, fen, fee, settled: keyed(billed, key, fen=fen, fee_fen=fee, settled_fen=settled),
    st.sampled_from(KEYS),
    AMOUNTS,
    st.sampled_from([0, 1, -1]),
    SETTLED,
)
ONE_DAY = timedelta(days=1)
#: From the edge of a neighbouring day, or from further away.
CARRIED = st.builds(
    lambda key, fen, days: keyed(
        ours,
        key,
        fen=fen,
        at=(DAY.end - SECOND if days < 0 else DAY.start) + days * ONE_DAY,
        carried_from=TODAY + days * ONE_DAY,
    ),
    st.sampled_from(KEYS),
    AMOUNTS,
    st.sampled_from([-2, -1, -1, 1]),
)


@st.composite
def days(draw):
    """Both sides of a day, in order, and what other days know."""
    movements = sorted(draw(st.lists(MOVEMENTS, max_size=14)), key=lambda each: each.key)
    mirrored = [
        keyed(billed, m.key, fen=m.fen, settled_fen=m.settled_fen)
        for m in movements
        if draw(st.booleans())
    ]
    rows = sorted(mirrored + draw(st.lists(ROWS, max_size=9)), key=lambda each: each.key)
    rows = [replace(row, line=line) for line, row in enumerate(rows, 1)]
    often = Counter(movement.key for movement in movements)
    carried = draw(st.lists(CARRIED, max_size=4, unique_by=lambda each: each.key))
    borders = Borders(
        frozenset(draw(st.sets(st.sampled_from(KEYS), max_size=4))),
        tuple(each for each in carried if often[each.key] < 2),
        frozenset(draw(st.sets(st.sampled_from([TODAY - ONE_DAY, TODAY + ONE_DAY])))),
    )
    return movements, rows, borders


def pages(movements, cuts):
    """The same movements, cut anywhere."""
    edges = sorted({0, len(movements), *(cut % (len(movements) + 1) for cut in cuts)})
    return [movements[a:b] for a, b in pairwise(edges)]


def whole(cls, movement, row, nth, age):
    return (
        cls,
        None if movement is None else id(movement),
        None if row is None else id(row),
        nth,
        age,
    )


def totals(rows):
    return BillTotals(
        len(rows),
        sum(row.fen for row in rows if row.kind is CHARGE),
        sum(row.fen for row in rows if row.kind is not CHARGE),
        sum(row.fee_fen for row in rows),
    )


@settings(max_examples=EXAMPLES)
@given(days(), st.sampled_from([None, "0.003", "0.006"]), st.lists(st.integers(0, 14), max_size=3))
def test_the_merge_says_what_the_obvious_way_says(sides, rate, cuts):
    movements, rows, borders = sides
    fees = None if rate is None else FeeTerms.of(rate)
    matching = Matching(iter(rows), TODAY, prefix="d1", fees=fees, borders=borders)

    found = [each for page in pages(movements, cuts) for each in matching.take(page)]
    found += matching.finish()

    obvious = Obvious(
        movements, rows, TODAY, "d1", borders, None if rate is None else Fraction(rate)
    )
    told = [whole(f.cls, f.movement, f.row, f.nth, f.age) for f in found]
    assert Counter(told) == Counter(obvious.found)
    certificate = matching.certificate(totals(rows), account="a")
    assert certificate.contradictions() == ()
    assert figures(matching.tally) == expected_figures(obvious)
    names = Counter((f.cls, f.key, f.nth) for f in found if f.cls in DISCREPANCIES)
    assert max(names.values(), default=1) == 1  # by which a repeated run knows them again


def figures(tally):
    """Class and kind -> what is counted there, without empty ones; None: another day's."""
    told = {
        (cls, kind): (sums.ours, sums.ours_fen, sums.bill, sums.bill_fen, sums.fee_fen, sums.tests)
        for cls, kinds in tally.classes.items()
        for kind, sums in kinds.items()
    }
    out = tally.outside
    told[None, None] = (out.ours, out.ours_fen, out.bill, out.bill_fen, out.fee_fen, out.tests)
    return {name: each for name, each in told.items() if any(each)}


def expected_figures(obvious):
    told: Counter[Any] = Counter()
    for movement in obvious.movements:
        cls = obvious.ours[id(movement)]
        place = (cls, None if cls is None else movement.kind)
        told[place, 0] += 1
        told[place, 1] += movement.signed_fen
        told[place, 5] += movement.test
    for row in obvious.rows:
        place = obvious.bill[id(row)], row.kind
        told[place, 2] += 1
        told[place, 3] += row.signed_fen
        told[place, 4] += row.fee_fen
    places = {place for place, _ in told}
    return {place: tuple(told[place, n] for n in range(6)) for place in places}


def leaves(facts, path=()):
    """The way to every figure of a certificate."""
    for name, value in facts.items():
        if isinstance(value, dict):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name)


@settings(max_examples=50)
@given(days(), st.data())
def test_no_figure_of_a_certificate_can_be_changed_alone(sides, data):
    movements, rows, borders = sides
    matching = Matching(iter(rows), TODAY, prefix="d1", borders=borders)
    list(matching.take(movements))
    list(matching.finish())
    certificate = matching.certificate(totals(rows), account="a")
    facts = deepcopy(dict(certificate.facts))

    *way, name = data.draw(st.sampled_from(list(leaves(facts))))
    place = facts
    for step in way:
        place = place[step]
    place[name] += data.draw(st.sampled_from([-1, 1, 100]))
    tampered = Certificate(certificate.account, certificate.day, certificate.bill_sha256, facts)

    assert tampered.contradictions() != ()
    assert tampered.sha256 != certificate.sha256


def test_a_certificate_is_bound_to_its_account_day_and_bill():
    hashes = {
        Certificate(account, TODAY + days * ONE_DAY, bill, {}).sha256
        for account in ("a", "b")
        for days in (0, 1)
        for bill in ("", "0a")
    }

    assert len(hashes) == 8


def test_rows_that_nobody_could_read_are_counted_and_their_amounts_unknown():
    matching = Matching(iter([billed()]), TODAY, prefix="d1")
    list(matching.finish())
    said = BillTotals(rows=2, charged_fen=8888 + 777, unreadable=1)

    assert matching.certificate(said, account="a").contradictions() == ()
    lost = replace(said, rows=3)
    assert matching.certificate(lost, account="a").contradictions() != ()


def test_what_was_looked_into_counts_in_its_new_class():
    matching = Matching(iter([billed(kind=REFUND, refund_no="r")]), TODAY, prefix="d1")
    [finding] = matching.finish()

    again = matching.reclass(finding, Class.STATUS_MISMATCH)

    assert again == replace(finding, cls=Class.STATUS_MISMATCH)
    assert list(figures(matching.tally)) == [(Class.STATUS_MISMATCH, REFUND)]
    assert matching.certificate(totals([finding.row]), account="a").contradictions() == ()
