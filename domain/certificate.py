"""The proof that nothing was lost: what was read on each side is what the classes hold."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

from domain.bill import BillRow, BillTotals, MovementKind
from domain.reconciliation import Class, Finding, Movement

VERSION = 1
CHARGE = MovementKind.CHARGE


@dataclass(slots=True)
class Sums:
    """Counts and sums; fen are signed, in favour of the merchant."""

    ours: int = 0
    ours_fen: int = 0
    bill: int = 0
    bill_fen: int = 0
    fee_fen: int = 0  # what the provider keeps of the bill's rows
    tests: int = 0  # of ours: charged under the 1-fen switch
    tests_fen: int = 0

    def take_movement(self, movement: Movement) -> None:
        fen = movement.signed_fen
        self.ours += 1
        self.ours_fen += fen
        if movement.test:
            self.tests += 1
            self.tests_fen += fen

    def take_movements(self, movements: Sequence[Movement]) -> None:
        """Likewise many at once, which is quicker."""
        fen = [m.fen if m.kind is CHARGE else -m.fen for m in movements]
        tests = [fen[n] for n, m in enumerate(movements) if m.test]
        self.ours += len(fen)
        self.ours_fen += sum(fen)
        self.tests += len(tests)
        self.tests_fen += sum(tests)

    def take_pair(self, movement: Movement, row: BillRow) -> None:
        """Likewise both, of equal kind and amount."""
        fen = movement.fen if movement.kind is CHARGE else -movement.fen
        self.ours += 1
        self.ours_fen += fen
        self.bill += 1
        self.bill_fen += fen
        self.fee_fen += row.fee_fen
        if movement.test:
            self.tests += 1
            self.tests_fen += fen

    def take_row(self, row: BillRow) -> None:
        self.bill += 1
        self.bill_fen += row.signed_fen
        self.fee_fen += row.fee_fen

    def take_rows(self, rows: Sequence[BillRow]) -> None:
        """Likewise many at once, which is quicker."""
        self.bill += len(rows)
        self.bill_fen += sum([row.fen if row.kind is CHARGE else -row.fen for row in rows])
        self.fee_fen += sum([row.fee_fen for row in rows])

    def shift(self, other: "Sums", sign: int = 1) -> None:
        """Add another's figures, or take them away."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + sign * getattr(other, name))


@dataclass(slots=True)
class Tally:
    """What was read, and in which class each of it fell; kept while matching."""

    read: Sums = field(default_factory=Sums)  # taken before anything is decided
    outside: Sums = field(default_factory=Sums)  # read, but of another day's report
    classes: dict[Class, dict[MovementKind, Sums]] = field(default_factory=dict)

    def of(self, cls: Class, kind: MovementKind) -> Sums:
        return self.classes.setdefault(cls, {}).setdefault(kind, Sums())

    def put(self, cls: Class, movement: Movement | None, row: BillRow | None) -> None:
        """A movement, a row or both fell in this class, each with its own amount."""
        if movement is not None:
            self.of(cls, movement.kind).take_movement(movement)
        if row is not None:
            self.of(cls, row.kind).take_row(row)

    def move(self, finding: Finding, to: Class) -> None:
        """It was looked into, and belongs in another class."""
        told = Tally()
        row = finding.row if isinstance(finding.row, BillRow) else None
        told.put(to, finding.movement, row)
        for kind, sums in told.classes[to].items():
            self.of(finding.cls, kind).shift(sums, -1)
            self.of(to, kind).shift(sums)

    def total(self) -> Sums:
        """Everything that fell in a class."""
        total = Sums()
        for kinds in self.classes.values():
            for sums in kinds.values():
                total.shift(sums)
        return total


@dataclass(frozen=True, slots=True)
class Certificate:
    """Plain figures in one canonical form, so that anybody can add them up and hash them again."""

    account: str
    day: date
    bill_sha256: str  # of the bill as it was downloaded; "" if the provider has none
    facts: Mapping[str, Any]

    @classmethod
    def of(
        cls, tally: Tally, totals: BillTotals, *, account: str, day: date, bill_sha256: str = ""
    ) -> "Certificate":
        """`totals`: what the bill says of itself; of no bill, zeros."""
        classes = {
            name.value: {kind.name.lower(): asdict(sums) for kind, sums in sorted(kinds.items())}
            for name, kinds in tally.classes.items()
        }
        facts = {
            "read": asdict(tally.read),
            "outside": asdict(tally.outside),
            "classes": classes,
            "bill": asdict(totals),
        }
        return cls(account, day, bill_sha256, facts)

    @property
    def canonical(self) -> bytes:
        """JSON with sorted names and without blanks."""
        told = {
            "version": VERSION,
            "account": self.account,
            "day": self.day.isoformat(),
            "bill_sha256": self.bill_sha256,
            **self.facts,
        }
        return json.dumps(told, sort_keys=True, separators=(",", ":")).encode()

    @property
    def sha256(self) -> str:
        return sha256(self.canonical).hexdigest()

    def contradictions(self) -> tuple[str, ...]:
        """What does not add up; none: every row is in exactly one class."""
        return (*_unbalanced(self.facts), *_against_the_bill(self.facts))


def _unbalanced(facts: Mapping[str, Any]) -> Iterator[str]:
    lines = [sums for kinds in facts["classes"].values() for sums in kinds.values()]
    for name, read in facts["read"].items():
        held = facts["outside"][name] + sum(line[name] for line in lines)
        if held != read:
            yield f"{name}: {read} read, {held} in the classes"


def _against_the_bill(facts: Mapping[str, Any]) -> Iterator[str]:
    """Unreadable rows are counted, but their amounts are not known."""
    bill, read = facts["bill"], facts["read"]
    checks = [("rows", bill["rows"] - bill["unreadable"], read["bill"])]
    if not bill["unreadable"]:
        fen = {"charged": 0, "taken_back": 0}
        for kinds in facts["classes"].values():
            for kind, sums in kinds.items():
                fen["charged" if kind == "charge" else "taken_back"] += sums["bill_fen"]
        checks += [
            ("charged_fen", bill["charged_fen"], fen["charged"]),
            ("refunded_fen", bill["refunded_fen"], -fen["taken_back"]),
            ("fee_fen", bill["fee_fen"], read["fee_fen"]),
        ]
    for name, said, matched in checks:
        if said != matched:
            yield f"bill {name}: {said} by its own summary, {matched} matched"
