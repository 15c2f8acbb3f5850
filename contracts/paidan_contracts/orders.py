"""What a department is told on its own topic ``paidan.orders.<department>``: keep the highest version of each."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from .outcomes import Why
from .places import Place
from .wire import CaseId, Code, Count, Id, Line, Moment, PhotoRef, Said, Slug, Text, Version


class Order(Said):
    """The whole of an order as the department should see it; no word about who reported."""

    order_id: Id
    case_id: CaseId
    version: Version = Field(description="The case's version; a reader keeps the highest.")
    department: Slug
    class_code: Code | None = None
    row_id: Code | None = None
    closing_condition: Text | None = Field(default=None, description="结案条件: what the inspector will look for.")
    closing_condition_zh: Text | None = None
    text: Text = ""
    place: Place
    photos: tuple[PhotoRef, ...] = ()
    reports: Count = 1
    round: Version = 1
    dispatched_at: Moment
    accept_by: Moment | None = None
    due_at: Moment | None = None
    rule: Code = Field(description="The routing rule that chose the department, or by_hand.")


class OrderEvent(Said):
    """What every message about an order says. Published by dispatch. Read by that department. Keyed by ``case_id``."""

    order: Order
    recorded_at: Moment


class OrderIssued(OrderEvent):
    """派遣: act on this."""

    type: Literal["order.issued.v1"] = "order.issued.v1"


class OrderChanged(OrderEvent):
    """Something about the order is different: more reports joined, rework, reopening, another catalogue row."""

    type: Literal["order.changed.v1"] = "order.changed.v1"
    because: Literal["merged", "rework", "reopened", "refiled"]
    reason: Text = ""


class OrderWithdrawn(OrderEvent):
    """Do not act on it any more: it went to another department, was returned, closed or voided."""

    type: Literal["order.withdrawn.v1"] = "order.withdrawn.v1"
    because: Literal["returned", "redispatched", "voided", "closed"]
    reason: Text = ""


class OrderUrged(OrderEvent):
    """催办: a reminder."""

    type: Literal["order.urged.v1"] = "order.urged.v1"
    reason: Text = ""


class AnswerRefused(Said):
    """An answer of this department was not taken, and why.

    Published by dispatch on ``paidan.orders.<department>``. Read by that department. Keyed by ``case_id`` where it
    could be read.
    """

    type: Literal["answer.refused.v1"] = "answer.refused.v1"
    action_id: Id | None = None
    your_id: Line | None = Field(default=None, description="The id that the department gave, where it could be read.")
    case_id: CaseId | None = None
    answer_partition: Count | None = None
    answer_offset: Count | None = None
    why: Why
    recorded_at: Moment


OrderMessage: TypeAlias = Annotated[
    OrderIssued | OrderChanged | OrderWithdrawn | OrderUrged | AnswerRefused, Field(discriminator="type")
]
