"""The event that announces a dead letter: a record that could not be processed. Its bytes stay in the database."""

from typing import Literal

from pydantic import Field

from paidan_contracts.wire import Id, NonNegativeInt, ShortText, Text, Timestamp, WireModel


class RecordDeadLettered(WireModel, title="RecordBuried"):
    """A record was stored as a dead letter. Its content may hold personal data and is not published.

    Published by every service on ``paidan.dead-letters``. Read by operators, who redrive it. Keyed by
    ``topic-partition`` of the record.
    """

    type: Literal["record.buried.v1"] = "record.buried.v1"
    letter_id: Id
    service: ShortText
    topic: ShortText
    partition: NonNegativeInt
    offset: NonNegativeInt
    reason: ShortText = Field(
        description="A code: unreadable, invalid_field, unknown_type, bad_header, null_value, refused_by_database..."
    )
    detail: Text = Field(default="", description="The invalid field; never a value.")
    attempts: NonNegativeInt = 1
    buried_at: Timestamp
