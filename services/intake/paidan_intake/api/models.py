"""Request and response models of the HTTP API."""

from pydantic import Field

from paidan_contracts.places import RawPosition
from paidan_contracts.reports import AlarmRaised
from paidan_contracts.wire import (
    Area,
    CaseId,
    Code,
    Datum,
    Id,
    PhotoRef,
    RequestModel,
    SenderRef,
    ShortText,
    Slug,
    Text,
    Timestamp,
)
from paidan_intake.tickets import Note, Position


class Alarm(RequestModel):
    """An alarm of a camera or sensor, in the same format as on the topic ``paidan.alarms``."""

    alarm_ref: SenderRef = Field(description="Your own id of this alarm, the same on every retry.")
    source: Slug | None = None
    city: Slug | None = None
    camera: SenderRef
    category: SenderRef = Field(description="Your own category of the alarm, a word or a number.")
    region: ShortText | None = None
    confidence: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    position: Position | None = None
    address: ShortText | None = None
    text: Text = ""
    photos: tuple[PhotoRef, ...] = Field(default=(), max_length=20)
    occurred_at: Timestamp

    def to_event(self, source: str, city: str, default_datum: Datum) -> AlarmRaised:
        """Return the alarm as it is published."""
        requested_position = self.position
        position = (
            RawPosition(x=requested_position.x, y=requested_position.y, crs=requested_position.crs or default_datum)
            if requested_position
            else None
        )
        fields = self.model_dump(exclude={"source", "city", "position"})
        return AlarmRaised(source=source, city=city, position=position, **fields)


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
    notes: tuple[Note, ...] = Field(
        default=(), description="What could not be determined; the report is accepted all the same."
    )
    text: Text | None = Field(default=None, description="Of a dry run: the text as it would be published.")
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
    due_at: Timestamp | None = None
    changed_at: Timestamp | None = None
