"""What sources ask over HTTP, as they write it, and what they are answered. No decisions."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from paidan_contracts.places import RawPosition
from paidan_contracts.reports import AlarmRaised, ImportedHistory
from paidan_contracts.wire import (
    Area,
    CaseId,
    Code,
    Datum,
    Id,
    Latitude,
    Longitude,
    MatterType,
    PhotoRef,
    RequestModel,
    SenderRef,
    ShortText,
    Slug,
    Text,
    Timestamp,
)
from paidan_intake.classification import matter_in_english


class Position(RequestModel):
    """A position, in the stated datum or, without one, in the datum that the city pack states for the source."""

    x: Longitude = Field(description="Longitude, degrees.")
    y: Latitude = Field(description="Latitude, degrees.")
    crs: Datum | None = None


class Reporter(RequestModel):
    """The reporter's personal data, which is stored encrypted in the vault and nowhere else."""

    name: ShortText | None = None
    phone: ShortText | None = None
    address: ShortText | None = Field(default=None, description="The reporter's own address, not that of the problem.")


class Ticket(RequestModel):
    """One report: a hotline ticket, a patrol's finding, a sensor's message, a photo report's text, a row of an import.

    The API key determines its source. ``source_ref`` identifies it: after any answer other than 202, send it again with
    the same one.
    """

    source_ref: SenderRef = Field(description="Your own id of this report, the same on every retry.")
    source: Slug | None = Field(default=None, description="Only for a key without a source of its own (an import).")
    city: Slug | None = Field(default=None, description="Only for a key that is valid in several cities.")
    matter: Annotated[MatterType, BeforeValidator(matter_in_english)] | None = Field(
        default=None,
        description="consultation 咨询, help 求助, suggestion 建议, complaint 投诉, tip_off 举报, praise 感谢...",
    )
    category: ShortText | None = Field(default=None, description="Your own category; the city pack maps it to a class.")
    class_code: Code | None = Field(default=None, description="Class of the catalogue, if known: E0110.")
    condition: Code | None = Field(default=None, description="Condition code of the class's catalogue row.")
    text: Text = Field(
        default="", description="The report's text. Personal data in it is masked before it is published."
    )
    position: Position | None = None
    district: Code | None = Field(default=None, description="District code, for a report without a position.")
    address: ShortText | None = Field(default=None, description="Of the problem.")
    reporter: Reporter | None = None
    wants_callback: bool = False
    secrecy: bool = Field(default=False, description="保密: stored with the reporter's personal data in the vault.")
    photos: tuple[PhotoRef, ...] = Field(default=(), max_length=20, description="References from POST /v1/photos.")
    suggested_owner: Slug | None = Field(default=None, description="Department that owns the component, if known.")
    occurred_at: Timestamp | None = Field(default=None, description="When the problem was seen; with a time zone.")
    past: ImportedHistory | None = Field(default=None, description="Of an import; needs a key with the backdate scope.")


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
        """Write it as it stands on the topic."""
        requested_position = self.position
        position = (
            RawPosition(x=requested_position.x, y=requested_position.y, crs=requested_position.crs or default_datum)
            if requested_position
            else None
        )
        fields = self.model_dump(exclude={"source", "city", "position"})
        return AlarmRaised(source=source, city=city, position=position, **fields)


Note = Literal["unknown_category", "unknown_class", "no_position", "position_outside_city", "position_from_photo"]


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
    masked: dict[str, int] = Field(default_factory=dict, description="Number of masked values in the text, by kind.")
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
    stands: Literal["waiting", "opened", "merged", "suppressed", "refused", "dead_lettered"] = Field(
        description="waiting: accepted, and not decided yet."
    )
    reason: str | None = Field(default=None, description="Code of the reason why it was refused or suppressed.")
    message: str | None = None
    message_zh: str | None = None
    case_id: CaseId | None = None
    status: str | None = Field(default=None, description="Status of the case: filed, dispatched, handling, closed...")
    version: int | None = None
    answer: str | None = Field(
        default=None, description="The department's account of its work, or why the case was ended."
    )
    due_at: Timestamp | None = None
    changed_at: Timestamp | None = None
