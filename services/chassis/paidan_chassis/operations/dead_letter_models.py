"""Requests and responses of the routes for dead letters."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from paidan_chassis.consumer.dead_letter_pages import DeadLetterItem, DeadLetterState
from paidan_chassis.edge.person_tokens import UUID_PATTERN

MAX_REDRIVEN_AT_ONCE = 100
LetterId = Annotated[str, StringConstraints(pattern=f"^{UUID_PATTERN}$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class DeadLetterQuery(BaseModel):
    """Query parameters of the list of dead letters."""

    consumer: str | None = Field(default=None, max_length=249)
    topic: str | None = Field(default=None, max_length=249, description="Without the installation's prefix.")
    reason: str | None = Field(default=None, max_length=249)
    state: list[DeadLetterState] = Field(
        default=[], max_length=3, description="`waiting`: neither redriven nor dropped."
    )
    after: str | None = Field(default=None, max_length=300, description="The `after` of the previous page.")
    limit: int = Field(default=100, ge=1, le=500)


class DeadLetterList(BaseModel):
    """A page of dead letters, newest first."""

    dead_letters: list[DeadLetterItem]
    after: str | None = Field(description="Value of `after` for the next page; null on the last page.")


class LetterHeader(BaseModel, title="DeadLetterHeader"):
    """A header of the record."""

    name: str
    value: str | None = Field(
        description="Only of the attributes of CloudEvents and of the content type: any other may hold personal data."
    )


class DeadLetterDetail(DeadLetterItem, title="DeadLetterDetail"):
    """A dead letter with its headers, and without its body."""

    content: Literal["stored", "other_key", "not_stored"] = Field(
        description="`other_key`: encrypted with a key that this service does not have. `not_stored`: dead-lettered by"
        " a release that did not encrypt. Neither can be redriven here."
    )
    headers: list[LetterHeader]
    body_bytes: int | None = Field(description="Size of the record's body; null without one, or if it cannot be read.")


def _refuse_repeated(ids: list[LetterId]) -> list[LetterId]:
    if len(set(ids)) < len(ids):
        raise ValueError("an id is given twice")
    return ids


class RedriveRequest(BaseModel):
    """Which dead letters to redrive."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[LetterId], AfterValidator(_refuse_repeated)] = Field(
        min_length=1, max_length=MAX_REDRIVEN_AT_ONCE
    )


class NotRedriven(BaseModel):
    """A dead letter that was not redriven, or failed again, and why."""

    letter_id: UUID
    code: Literal[
        "not_found", "not_encrypted", "bad_header_name", "not_waiting", "in_hand", "undecided", "failed_again"
    ]
    message: str
    message_zh: str


class RedriveResponse(BaseModel, title="RedriveResult"):
    """What a redrive did: records are appended in the log's order, each once the one before it is decided."""

    redriven: int = Field(description="Records that were appended again, the one at which it stopped included.")
    skipped: list[NotRedriven] = Field(description="Those that cannot be redriven.")
    stopped_at: NotRedriven | None = Field(
        description="The first that failed again, is not decided in time or is in somebody else's hand; those after it"
        " were not tried."
    )


class DropRequest(BaseModel):
    """Why a dead letter will never be redriven."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason = Field(description="It is stored with the dead letter.")
