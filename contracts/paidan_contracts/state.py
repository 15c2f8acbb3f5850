"""The whole public state of a case, which every event on ``paidan.cases`` carries."""

from typing import Literal

from pydantic import Field

from paidan_contracts.actions import Rating
from paidan_contracts.assignments import Assignment, Helper, RuleRef
from paidan_contracts.case_records import CaseNote, CaseNumbers
from paidan_contracts.escalations import CaseEscalation
from paidan_contracts.places import Place
from paidan_contracts.reports import JoinedReport
from paidan_contracts.time_limits import TimeLimits
from paidan_contracts.verifications import Verification
from paidan_contracts.wire import (
    AnyTimerKind,
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


class CalledBack(WireModel):
    """The resident's rating at a callback."""

    report_id: Id | None = Field(default=None, description="The report whose reporter was called.")
    rating: Rating
    solved: Literal["solved", "partly", "unsolved"] | None = None
    reasonable: bool = True
    at: Timestamp
    round: PositiveInt


class StageClock(WireModel):
    """A time limit of a stage other than accepting and handling, which the assignments hold."""

    kind: AnyTimerKind
    number: PositiveInt = Field(description="Counted from 1 within the case for this kind.")
    began_at: Timestamp
    due_at: Timestamp
    warn_at: Timestamp | None = Field(default=None, description="When a warning is due; None once it went out.")
    warned_at: Timestamp | None = Field(default=None, description="When the warning went out.")
    ended_at: Timestamp | None = Field(default=None, description="When the stage ended; None: it runs.")
    overdue_at: Timestamp | None = Field(default=None, description="The end of the limit, once it has passed.")
    verification: Verification | None = Field(
        default=None, description="Of a verification: why it is needed, and to which patrol it was given."
    )


class Answerable(WireModel):
    """牵头: who answers for the case's area or class beside its department, by a rule of the city's pack."""

    named_by: RuleRef
    leader: Code | None = Field(default=None, description="The post of the leader.")
    office: Slug | None = None
    unit: Slug | None = None


class CaseState(WireModel):
    """Everything public about a case at one version."""

    case_id: CaseId
    version: PositiveInt
    city: Slug
    area: Area
    city_version: Digest = Field(description="Version of the pack by which the latest decision was made.")
    status: Status
    opened_by: Id = Field(description="The report that opened it.")
    source: Slug
    channel: Channel
    matter: MatterType | None = None
    class_code: Code | None = None
    row_id: Code | None = None
    suggested_row: Code | None = Field(
        default=None, description="The row that the report stated, until the case is filed."
    )
    filed_by: RuleRef | None = None
    place: Place
    suggested_owner: Slug | None = Field(default=None, description="The stated owner of the component, for routing.")
    complained_of: Slug | None = Field(
        default=None, description="The department whose handling is complained of: it neither handles nor inspects."
    )
    text: Text = ""
    photos: tuple[PhotoRef, ...] = ()
    reporter: Id | None = None
    wants_callback: bool = Field(default=False, description="The reporter who opened it wants to be called back.")
    confidential: bool = Field(default=False, description="保密: words and address stay in intake's vault.")
    reports: NonNegativeInt = Field(description="Number of merged reports, with the one that opened it.")
    joined: tuple[JoinedReport, ...] = Field(
        default=(), description="The newest 20 reports that were merged, oldest first; text cut at 500 characters."
    )
    occurred_at: Timestamp
    reported_at: Timestamp = Field(
        description="recorded_at of the report that opened it; the case is counted on that day."
    )
    filed_at: Timestamp | None = None
    department: Slug | None = Field(
        default=None, description="The current or last department, for which the case is counted."
    )
    assignments: tuple[Assignment, ...] = ()
    helpers: tuple[Helper, ...] = Field(default=(), description="Of the current and earlier assignments, in order.")
    workers: tuple[Id, ...] = Field(
        default=(), description="Opaque ids of persons who acted for a department in it: they may not inspect it."
    )
    answerable: Answerable | None = Field(default=None, description="By class and place, since it was opened or filed.")
    clocks: tuple[StageClock, ...] = Field(default=(), description="In order of their beginning.")
    held_because: Text | None = Field(
        default=None, description="Why the case waits at the hard-to-place desk, in English and then in Chinese."
    )
    round: PositiveInt = Field(default=1, description="1, plus one for each failed inspection and each reopening.")
    hops: NonNegativeInt = Field(default=0, description="Number of returns by departments.")
    reopened: NonNegativeInt = 0
    inspected_at: Timestamp | None = None
    closed_at: Timestamp | None = None
    called_back: tuple[CalledBack, ...] = Field(
        default=(), description="In order; the last one of each report counts for it."
    )
    callbacks_wanted: tuple[Id, ...] = Field(
        default=(),
        description="Reports whose reporter is called back once the case is closed, because the reporter asked for it"
        " or the city's pack says so of the source; in order of their arrival.",
    )
    callbacks_awaited: tuple[Id, ...] = Field(
        default=(), description="Reports whose reporter is to be called back now, in order of their arrival."
    )
    rating: Rating | None = Field(
        default=None, description="The case's rating, from all that count, by the rule of the city's pack."
    )
    raw_rating: Rating | None = Field(
        default=None, description="The same from all ratings as given, those judged unreasonable included."
    )
    rated_by: RuleRef | None = Field(default=None, description="The rule that made one rating of several.")
    answer: Text | None = Field(
        default=None, description="The public answer to the residents, once the work was inspected, or the case ended."
    )
    ended_because: Reason | None = Field(default=None, description="Why it was voided or not accepted.")
    ended_at: Timestamp | None = Field(default=None, description="When it was voided or not accepted.")
    urged: NonNegativeInt = Field(default=0, description="How often it was urged, by hand or by the city's ladder.")
    escalation: CaseEscalation | None = Field(default=None, description="None: never raised, and no step is due.")
    numbers: CaseNumbers | None = None
    notes: tuple[CaseNote, ...] | None = Field(
        default=None, description="The newest 5 notes for its departments, oldest first; text cut at 500 characters."
    )
    past: bool = Field(default=False, description="From an import: no orders, no timers.")
    matched_within: Slug | None = Field(
        default=None, description="Of an import: matched only with reports of the same value."
    )
    promised_by: Timestamp | None = Field(default=None, description="Of an import: the end of the promised time.")
    time_limits: TimeLimits | None = Field(
        default=None, description="Requests about limits, suspension, plan, promise; None: there never was any."
    )
    recurrence_of: CaseId | None = Field(
        default=None, description="The case of the same problem that was closed shortly before, if any."
    )
