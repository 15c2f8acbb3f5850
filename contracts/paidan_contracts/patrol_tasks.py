"""Messages on ``paidan.tasks``: what patrols are to verify on site, without personal data of the reporter."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from paidan_contracts.extensible import ExtensibleEnum, Unknown
from paidan_contracts.places import Place
from paidan_contracts.wire import CaseId, Code, Id, PhotoRef, PositiveInt, Slug, Text, Timestamp, WireModel


class PatrolTask(WireModel):
    """A verification 核实 that was given to a post; whoever holds the post answers it on the case."""

    task_id: Id
    case_id: CaseId
    version: PositiveInt = Field(description="The case's version; readers keep the highest.")
    city: Slug
    post: Code
    class_code: Code | None = None
    text: Text = ""
    place: Place
    photos: tuple[PhotoRef, ...] = ()
    confidential: bool = Field(default=False, description="保密: words and address stay in intake's vault.")
    given_at: Timestamp
    due_at: Timestamp


class TaskEvent(WireModel):
    """Base of task events: each carries the complete task."""

    task: PatrolTask
    recorded_at: Timestamp


class TaskIssued(TaskEvent):
    """派发核实: a patrol has a new task.

    Published by dispatch on ``paidan.tasks``. Read by applications of patrols. Keyed by ``case_id``.
    """

    type: Literal["task.issued.v1"] = "task.issued.v1"


class TaskEnded(TaskEvent):
    """A task is over: it was answered, was given to another patrol, or the case went on without it."""

    type: Literal["task.ended.v1"] = "task.ended.v1"
    because: Annotated[Literal["answered", "given_to_another", "not_needed"] | Unknown, ExtensibleEnum()]


TaskMessage: TypeAlias = Annotated[TaskIssued | TaskEnded, Field(discriminator="type")]
