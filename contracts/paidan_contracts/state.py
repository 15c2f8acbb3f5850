"""The whole public state of a case, which every event on ``paidan.cases`` carries."""

from typing import Literal

from pydantic import Field

from paidan_contracts.actions import Rating, ReturnCode
from paidan_contracts.places import Place
from paidan_contracts.wire import (
    Area,
    CaseId,
    Channel,
    Code,
    Digest,
    Id,
    MatterType,
    NonNegativeInt,
    PhotoRef,
    PositiveInt,
    Reason,
    Slug,
    Text,
    Timestamp,
    WireModel,
)

Status = Literal[
    "received",
    "filed",
    "dispatched",
    "handling",
    "suspended",
    "inspecting",
    "closed",
    "not_accepted",
    "voided",
]


class RuleRef(WireModel):
    """The receipt of a decision: which rule of which version of the city's pack."""

    rule: Code = Field(description="Rule id, or by_hand, by_record (an import's own), by_report, default_row.")
    city_version: Digest


class Limit(WireModel):
    """One handling limit of an assignment: rework keeps it, a reopening begins another."""

    number: PositiveInt = Field(
        default=1, description="Counted from 1 within the case; another catalogue row begins a new number."
    )
    began_at: Timestamp
    due_at: Timestamp | None = Field(default=None, description="None: no limit was promised.")
    finished_at: Timestamp | None = Field(default=None, description="The last finish under this limit.")
    late: bool | None = Field(default=None, description="None until finished, and where there is no limit.")
    overdue_at: Timestamp | None = Field(default=None, description="Its end, once that was seen to pass unfinished.")


class Assignment(WireModel):
    """One department's turn with a case; it keeps what happened under that department when the case moves on."""

    number: PositiveInt = Field(description="Counted from 1 within the case.")
    order_id: Id
    department: Slug
    placed_by: RuleRef
    dispatched_at: Timestamp
    accept_by: Timestamp | None = None
    accepted_at: Timestamp | None = None
    accept_overdue_at: Timestamp | None = Field(default=None, description="When the accept clock ran out, once seen.")
    limits: tuple[Limit, ...] = Field(description="In order; the last one is running or was the last.")
    overdue_at: Timestamp | None = Field(default=None, description="When a handling clock first ran out, once seen.")
    reworks: NonNegativeInt = Field(default=0, description="Inspections failed under this assignment.")
    returned_at: Timestamp | None = None
    return_code: ReturnCode | None = None
    withdrawn_at: Timestamp | None = Field(default=None, description="Re-dispatched to another, or voided.")
    proof: tuple[PhotoRef, ...] = Field(default=(), description="Of the last finish.")


class CalledBack(WireModel):
    """What the resident said when called back."""

    rating: Rating
    solved: Literal["solved", "partly", "unsolved"] | None = None
    reasonable: bool = True
    at: Timestamp
    round: PositiveInt


class CaseState(WireModel):
    """Everything public about a case at one version."""

    case_id: CaseId
    version: PositiveInt
    city: Slug
    area: Area
    city_version: Digest = Field(description="The pack that the newest decision was taken by.")
    status: Status
    opened_by: Id = Field(description="The report that opened it.")
    source: Slug
    channel: Channel
    matter: MatterType | None = None
    class_code: Code | None = None
    row_id: Code | None = None
    suggested_row: Code | None = Field(default=None, description="The row its report named, until it may be filed.")
    filed_by: RuleRef | None = None
    place: Place
    suggested_owner: Slug | None = Field(default=None, description="Who is said to own the component, for routing.")
    text: Text = ""
    photos: tuple[PhotoRef, ...] = ()
    reporter: Id | None = None
    reports: NonNegativeInt = Field(description="How many reports are in it, the opening one included.")
    occurred_at: Timestamp
    reported_at: Timestamp = Field(description="The opening report's recorded_at; its day is the case's day.")
    filed_at: Timestamp | None = None
    department: Slug | None = Field(default=None, description="Who has it now, or had it last: counted there.")
    assignments: tuple[Assignment, ...] = ()
    held_because: Text | None = Field(default=None, description="Why it waits at the hard-to-place desk.")
    round: PositiveInt = Field(default=1, description="1, plus one for each failed inspection and each reopening.")
    hops: NonNegativeInt = Field(default=0, description="Returns by departments.")
    reopened: NonNegativeInt = 0
    inspected_at: Timestamp | None = None
    closed_at: Timestamp | None = None
    called_back: tuple[CalledBack, ...] = Field(default=(), description="In order; the last counts.")
    ended_because: Reason | None = Field(default=None, description="Of voided and not accepted ones.")
    ended_at: Timestamp | None = Field(default=None, description="When it was voided or not accepted.")
    urged: NonNegativeInt = 0
    past: bool = Field(default=False, description="From an import: no orders, no timers.")
    matched_within: Slug | None = Field(default=None, description="Of an import: matched only with the same word.")
    promised_by: Timestamp | None = Field(
        default=None, description="Of an import: the end of the time that was promised."
    )
    recurrence_of: CaseId | None = Field(default=None, description="The case closed here shortly before, if any.")
