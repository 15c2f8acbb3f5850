"""A case's assignments to departments, the helpers beside them, and the limits of both."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from paidan_contracts.actions import Actor
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


class LimitReceipt(WireModel):
    """By which emergency or event a limit ends earlier, and when it would have ended."""

    declaration_id: Id
    rule: RuleRef = Field(description="Plan and level of the city's pack, as plan.level.")
    due_before: Timestamp = Field(description="When it would end if nothing were declared.")
    due_at: Timestamp


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
    warned_at: Timestamp | None = Field(default=None, description="When the warning went out.")
    finished_at: Timestamp | None = Field(default=None, description="When the work was last finished under this limit.")
    late: bool | None = Field(
        default=None,
        description="Whether it was finished after due_at; None until finished, and where there is no limit.",
    )
    overdue_at: Timestamp | None = Field(
        default=None, description="The end of the limit, once it has passed with the work unfinished."
    )
    shortened: LimitReceipt | None = Field(
        default=None, description="The emergency or event that shortened it; None: none did."
    )


class UnitOrder(WireModel):
    """二级派遣: a department's order, handed on to a unit or a person inside it; the department stays answerable."""

    number: PositiveInt = Field(description="Counted from 1 within the case.")
    order_id: Id
    unit: Slug = Field(description="The department itself, where it was handed on to a person of its own.")
    person: Id | None = Field(default=None, description="An opaque id of the person who is to do it.")
    handed_on_by: Slug = Field(description="The department, or the unit that had it before.")
    handed_on_at: Timestamp
    due_at: Timestamp | None = Field(default=None, description="None: there is no limit beside the department's.")
    warn_at: Timestamp | None = Field(default=None, description="When a warning is due; None once it went out.")
    accepted_at: Timestamp | None = None
    finished_at: Timestamp | None = Field(default=None, description="When it last reported the work as done.")
    confirmed_at: Timestamp | None = Field(
        default=None, description="When its work became the department's: it was confirmed, or needs no confirmation."
    )
    returned_at: Timestamp | None = None
    return_code: AnyReturnCode | None = None
    withdrawn_at: Timestamp | None = Field(
        default=None, description="When it was handed on to another, or ended with the department's order."
    )
    overdue_at: Timestamp | None = Field(default=None, description="The end of the limit, if it passed unfinished.")
    reworks: NonNegativeInt = Field(default=0, description="How often the department did not confirm its work.")
    settings: NonNegativeInt = Field(default=0, description="How often its limit was set anew, after a suspension.")
    text: Text = Field(default="", description="Of its last finish.")
    proof: tuple[PhotoRef, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether the unit still has the order."""
        return self.confirmed_at is None and self.returned_at is None and self.withdrawn_at is None


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
    accept_warned_at: Timestamp | None = Field(default=None, description="When that warning went out.")
    accepted_at: Timestamp | None = None
    accept_shortened: LimitReceipt | None = Field(
        default=None, description="The emergency or event that shortened accept_by; None: none did."
    )
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
    settled_by: Actor | None = Field(
        default=None, description="自行处置: the patrol that settled it on the spot; None: the department did the work."
    )
    handed_on: tuple[UnitOrder, ...] = Field(
        default=(), description="To whom the department handed the order on, in order; at most the last one is open."
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
    accept_warn_at: Timestamp | None = Field(
        default=None, description="When a warning is due that it is not accepted; None once it went out."
    )
    accept_warned_at: Timestamp | None = Field(default=None, description="When that warning went out.")
    due_at: Timestamp | None = None
    warn_at: Timestamp | None = Field(default=None, description="When a warning is due; None once it went out.")
    warned_at: Timestamp | None = Field(default=None, description="When the warning went out.")
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


def open_unit_order(assignments: tuple[Assignment, ...]) -> UnitOrder | None:
    """Return the order that is handed on inside the department which has the case; None where none is."""
    handed_on = assignments[-1].handed_on if assignments else ()
    return handed_on[-1] if handed_on and handed_on[-1].is_open else None
