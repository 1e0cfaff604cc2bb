"""What is wrong, in one sentence for a finance person."""

from domain.bill import BillRow, MovementKind, UnreadableRow
from domain.fund_flow import FundsDifference
from domain.money import Money
from domain.reconciliation import Class, Finding, Movement


def detail(finding: Finding) -> str:
    """The sentence about a finding of any class."""
    movement, row = finding.movement, finding.row
    if isinstance(row, UnreadableRow):
        return f"Line {row.line} of the bill can't be read: {row.reason}."
    if movement is None:
        return "" if row is None else _of_the_bill(finding, row)
    return _of_ours(finding, movement) if row is None else _of_both(finding, movement, row)


def balance_detail(found: FundsDifference) -> str:
    """The sentence about a balance that did not follow the trade bill."""
    wanted, moved = _yuan(found.expected_fen), _yuan(found.moved_fen)
    return f"By the trade bill the balance moves by {wanted}; it moved by {moved}."


def _of_the_bill(finding: Finding, row: BillRow) -> str:
    match finding.cls:
        case Class.DUPLICATE_IN_BILL:
            return f"The bill has the {_told(row)} once more; it has been counted."
        case Class.STATUS_MISMATCH:
            return f"The bill has a {_told(row)}; our books know of it, but not as done."
        case _:
            return f"The bill has a {_told(row)}; our books don't have it."


def _of_ours(finding: Finding, movement: Movement) -> str:
    told = _told(movement)
    if finding.age > 0:
        return f"Our books have a {told}; neither its own day's bill has it nor the next one."
    if finding.cls is Class.STATUS_MISMATCH:
        return f"Our books have a {told}; the bill has the charge, but not that."
    return f"Our books have a {told}; the bill does not have it."


def _of_both(finding: Finding, movement: Movement, row: BillRow) -> str:
    match finding.cls:
        case Class.FEE_MISMATCH:
            wanted = _yuan(finding.expected_fee_fen or 0)
            return f"The bill's fee is {_yuan(row.fee_fen)}; {wanted} were expected."
        case Class.AMOUNT_MISMATCH if movement.fen == row.fen:
            ours, theirs = _yuan(movement.settled_fen or 0), _yuan(row.settled_fen or 0)
            return f"Settled are {ours} by our books, {theirs} by the bill."
        case _:
            return f"Our books have a {_told(movement)}, the bill a {_told(row)}."


def _told(each: Movement | BillRow) -> str:
    return f"{MovementKind(each.kind).name.lower()} of {_yuan(each.fen)}"


def _yuan(fen: int) -> str:
    return f"{Money(fen).to_yuan()} yuan"
