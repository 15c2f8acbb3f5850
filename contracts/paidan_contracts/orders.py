"""Messages on a department's own topic ``paidan.orders.<department>``: orders, and refusals of its answers."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from paidan_contracts.case_records import CaseNote, CaseNumbers
from paidan_contracts.city.pack_types import Names
from paidan_contracts.emergencies import EmergencyDeclaration
from paidan_contracts.extensible import ExtensibleEnum, Unknown
from paidan_contracts.outcomes import Refusal
from paidan_contracts.places import Place
from paidan_contracts.reports import JoinedReport
from paidan_contracts.wire import (
    CaseId,
    Code,
    Id,
    NonNegativeInt,
    PhotoRef,
    PositiveInt,
    ShortText,
    Slug,
    Text,
    Timestamp,
    WireModel,
)

OrderChangeReason: TypeAlias = Literal[
    "merged", "rework", "reopened", "refiled", "unit_finished", "unit_returned", "escalation_ended",
    "extended", "suspended", "resumed", "limit_set", "planned", "rejected", "corrected", "note_added", "settled",
    "emergency",
]  # fmt: skip


class OrderEscalation(WireModel):
    """A level of the city's ladder to which the order's case is raised."""

    level: Code
    names: Names | None = Field(default=None, description="None: the city's pack has no such level any more.")
    since: Timestamp
    reason: Text = ""


class Order(WireModel):
    """A complete order, as the department sees it, without personal data of the reporter."""

    order_id: Id
    case_id: CaseId
    version: PositiveInt = Field(description="The case's version; readers keep the highest.")
    department: Slug
    role: Annotated[Literal["lead", "helper", "unit"] | Unknown, ExtensibleEnum()] = Field(
        default="lead",
        description="lead: the department's answers move the case; helper (协办): they are recorded; unit (二级派遣): a"
        " department's order that was handed on inside it, on the unit's own topic, or on that of its bureau.",
    )
    lead: Slug | None = Field(default=None, description="Of a helper's or a unit's order: the department that leads.")
    unit: Slug | None = Field(
        default=None, description="Of a unit's order: the unit; of a lead's: to whom it is handed on now."
    )
    person: Id | None = Field(
        default=None, description="Of a unit's order: an opaque id of the person who is to do it."
    )
    helpers: tuple[Slug, ...] = Field(default=(), description="Departments that help, each with an order of its own.")
    class_code: Code | None = None
    row_id: Code | None = None
    closing_condition: Text | None = Field(
        default=None, description="结案条件: the condition that the inspection checks."
    )
    closing_condition_zh: Text | None = None
    text: Text = ""
    place: Place
    photos: tuple[PhotoRef, ...] = ()
    confidential: bool = Field(default=False, description="保密: words and address are not sent.")
    reports: NonNegativeInt = 1
    joined: tuple[JoinedReport, ...] = Field(
        default=(), description="The newest 20 reports that were merged, oldest first; text cut at 500 characters."
    )
    numbers: CaseNumbers | None = None
    notes: tuple[CaseNote, ...] | None = Field(
        default=None, description="The newest 5 notes of the staff for its departments, oldest first."
    )
    round: PositiveInt = 1
    dispatched_at: Timestamp
    accept_by: Timestamp | None = None
    due_at: Timestamp | None = None
    promised_by: Timestamp | None = Field(
        default=None, description="What a source promised its resident, beside due_at; the earliest of several."
    )
    rule: Code = Field(description="The routing rule that chose the department, or by_hand.")
    escalations: tuple[OrderEscalation, ...] | None = Field(
        default=None, description="督办: the levels to which its case is raised now. None: to none."
    )
    reason: Text = Field(
        default="",
        description="What the person who chose the department wrote, such as why it, or where exactly; empty by rule.",
    )


class OrderEvent(WireModel):
    """Base of messages about an order. Published by dispatch. Read by that department. Keyed by ``case_id``."""

    order: Order
    recorded_at: Timestamp


class OrderIssued(OrderEvent):
    """派遣: the department must handle this order."""

    type: Literal["order.issued.v1"] = "order.issued.v1"


class OrderChanged(OrderEvent):
    """The order changed: a merged report, rework, reopening, another row or limit, correction, note, unit's answer."""

    type: Literal["order.changed.v1"] = "order.changed.v1"
    because: Annotated[OrderChangeReason | Unknown, ExtensibleEnum()]
    reason: Text = Field(default="", description="Of the step; of a note its words.")
    report: JoinedReport | None = Field(default=None, description="Of a merger: the report in full.")


class OrderWithdrawn(OrderEvent):
    """The order needs no more work: redispatched to another department, returned, planned, closed or voided."""

    type: Literal["order.withdrawn.v1"] = "order.withdrawn.v1"
    because: Annotated[
        Literal["returned", "redispatched", "voided", "closed", "confirmed", "planned", "settled"] | Unknown,
        ExtensibleEnum(),
    ]
    reason: Text = ""


class OrderUrged(OrderEvent):
    """催办: a reminder of an open order; with levels, its case was raised to them (督办)."""

    type: Literal["order.urged.v1"] = "order.urged.v1"
    levels: tuple[Code, ...] | None = None
    reason: Text = ""


class AnswerRefused(WireModel):
    """An answer of this department was refused, with the reason.

    Published by dispatch on ``paidan.orders.<department>``. Read by that department. Keyed by ``case_id``, where the
    answer has one.
    """

    type: Literal["answer.refused.v1"] = "answer.refused.v1"
    action_id: Id | None = None
    your_id: ShortText | None = Field(
        default=None, description="The department's own id of the answer, where it has one."
    )
    case_id: CaseId | None = None
    answer_partition: NonNegativeInt | None = None
    answer_offset: NonNegativeInt | None = None
    why: Refusal
    recorded_at: Timestamp


class StandingOrderIssued(WireModel):
    """常备令: an order without a case, in force as long as the emergency or event by which it was issued.

    Published by dispatch on ``paidan.orders.<department>``. Read by that department. Keyed by the city.
    """

    type: Literal["standing_order.issued.v1"] = "standing_order.issued.v1"
    order_id: Id
    department: Slug
    order: Code = Field(description="Of the plan in the city's pack.")
    text: Text
    text_zh: Text
    declaration: EmergencyDeclaration = Field(description="Without the orders of others.")
    recorded_at: Timestamp


class StandingOrderEnded(WireModel):
    """常备令解除: the emergency or event is over, and the standing order with it.

    Published by dispatch on ``paidan.orders.<department>``. Read by that department. Keyed by the city.
    """

    type: Literal["standing_order.ended.v1"] = "standing_order.ended.v1"
    order_id: Id
    department: Slug
    declaration_id: Id
    ended_at: Timestamp


OrderMessage: TypeAlias = Annotated[
    OrderIssued | OrderChanged | OrderWithdrawn | OrderUrged | AnswerRefused | StandingOrderIssued | StandingOrderEnded,
    Field(discriminator="type"),
]
