"""What a case's state says of its time limits beside those of its assignments: requests, suspension, plan, promise."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from paidan_contracts.actions import Actor
from paidan_contracts.extensible import ExtensibleEnum, Unknown
from paidan_contracts.wire import Code, Id, NonNegativeInt, PositiveInt, Reason, Slug, Text, Timestamp, WireModel

RequestKind: TypeAlias = Literal["extension", "suspension", "appeal"]
AnyRequestKind: TypeAlias = Annotated[RequestKind | Unknown, ExtensibleEnum()]
"""延期, 挂账, 申诉."""


class ReviewStep(WireModel):
    """One step of the decision on a request."""

    duty: Code = Field(description="The duty (岗位职责) that the chain of the city's pack names for this step.")
    approved: bool
    by: Actor
    at: Timestamp
    reason: Text = ""


class LimitRequest(WireModel):
    """A department's request that a chain of posts decides on, in order; one that is rejected ends it."""

    number: PositiveInt = Field(description="Counted from 1 within the case.")
    kind: AnyRequestKind
    assignment: PositiveInt = Field(description="Number of the assignment whose department asks.")
    asked_by: Actor
    asked_at: Timestamp
    reason: Reason
    resume_at: Timestamp | None = Field(default=None, description="Of a suspension: when the work goes on.")
    chain: tuple[Code, ...] = Field(description="Duties of those who decide, in order, by the pack in force then.")
    steps: tuple[ReviewStep, ...] = Field(default=(), description="Those that were taken.")
    outcome: Annotated[Literal["approved", "rejected", "lapsed"] | Unknown, ExtensibleEnum()] | None = Field(
        default=None, description="lapsed: the case moved on before it was decided; None: it is pending."
    )


class Suspension(WireModel):
    """挂账: since when and until when the clock of handling stands."""

    request: PositiveInt = Field(description="Number of the request that was approved.")
    began_at: Timestamp
    resume_at: Timestamp
    left_s: float | None = Field(
        default=None, description="Seconds that were left of the limit; None: it had none, or was over."
    )
    working: bool = Field(default=True, description="Whether left_s is working time; else all hours count.")


class PlannedStep(WireModel):
    """A step of a plan (限期整改), with a time limit of its own."""

    number: PositiveInt
    assignment: PositiveInt = Field(description="Number of the assignment to whose department it is set.")
    text: Text
    due_at: Timestamp
    warn_at: Timestamp | None = Field(default=None, description="When a warning is due; None once it went out.")
    setting: PositiveInt = Field(default=1, description="How often its time limit was set.")
    done_at: Timestamp | None = None
    overdue_at: Timestamp | None = Field(default=None, description="The end of its limit, once it passed undone.")
    left_s: float | None = Field(default=None, description="While the case is suspended: seconds that were left.")


class Promise(WireModel):
    """承诺时限: what a source promised its resident, beside the city's own limits; it ends as the case ends."""

    number: PositiveInt = Field(default=1, description="Counted from 1 within the case; an earlier one replaces it.")
    report_id: Id
    source: Slug
    began_at: Timestamp
    due_at: Timestamp
    warn_at: Timestamp | None = Field(default=None, description="When a warning is due; None once it went out.")
    ended_at: Timestamp | None = None
    overdue_at: Timestamp | None = Field(default=None, description="The end of the promised time, once it passed.")


class TimeLimits(WireModel):
    """What was asked for, granted and set by hand."""

    requests: tuple[LimitRequest, ...] = Field(default=(), description="In order; the last one may be pending.")
    suspension: Suspension | None = Field(default=None, description="While the case is suspended.")
    settings: NonNegativeInt = Field(
        default=0, description="How often a running limit was set anew: extended, resumed, set by hand."
    )
    set_because: Reason | None = Field(default=None, description="Why the running limit was set by hand, if it was.")
    plan: tuple[PlannedStep, ...] = ()
    promise: Promise | None = None
    exempt: bool = Field(
        default=False, description="An appeal was granted: being overdue stays a fact, and is not counted."
    )

    @property
    def pending(self) -> LimitRequest | None:
        """The request that waits for a decision."""
        last = self.requests[-1] if self.requests else None
        return last if last is not None and last.outcome is None else None
