"""What a run says in the end: the same bytes whenever the same books meet the same bill."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from domain.reconciliation import DISCREPANCIES, Class


@dataclass(frozen=True, slots=True)
class Sum:
    """How many, and how much: fen, signed in favour of the merchant."""

    count: int = 0
    fen: int = 0


@dataclass(frozen=True, slots=True)
class BillFacts:
    """The bill that was used; None where the provider had none."""

    sha256: str  # of the file as it is kept
    source: str  # `provider`, or who handed it in
    rows: int
    unreadable: int
    charged_fen: int  # as the bill's own summary says, and its rows prove
    refunded_fen: int
    fee_fen: int


@dataclass(frozen=True, slots=True)
class FundsFacts:
    """The third side: what the balance should have moved by that day's trade, and did."""

    expected_fen: int
    moved_fen: int
    other: Sum  # withdrawals and the like, which no trade explains
    waiting: Sum = Sum()  # near midnight: a neighbouring day's may explain them; nobody checks that
    returned_fen: int = 0  # of refunds that did not reach their payers


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A run in figures."""

    account: str
    provider: str
    day: date
    bill: BillFacts | None = None
    classes: Mapping[Class, tuple[Sum, Sum]] = field(default_factory=dict)  # ours, the bill's
    methods: Mapping[str, tuple[Sum, Sum]] = field(default_factory=dict)  # charges, what went back
    fee_fen: int = 0  # what the provider kept, by the bill
    net_fen: int = 0  # what the bill leaves the merchant: in, less back, less fees
    test: Sum = Sum()  # of ours: charged under the 1-fen switch
    repaired: int = 0  # orders that learned from the provider because of this run
    funds: FundsFacts | None = None
    certificate: str = ""  # SHA-256 of the proof
    proof: str = ""  # JSON: the sums that show each row to be in exactly one class

    @property
    def discrepancies(self) -> int:
        """How many were found, resolved or not."""
        return sum(
            max(ours.count, bill.count)
            for each, (ours, bill) in self.classes.items()
            if each in DISCREPANCIES
        )

    def to_json(self) -> bytes:
        """Canonical: sorted keys, no spaces."""
        view = asdict(self) | {"day": self.day.isoformat()}
        view["classes"] = {each.value: _pair(*sums) for each, sums in self.classes.items()}
        view["methods"] = {
            name: {"charges": asdict(charges), "refunds": asdict(refunds)}
            for name, (charges, refunds) in self.methods.items()
        }
        text = json.dumps(view, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return text.encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Report":
        """The opposite of `to_json`."""
        view: dict[str, Any] = json.loads(data)
        bill, funds = view["bill"], view["funds"]
        return cls(
            **{
                **view,
                "day": date.fromisoformat(view["day"]),
                "bill": None if bill is None else BillFacts(**bill),
                "classes": {
                    Class(name): (Sum(**sums["ours"]), Sum(**sums["bill"]))
                    for name, sums in view["classes"].items()
                },
                "methods": {
                    name: (Sum(**sums["charges"]), Sum(**sums["refunds"]))
                    for name, sums in view["methods"].items()
                },
                "test": Sum(**view["test"]),
                "funds": funds and _funds(funds),
            }
        )


def _funds(facts: dict[str, Any]) -> FundsFacts:
    waiting = Sum(**facts["waiting"]) if "waiting" in facts else Sum()
    return FundsFacts(
        facts["expected_fen"],
        facts["moved_fen"],
        Sum(**facts["other"]),
        waiting,
        facts.get("returned_fen", 0),
    )


def _pair(ours: Sum, bill: Sum) -> dict[str, object]:
    return {"ours": asdict(ours), "bill": asdict(bill)}
