"""One line on which our books and a bill disagree, and how a person settles it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from domain.bill import BillRow, MovementKind
from domain.details import balance_detail, detail
from domain.errors import (
    ApprovalAwaited,
    DiscrepancyResolved,
    FieldError,
    InvalidRequest,
    MoneyDiffers,
    NothingToApprove,
    SecondPersonNeeded,
)
from domain.fund_flow import FundsDifference
from domain.reconciliation import Class, Finding

#: Who acts when no person does.
BASEPAY = "basepay"

#: What was done, in the audit trail.
FOUND, GONE, APPROVE = "found", "gone", "approve"

LONGEST_REASON = 500

#: Of these the figures don't say all: what can't be read may be anything, and of equal amounts
#: different parts may have been settled. Another row is another question.
TOLD_BY_THE_ROW = frozenset({Class.UNREADABLE_ROW, Class.AMOUNT_MISMATCH})

#: Money, whatever the amounts say.
ALWAYS_MONEY = TOLD_BY_THE_ROW | {Class.FEE_MISMATCH}


class Resolution(StrEnum):
    """How it was settled."""

    REPAIR = "repair"  # the provider was asked, and the order learned through the one door
    ACCEPT = "accept"  # taken as it is; of money: a second person approves
    NOTE = "note"  # explained, no money concerned


class DiscrepancyStatus(StrEnum):
    """Where it stands."""

    OPEN = "open"
    AWAITING_APPROVAL = "awaiting_approval"
    RESOLVED = "resolved"  # without a resolution: a repeated run did not find it any more


OPEN, AWAITING, RESOLVED = DiscrepancyStatus


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
    kind: MovementKind | None  # None: of an unreadable row, or of the balance
    refund_no: str  # of a funds_mismatch: the number of the funds
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

    def age(self, at: datetime) -> timedelta:
        """How long it has been open, or was until it was settled."""
        ended = self.trail[-1].at if self.status is RESOLVED and self.trail else at
        return max(ended - self.found_at, timedelta())

    @classmethod
    def of(cls, finding: Finding, *, id: str, run_id: str, account: str, at: datetime) -> Self:
        """What the matching found, as a run records it."""
        movement, row = finding.movement, finding.row
        order_no, kind, refund_no = finding.key
        billed = row if isinstance(row, BillRow) else None
        return cls(
            id=id,
            run_id=run_id,
            account=account,
            cls=finding.cls,
            order_no=order_no,
            kind=kind,
            refund_no=refund_no,
            nth=finding.nth,
            ours_fen=None if movement is None else movement.signed_fen,
            bill_fen=None if billed is None else billed.signed_fen,
            fee_fen=None if billed is None else billed.fee_fen,
            order_id=None if movement is None else movement.order_id,
            detail=detail(finding),
            raw="" if row is None else row.raw,
            line=None if row is None else row.line,
            trail=(Entry(at, BASEPAY, FOUND),),
            found_at=at,
        )

    @classmethod
    def of_funds(
        cls, found: FundsDifference, *, id: str, run_id: str, account: str, at: datetime
    ) -> Self:
        """What the third side found, as a run records it."""
        told = found.row or found.fund_row
        return cls(
            id=id,
            run_id=run_id,
            account=account,
            cls=Class.FUNDS_MISMATCH,
            order_no=found.row.order_no if found.row else "",
            kind=None,
            refund_no=found.funds_no,
            nth=0,
            ours_fen=found.expected_fen,
            bill_fen=found.moved_fen,
            detail=balance_detail(found),
            raw=told.raw if told else "",
            line=told.line if told else None,
            trail=(Entry(at, BASEPAY, FOUND),),
            found_at=at,
        )

    @property
    def concerns_money(self) -> bool:
        """Money is concerned: it is repaired, or accepted by two persons, never explained away."""
        return self.cls in ALWAYS_MONEY or (self.ours_fen or 0) != (self.bill_fen or 0)

    @property
    def accepted_by(self) -> str | None:
        """Who accepted it, last."""
        return next((each.by for each in self.trail[::-1] if each.did == Resolution.ACCEPT), None)

    def repair(self, *, by: str, why: str, at: datetime) -> None:
        """The provider was asked, and our books have learned."""
        self._settle(Resolution.REPAIR, by, why, at)

    def accept(self, *, by: str, why: str, at: datetime) -> None:
        """Take it as it is; if money is concerned, a second person has to approve.

        Raises ApprovalAwaited if somebody accepted it before, and what all of them raise:
        DiscrepancyResolved, InvalidRequest.
        """
        if self.status is AWAITING:
            raise ApprovalAwaited(self.id, self.accepted_by or "")
        self._settle(Resolution.ACCEPT, by, why, at)
        if self.concerns_money:
            self.status, self.resolution = AWAITING, None

    def note(self, *, by: str, why: str, at: datetime) -> None:
        """Explain it. Raises MoneyDiffers if money is concerned."""
        if self.concerns_money and self.status is not RESOLVED:
            raise MoneyDiffers(self.id)
        self._settle(Resolution.NOTE, by, why, at)

    def approve(self, *, by: str, at: datetime, why: str = "") -> None:
        """The second person's word. Raises NothingToApprove, SecondPersonNeeded."""
        self._refuse_resolved()
        if self.status is not AWAITING:
            raise NothingToApprove(self.id)
        if by == self.accepted_by:
            raise SecondPersonNeeded(self.id, by)
        self.status, self.resolution = RESOLVED, Resolution.ACCEPT
        self.trail = (*self.trail, Entry(at, by, APPROVE, why.strip()))

    def gone(self, at: datetime) -> None:
        """A repeated run does not find it any more, and nobody had settled it."""
        if self.status is not RESOLVED:
            self.status = RESOLVED
            self.trail = (*self.trail, Entry(at, BASEPAY, GONE))

    def seen_again(self, found: Self) -> None:
        """A repeated run found it: what persons did stays, unless it was about other figures.

        Opens again what was gone, what a repair did not mend, and what was accepted or explained
        when its amounts were others. `found` itself may be resolved: basepay has repaired it.
        """
        other = self._question() != found._question()
        self.order_id, self.detail = found.order_id or self.order_id, found.detail
        self.ours_fen, self.bill_fen, self.fee_fen = found._figures()
        self.raw, self.line = found.raw, found.line
        if found.status is RESOLVED:
            if self.status is not RESOLVED:
                self.status, self.resolution = found.status, found.resolution
                self.trail = (*self.trail, *(e for e in found.trail if e.did != FOUND))
            return
        mended = self.status is RESOLVED and self.resolution in {None, Resolution.REPAIR}
        if mended or (other and self.status is not OPEN):
            self.status, self.resolution = OPEN, None
            why = "" if mended else "with other amounts"
            self.trail = (*self.trail, Entry(found.found_at, BASEPAY, FOUND, why))

    def _settle(self, resolution: Resolution, by: str, why: str, at: datetime) -> None:
        self._refuse_resolved()
        why = why.strip()
        if not 1 <= len(why) <= LONGEST_REASON:
            raise InvalidRequest(FieldError("reason", f"1 to {LONGEST_REASON} characters"))
        self.status, self.resolution = RESOLVED, resolution
        self.trail = (*self.trail, Entry(at, by, resolution.value, why))

    def _refuse_resolved(self) -> None:
        if self.status is RESOLVED:
            raise DiscrepancyResolved(self.id)

    def _question(self) -> tuple[object, ...]:
        """What persons were asked; if it is another one, they are asked again."""
        return *self._figures(), self.raw if self.cls in TOLD_BY_THE_ROW else ""

    def _figures(self) -> tuple[int | None, int | None, int | None]:
        return self.ours_fen, self.bill_fen, self.fee_fen
