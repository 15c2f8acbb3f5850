"""HTTP models of emergencies and events: what is declared, what may be listed, standing orders."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from paidan_contracts.emergencies import EmergencyDeclaration, EmergencyEnded
from paidan_contracts.lenient_types import FreeText, RequiredCode, StatedTime
from paidan_contracts.orders import StandingOrderIssued
from paidan_contracts.wire import Code, NonNegativeInt, RequestModel, Slug, Timestamp


class DeclareBody(RequestModel, title="DeclareEmergency"):
    """What is declared: a plan of the city's pack on one of its levels, where and for how long."""

    city: Slug | None = Field(default=None, description="None: the key's own.")
    plan: RequiredCode
    level: RequiredCode
    places: Annotated[tuple[Code, ...], Field(max_length=50)] = Field(
        default=(), description="Districts, streets, communities; none: the whole city."
    )
    begins_at: StatedTime = Field(default=None, description="None: at once. Without a zone it is the city's time.")
    ends_at: StatedTime = Field(default=None, description="When it ends by itself; of an event it is needed.")
    reason: FreeText = ""


class EndBody(RequestModel, title="EndEmergency"):
    """Why it ends."""

    reason: FreeText = ""


class EmergencyQuery(RequestModel):
    """Query parameters of the list of emergencies and events."""

    city: Slug | None = None
    state: Literal["in_force", "scheduled", "ended"] | None = None
    declared_before: Timestamp | None = Field(default=None, description="For the next page: of the last one listed.")
    limit: int = Field(default=50, ge=1, le=200)


class EmergencyItem(BaseModel):
    """An emergency or event, and how many cases were set anew by it."""

    declaration: EmergencyDeclaration
    state: Literal["in_force", "scheduled", "ended"]
    ending: EmergencyEnded | None = None
    shortened: NonNegativeInt = Field(default=0, description="Running cases whose limit ends earlier by it.")
    restored: NonNegativeInt = Field(default=0, description="Cases whose limit got back its former end.")
    is_settled: bool = Field(default=True, description="Whether every running case was looked at.")


class EmergencyList(BaseModel):
    """Emergencies and events, those declared last first."""

    as_of: Timestamp
    emergencies: list[EmergencyItem]


class StandingOrderList(BaseModel):
    """A department's standing orders (常备令) that are in force."""

    department: Slug
    orders: list[StandingOrderIssued]
