"""Request and response models of the HTTP API."""

from pydantic import Field

from paidan_contracts.wire import (
    Area,
    CaseId,
    Code,
    Id,
    PhotoRef,
    RequestModel,
    SenderRef,
    Slug,
    Text,
    Timestamp,
)
from paidan_intake.alarm_input import AlarmInput
from paidan_intake.notes import Note, NoteCode


class Alarm(AlarmInput):
    """An alarm of a camera or sensor, in the same format as on the topic ``paidan.alarms``."""


class AcceptedReport(RequestModel, title="Taken"):
    """The normalized report. With 202 it is stored and will be decided; with ``dry_run`` nothing was stored."""

    report_id: Id
    source: Slug
    source_ref: SenderRef
    city: Slug
    area: Area | None = None
    class_code: Code | None = None
    row_id: Code | None = None
    district: Code | None = None
    street: Code | None = None
    community: Code | None = None
    grid: Code | None = None
    longitude: float | None = Field(default=None, description="WGS-84.")
    latitude: float | None = Field(default=None, description="WGS-84.")
    photos: tuple[PhotoRef, ...] = ()
    masked: dict[str, int] = Field(default_factory=dict, description="Number of masked values in all fields, by kind.")
    masked_in: dict[str, dict[str, int]] = Field(
        default_factory=dict, description="The same by field: text, address or category."
    )
    notes: tuple[NoteCode, ...] = Field(
        default=(),
        description="What could not be determined, or was read otherwise; the report is accepted all the same.",
    )
    note_details: tuple[Note, ...] = Field(default=(), description="The same notes with field and message.")
    text: Text | None = Field(default=None, description="Of a dry run: the text as it would be published.")
    stands: str | None = Field(
        default=None,
        description="Of a dry run: noted, if it would be answered without a case; as in the status.",
    )
    reason: str | None = Field(default=None, description="The pack's rule by which it would be noted.")
    recorded_at: Timestamp | None = None
    dry_run: bool = False


class ReportStatus(RequestModel, title="Stands"):
    """The status of a report, and the answer to it."""

    report_id: Id
    source: Slug
    source_ref: SenderRef
    city: Slug
    recorded_at: Timestamp
    stands: str = Field(
        description="waiting: accepted, and not decided yet; opened, merged: see `status`; noted: answered without a"
        " case; suppressed, refused, dead_lettered: see `reason`. Others may be added."
    )
    reason: str | None = Field(
        default=None,
        description="Code of the reason why it was refused or suppressed; the pack's rule by which it was noted.",
    )
    message: str | None = None
    message_zh: str | None = None
    case_id: CaseId | None = None
    status: str | None = Field(default=None, description="Status of the case: filed, dispatched, handling, closed...")
    version: int | None = None
    answer: str | None = Field(
        default=None,
        description="The public answer: once the case is closed, voided or not accepted, or the noted report answered.",
    )
    adopted: bool | None = Field(default=None, description="Of a suggestion that was answered: whether it is adopted.")
    due_at: Timestamp | None = None
    changed_at: Timestamp | None = None
