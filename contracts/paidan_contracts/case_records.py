"""What is kept on a case beside its course: its numbers, and notes for its departments."""

from pydantic import Field

from paidan_contracts.wire import Code, SenderRef, Text, Timestamp, WireModel


class CaseNumbers(WireModel):
    """编号: the numbers by which people name a case. They never change."""

    ours: Code | None = Field(default=None, description="By the pattern of the city's pack.")
    source_ref: SenderRef | None = Field(
        default=None, description="The source's own number of the report that opened it, where the pack lets it travel."
    )


class CaseNote(WireModel):
    """备注: words of the staff on a case that its departments may read."""

    text: Text
    recorded_at: Timestamp
