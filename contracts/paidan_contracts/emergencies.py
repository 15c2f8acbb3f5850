"""Emergencies and events as they are declared and end: what dispatch decides by, and announces to everybody."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from paidan_contracts.actions import Actor
from paidan_contracts.city.pack_types import Names
from paidan_contracts.extensible import ExtensibleEnum, Unknown
from paidan_contracts.wire import (
    Area,
    CaseId,
    Code,
    Digest,
    Id,
    NonNegativeInt,
    PositiveInt,
    Slug,
    Text,
    Timestamp,
    WireModel,
)

AnyEmergencyKind: TypeAlias = Annotated[Literal["emergency", "event"] | Unknown, ExtensibleEnum()]


class StandingInstruction(WireModel):
    """常备令: what these departments are told to do, without a case, as long as it is in force."""

    order: Code = Field(description="Of the plan in the city's pack.")
    departments: tuple[Slug, ...]
    text: Text
    text_zh: Text


class EmergencyDeclaration(WireModel):
    """应急响应 or 重大活动保障: what was declared, where and from when on, by whom."""

    declaration_id: Id = Field(description="The action that declared it.")
    city: Slug
    city_version: Digest = Field(description="Of the pack by which it was decided.")
    plan: Code
    plan_names: Names
    kind: AnyEmergencyKind = "emergency"
    level: Code
    level_names: Names
    places: tuple[Code, ...] = Field(default=(), description="Districts, streets, communities; none: the whole city.")
    priority: NonNegativeInt = Field(default=0, description="In queues: cases of a higher one come first.")
    restores: bool = Field(default=False, description="As it ends, limits get back their former end.")
    declared_at: Timestamp
    declared_by: Actor
    begins_at: Timestamp
    ends_at: Timestamp | None = Field(default=None, description="When it ends by itself; None: by an act.")
    reason: Text = ""
    orders: tuple[StandingInstruction, ...] = Field(default=(), description="常备令, by the pack of then.")


class EmergencyDeclared(WireModel):
    """启动: an emergency or an event was declared; from ``begins_at`` on it shortens limits.

    Published by dispatch on ``paidan.emergencies``. Read by departments, monitoring, anyone. Keyed by the city.
    """

    type: Literal["emergency.declared.v1"] = "emergency.declared.v1"
    declaration: EmergencyDeclaration


class EmergencyEnded(WireModel):
    """终止: what was declared is over; no new case is shortened by it.

    Published by dispatch on ``paidan.emergencies``. Read by departments, monitoring, anyone. Keyed by the city.
    """

    type: Literal["emergency.ended.v1"] = "emergency.ended.v1"
    declaration_id: Id
    city: Slug
    plan: Code
    level: Code
    ended_at: Timestamp
    ended_by: Actor | None = Field(default=None, description="None: its hours were over.")
    reason: Text = ""


class EmergencyInForce(WireModel):
    """From this record on, decisions of its area follow a declaration.

    Published by dispatch on ``paidan.inbox``, for each area of the city. Read by dispatch. Keyed by the area.
    """

    type: Literal["emergency.in_force.v1"] = "emergency.in_force.v1"
    area: Area
    declaration: EmergencyDeclaration


class EmergencyOver(WireModel):
    """From this record on, decisions of its area do not follow a declaration any more.

    Published by dispatch on ``paidan.inbox``, for each area of the city. Read by dispatch. Keyed by the area.
    """

    type: Literal["emergency.over.v1"] = "emergency.over.v1"
    area: Area
    declaration_id: Id
    ended_at: Timestamp


class EmergencyDue(WireModel):
    """The hours of a declaration are over; it takes effect when dispatch reads it, unless it has ended.

    Published by dispatch on ``paidan.inbox``. Read by dispatch. Keyed by the city's own area.
    """

    type: Literal["emergency.due.v1"] = "emergency.due.v1"
    area: Area
    declaration_id: Id
    due_at: Timestamp


class EmergencyPortion(WireModel):
    """Some of the running cases that a declaration, or its end, sets anew; it takes effect once, in order of number.

    Published by dispatch on ``paidan.inbox``. Read by dispatch. Keyed by the area.
    """

    type: Literal["emergency.portion.v1"] = "emergency.portion.v1"
    area: Area
    declaration_id: Id
    step: Literal["shorten", "restore"]
    number: PositiveInt = Field(description="Counted from 1 within the step; another is ignored.")
    case_ids: tuple[CaseId, ...] = ()
    until_reported_at: Timestamp | None = Field(
        default=None, description="How far the list has come: up to the case of this time and id."
    )
    until_case: CaseId | None = None
    is_last: bool = False
    recorded_at: Timestamp


EmergencyRecord: TypeAlias = EmergencyInForce | EmergencyOver | EmergencyDue | EmergencyPortion
