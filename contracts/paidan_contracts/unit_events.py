"""Case events of second-level dispatch 二级派遣: an order is handed on inside its department, and the unit answers."""

from typing import Annotated, Literal

from pydantic import Field

from paidan_contracts.case_event import CaseEvent
from paidan_contracts.department_actions import AnyReturnCode
from paidan_contracts.extensible import ExtensibleEnum, Unknown
from paidan_contracts.places import WorkPlace
from paidan_contracts.wire import Id, PhotoRef, Slug, Text, Timestamp


class CaseHandedOn(CaseEvent):
    """二级派遣: the department, or a unit of it, handed its order on; the department stays answerable."""

    type: Literal["case.handed_on.v1"] = "case.handed_on.v1"
    department: Slug
    unit: Slug
    person: Id | None = None
    order_id: Id
    due_at: Timestamp | None = Field(default=None, description="End of the unit's own time limit.")
    reason: Text = ""


class CaseUnitAnswered(WorkPlace, CaseEvent):
    """A unit answered the order that was handed on to it; the case's status does not change."""

    type: Literal["case.unit_answered.v1"] = "case.unit_answered.v1"
    department: Slug
    unit: Slug
    answer: Annotated[Literal["accepted", "returned", "finished"] | Unknown, ExtensibleEnum()]
    code: AnyReturnCode | None = None
    text: Text = ""
    proof: tuple[PhotoRef, ...] = ()


class CaseUnitReworked(CaseEvent):
    """The department did not confirm what its unit finished: the unit goes on under the same time limit."""

    type: Literal["case.unit_reworked.v1"] = "case.unit_reworked.v1"
    department: Slug
    unit: Slug
    reason: Text = ""
