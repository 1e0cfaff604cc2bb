"""Rows come out of the spool as `sorted` gives them, and nothing of it outlives its process."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import scratch
from adapters.scratch import DiskScratch, NewDiskScratch
from domain.bill import BillRow, FundKind, FundRow, MovementKind
from tests.builders import NOON

BY_KEY = ("order_no", "kind", "refund_no", "line")


def a_row(line: int, order_no: str = "d1A", **changes: object) -> BillRow:
    facts = {"kind": MovementKind.CHARGE, "refund_no": "", "fen": line, "at": NOON} | changes
    return BillRow(line=line, order_no=order_no, **facts)  # type: ignore[arg-type]  # as given


ROWS = st.lists(
    st.builds(
        BillRow,
        line=st.integers(1, 9),
        order_no=st.text(alphabet="\0 aZ9é钱😀", max_size=3),
        kind=st.sampled_from(MovementKind),
        refund_no=st.text(alphabet="\0a", max_size=2),
        fen=st.integers(0, 2**53),
        at=st.integers(0, 10**9).map(lambda seconds: NOON + timedelta(seconds=seconds)),
        settled_fen=st.none() | st.integers(0, 5),
        raw=st.text(max_size=5),
    )
)


@pytest.fixture
def new_scratch(tmp_path) -> NewDiskScratch:
    return NewDiskScratch(tmp_path / "scratch")


@pytest.fixture
def room(new_scratch) -> Iterator[DiskScratch]:
    room = new_scratch()
    yield room
    room.close()


@given(rows=ROWS, run=st.integers(1, 8), block=st.integers(1, 4))
def test_rows_come_out_whole_and_as_sorted_gives_them(tmp_path_factory, rows, run, block):
    room = NewDiskScratch(tmp_path_factory.getbasetemp() / "spools")()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "RUN", run)
        patch.setattr(scratch, "BLOCK", block)
        spool = room.spool(BillRow, by=BY_KEY)
        for row in rows:
            spool.add(row)
        found, again = list(spool.sorted()), list(spool.sorted())
    room.close()

    assert found == again == sorted(rows, key=lambda row: (row.key, row.line))


def test_order_is_that_of_the_bytes_as_databases_sort_them(room):
    names = ["z", "Z", "é", "钱", "\uffff", "😀", "d1", "d10", "D1", ""]
    spool = room.spool(BillRow, by=BY_KEY)
    for line, name in enumerate(names):
        spool.add(a_row(line, name))

    assert [row.order_no for row in spool.sorted()] == sorted(names, key=str.encode)


def test_two_spools_of_one_scratch_know_nothing_of_each_other(room, monkeypatch):
    monkeypatch.setattr(scratch, "RUN", 2)
    first, second = (room.spool(BillRow, by=BY_KEY) for _ in range(2))
    for line in range(5):
        first.add(a_row(line))
        second.add(a_row(line + 100))

    assert [row.line for row in first.sorted()] == [0, 1, 2, 3, 4]
    assert [row.line for row in second.sorted()] == [100, 101, 102, 103, 104]


def test_other_rows_are_sorted_by_other_fields(room, monkeypatch):
    monkeypatch.setattr(scratch, "RUN", 2)
    spool = room.spool(FundRow, by=("funds_no", "line"))
    rows = [FundRow(line, f"F{line % 3}", FundKind.FEE, -line, NOON) for line in range(7)]
    for row in rows:
        spool.add(row)

    assert list(spool.sorted()) == sorted(rows, key=lambda row: (row.funds_no, row.line))


def test_nothing_outlives_close(new_scratch, tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "RUN", 1)
    room = new_scratch()
    Path(room.file("bill")).write_text("a bill")
    room.spool(BillRow, by=BY_KEY).add(a_row(1))

    room.close()

    assert list(new_scratch.root.iterdir()) == []


def test_nobody_else_may_read_it(room, new_scratch):
    folders = [new_scratch.root, *new_scratch.root.iterdir()]
    assert [oct(folder.stat().st_mode & 0o777) for folder in folders] == ["0o700", "0o700"]


CRASH = """
import os, sys
from pathlib import Path
from adapters.scratch import NewDiskScratch
room = NewDiskScratch(Path(sys.argv[1]))()
Path(room.file("bill")).write_text("a bill")
os._exit(9)
"""


def test_what_a_killed_process_left_is_deleted_and_what_a_living_one_uses_stays(
    new_scratch, room, tmp_path
):
    Path(room.file("bill")).write_text("mine")
    crash = [sys.executable, "-c", CRASH, str(tmp_path / "scratch")]
    subprocess.run(crash, check=False, env={**os.environ, "PYTHONPATH": str(Path.cwd())})
    assert len(list(new_scratch.root.iterdir())) == 2

    new_scratch.clean()

    assert [folder.name for folder in new_scratch.root.iterdir()] == [
        Path(room.file("bill")).parent.name
    ]
    assert Path(room.file("bill")).read_text() == "mine"


def test_cleaning_before_anything_was_there_is_quiet(new_scratch):
    new_scratch.clean()


def test_a_folder_that_somebody_else_put_in_our_place_is_not_touched(new_scratch, tmp_path):
    theirs = tmp_path / "theirs"
    (theirs / "run-1").mkdir(parents=True)
    new_scratch.root.parent.mkdir()
    new_scratch.root.symlink_to(theirs)

    for use in (new_scratch, new_scratch.clean):
        with pytest.raises(PermissionError):
            use()

    assert (theirs / "run-1").exists()


def test_what_else_lies_there_stays(room, new_scratch):
    other = new_scratch.root / "somebody's"
    other.mkdir()

    new_scratch.clean()

    assert other.exists()
