"""What basepay answers about reconciliation, and takes."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from adapters.http.requests import Name
from adapters.http.schemas import Time
from application.reconciliation_records import RunStatus
from domain.discrepancy import DiscrepancyStatus, Resolution
from domain.reconciliation import Class

Day = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)",
        description="a day of Shanghai, `YYYY-MM-DD`",
        examples=["2026-11-25"],
        extra_json_schema={"format": "date"},
    ),
]
Limit = Annotated[int, Meta(ge=1, le=200, description="an integer from 1 to 200")]
Cursor = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9_.-]{1,64}$(?!\n)", description="`next_cursor` of the page before"),
]
Signed = Annotated[
    int, Meta(description="in fen, in favour of the merchant: what went back is negative")
]
Why = Annotated[
    str, Meta(min_length=1, max_length=500, description="a sentence for whoever looks later")
]


class ReconciliationRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """Which account and day to hold against its bill."""

    account: Name
    day: Day


class ResolutionRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """How to settle a discrepancy, and why."""

    resolution: Resolution
    reason: Why


class ApprovalRequest(Struct, forbid_unknown_fields=True, frozen=True):
    """The second person's word."""

    reason: Why


class ReconciliationsQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """Which runs."""

    account: Name | UnsetType = UNSET
    limit: Limit = 50
    cursor: Cursor | UnsetType = UNSET


class DiscrepanciesQuery(Struct, forbid_unknown_fields=True, frozen=True):
    """Which discrepancies."""

    status: DiscrepancyStatus | UnsetType = UNSET
    limit: Limit = 50
    cursor: Cursor | UnsetType = UNSET


class AllDiscrepanciesQuery(DiscrepanciesQuery, frozen=True):
    """Which discrepancies of all runs."""

    account: Name | UnsetType = UNSET


class Sum(Struct):
    """How many, and how much."""

    count: int
    fen: Signed


class Sides(Struct):
    """One class on both sides, each with its own amounts."""

    ours: Sum
    bill: Sum


class Flow(Struct):
    """What one method took and gave back."""

    charges: Sum
    refunds: Sum


class BillFacts(Struct, kw_only=True):
    """The bill that was used, and what its own summary proves."""

    sha256: str
    source: Annotated[str, Meta(description="`provider`, or the operator who handed it in")]
    rows: int
    unreadable: int
    charged_fen: int
    refunded_fen: int
    fee_fen: int


class FundsFacts(Struct):
    """What the balance should have moved by the trade bill, and did."""

    expected_fen: Signed
    moved_fen: Signed
    other: Sum
    waiting: Annotated[
        Sum, Meta(description="near midnight, on one side only: another day's may explain them")
    ]
    returned_fen: Annotated[Signed, Meta(description="of refunds that did not reach their payers")]


class Report(Struct, kw_only=True):
    """A finished run in figures; the same bytes whenever the same books meet the same bill."""

    account: str
    provider: Literal["wechat", "alipay"]
    day: Day
    bill: BillFacts | None
    classes: Annotated[
        dict[str, Sides],
        Meta(description="by class: " + ", ".join(f"`{each.value}`" for each in Class)),
    ]
    methods: Annotated[dict[str, Flow], Meta(description="ours, by payment method")]
    fee_fen: int
    net_fen: Signed
    test: Annotated[Sum, Meta(description="of ours: charged under the 1-fen switch")]
    repaired: int
    funds: FundsFacts | None
    certificate: Annotated[str, Meta(description="SHA-256 of `proof`, as it stands here")]
    proof: Annotated[
        str, Meta(description="JSON: the sums that show each row to be in exactly one class")
    ]


class Reconciliation(Struct, kw_only=True):
    """One account and day held against its bill; asking again repeats the same run."""

    id: Annotated[str, Meta(examples=["rec_01JD8ZB0M5T3R8W1Q9K7C4N6VX"])]
    account: str
    day: Day
    status: RunStatus
    started_by: str
    attempt: int
    failure: str | None
    created_at: Time
    next_try_at: Time | None
    finished_at: Time | None
    report: Report | None


class ReconciliationPage(Struct):
    """Newest day first; `next_cursor` is null on the last page."""

    items: list[Reconciliation]
    next_cursor: str | None


class TrailEntry(Struct):
    """Who did what, when and why; never changed."""

    at: Time
    by: str
    did: str
    why: str


class Discrepancy(Struct, kw_only=True, rename={"cls": "class"}):
    """One line on which our books and a bill disagree."""

    id: Annotated[str, Meta(examples=["dis_01JD8ZC7X2H4N6Q8S0V3W5Y7ZA"])]
    reconciliation_id: str
    account: str
    cls: Class
    kind: Literal["charge", "reversal", "refund"] | None
    provider_order_no: str | None
    provider_refund_no: str | None
    order_id: Annotated[str, Meta(description="`pay_…` or `ref_…`, if we know it")] | None
    our_amount: Signed | None
    bill_amount: Signed | None
    difference: Annotated[int, Meta(description="bill less ours, in fen")]
    fee: Annotated[int, Meta(description="as the bill says, in fen")] | None
    detail: str
    bill_line: int | None
    bill_row: Annotated[str, Meta(description="word for word")] | None
    status: DiscrepancyStatus
    resolution: Resolution | None
    trail: list[TrailEntry]
    found_at: Time
    age_days: Annotated[int, Meta(description="how many whole days it is open, or was")]


class DiscrepancyPage(Struct):
    """In the order in which they were found; `next_cursor` is null on the last page."""

    items: list[Discrepancy]
    next_cursor: str | None
