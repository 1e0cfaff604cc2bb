"""One line on which our books and a bill disagree, and how a person settles it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.bill import MovementKind
from domain.reconciliation import Class


class Resolution(StrEnum):
    """How it was settled."""

    REPAIR = "repair"  # the provider was asked, and the order learned through the one door
    ACCEPT = "accept"  # taken as it is; of money: a second person approves
    NOTE = "note"  # explained, no money concerned


class DiscrepancyStatus(StrEnum):
    """Where it stands."""

    OPEN = "open"
    AWAITING_APPROVAL = "awaiting_approval"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit trail; never changed."""

    at: datetime
    by: str  # an operator's name, or `basepay`
    did: str  # found, repair, accept, note, approve, gone
    why: str = ""


@dataclass(slots=True, kw_only=True)
class Discrepancy:
    """Found by a run, settled by persons; a repeated run keeps what they did."""

    id: str  # dis_…
    run_id: str
    account: str
    cls: Class
    order_no: str  # at the provider
    kind: MovementKind | None  # None: of an unreadable row
    refund_no: str
    nth: int  # tells twins of one run apart, from 0
    ours_fen: int | None  # signed, in favour of the merchant; None: we have none
    bill_fen: int | None
    fee_fen: int | None = None
    order_id: str | None = None  # pay_… or ref_…, if we know it
    detail: str = ""  # one sentence for a finance person
    raw: str = ""  # the bill's own text
    line: int | None = None
    status: DiscrepancyStatus = DiscrepancyStatus.OPEN
    resolution: Resolution | None = None
    trail: tuple[Entry, ...] = ()
    found_at: datetime
    version: int = 0
