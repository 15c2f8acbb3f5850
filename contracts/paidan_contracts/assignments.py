"""A case's assignments to departments, the helpers beside them, and the limits of both."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from paidan_contracts.department_actions import AnyReturnCode
from paidan_contracts.extensible import ExtensibleEnum, Unknown
from paidan_contracts.wire import (
    Code,
    Digest,
    Id,
    NonNegativeInt,
    PhotoRef,
    PositiveInt,
    Slug,
    Text,
    Timestamp,
    WireModel,
)


class RuleRef(WireModel):
    """The rule of a decision, and the version of the city's pack that it is in."""

    rule: Code = Field(description="Rule id, or by_hand, by_record (of an import), by_report, default_row.")
    city_version: Digest


class Limit(WireModel):
    """One time limit for handling, within an assignment: rework keeps it, reopening begins another."""

    number: PositiveInt = Field(
        default=1, description="Counted from 1 within the case; another catalogue row begins a new one."
    )
    began_at: Timestamp
    due_at: Timestamp | None = Field(
        default=None, description="None: there is no limit, or it stands while the case is suspended."
    )
    warn_at: Timestamp | None = Field(default=None, description="When a warning is due; None once it went out.")
    finished_at: Timestamp | None = Field(default=None, description="When the work was last finished under this limit.")
    late: bool | None = Field(
        default=None,
        description="Whether it was finished after due_at; None until finished, and where there is no limit.",
    )
    overdue_at: Timestamp | None = Field(
        default=None, description="The end of the limit, once it has passed with the work unfinished."
    )


class Assignment(WireModel):
    """The assignment of a case to one department; it stays in the case when the case is assigned to another."""

    number: PositiveInt = Field(description="Counted from 1 within the case.")
    order_id: Id
    department: Slug
    placed_by: RuleRef
    dispatched_at: Timestamp
    accept_by: Timestamp | None = None
    accept_warn_at: Timestamp | None = Field(
        default=None, description="When a warning is due that it is not accepted; None once it went out."
    )
    accepted_at: Timestamp | None = None
    accept_overdue_at: Timestamp | None = Field(
        default=None, description="When the time limit for accepting passed, if it did."
    )
    limits: tuple[Limit, ...] = Field(description="In order; the last one is running, or was the last to run.")
    overdue_at: Timestamp | None = Field(
        default=None, description="When a time limit for handling first passed, if one did."
    )
    reworks: NonNegativeInt = Field(default=0, description="Failed inspections under this assignment.")
    returned_at: Timestamp | None = None
    return_code: AnyReturnCode | None = None
    withdrawn_at: Timestamp | None = Field(
        default=None, description="When it was redispatched to another department, or voided."
    )
    text: Text = Field(default="", description="The department's account at the last finish.")
    proof: tuple[PhotoRef, ...] = Field(default=(), description="Proof photos of the last finish.")
    proofs_checked: bool = Field(
        default=False, description="Proofs must be stored for this case; False for orders that release 0.1 issued."
    )
    reason: Text = Field(
        default="", description="What the person who chose the department wrote to it; empty where a rule chose."
    )


HelperRole = Literal["helper", "summoned", "informed", "joint"]
"""协办, 吹哨报到, 知会, 联合处置."""


AnyHelperRole: TypeAlias = Annotated[HelperRole | Unknown, ExtensibleEnum()]


class Helper(WireModel):
    """A department that helps the one that leads, with an order, answers and a time limit of its own."""

    department: Slug
    role: AnyHelperRole = "helper"
    order_id: Id
    placed_by: RuleRef
    dispatched_at: Timestamp
    accept_by: Timestamp | None = None
    due_at: Timestamp | None = None
    accepted_at: Timestamp | None = None
    accept_overdue_at: Timestamp | None = Field(
        default=None, description="When the time limit for accepting passed, if it did."
    )
    finished_at: Timestamp | None = Field(
        default=None, description="When it last reported its part as done; reopening begins anew."
    )
    returned_at: Timestamp | None = None
    return_code: AnyReturnCode | None = None
    withdrawn_at: Timestamp | None = None
    overdue_at: Timestamp | None = Field(
        default=None, description="When due_at passed with its part undone, if it did."
    )
    text: Text = Field(default="", description="Of its last finish.")
    proof: tuple[PhotoRef, ...] = ()
