"""Reports, normalized from every source, and alarms before they are screened."""

from typing import Literal

from pydantic import AwareDatetime, Field

from paidan_contracts.places import Place, RawPosition
from paidan_contracts.wire import (
    Area,
    Channel,
    Code,
    Digest,
    Id,
    Latitude,
    Longitude,
    MatterType,
    PhotoRef,
    SenderRef,
    ShortText,
    Slug,
    Text,
    Timestamp,
    WireModel,
)


class ImportedHistory(WireModel, title="Past"):
    """The recorded history of an imported report, which issues no orders and starts no timers."""

    owner: Slug | None = Field(
        default=None,
        description="The department that was responsible by the record, for which the case is counted. None or"
        " unknown: the case is held at the hard-to-place desk.",
    )
    promised_by: Timestamp | None = Field(default=None, description="End of the promised time; None: no limit.")
    verified: bool = Field(
        default=True, description="False: the case awaits verification, as records do that were referred elsewhere."
    )
    matched_within: Slug | None = Field(
        default=None, description="Only reports with the same value are matched with it; None: no matching."
    )


class ReportReceived(WireModel):
    """One report from any source: hotline ticket, photo report, screened camera alarm, patrol, sensor, import.

    Published by intake on ``paidan.inbox`` once everything the report refers to is stored. Read by dispatch.
    Keyed by ``area``. Personal data stays in the vault; ``reporter`` is an opaque reference into it.
    """

    type: Literal["report.received.v1"] = "report.received.v1"
    report_id: Id
    source: Slug
    source_ref: SenderRef
    channel: Channel
    city: Slug
    area: Area
    city_version: Digest = Field(description="Version of the city pack by which intake normalized the report.")
    digest: Digest = Field(description="Of all that the sender sent; the same id with another digest is refused.")
    matter: MatterType | None = None
    category: ShortText | None = Field(
        default=None,
        description="The source's own category, unchanged; masked like the text where the pack does not have it.",
    )
    class_code: Code | None = None
    row_id: Code | None = Field(default=None, description="Catalogue row, where the report names its condition.")
    suggested_owner: Slug | None = Field(default=None, description="Department that owns the component, if known.")
    complained_of: Slug | None = Field(
        default=None, description="The department whose handling it complains of, which never handles the complaint."
    )
    place: Place
    text: Text = Field(default="", description="Telephone, identity and card numbers masked.")
    photos: tuple[PhotoRef, ...] = Field(default=(), max_length=20)
    reporter: Id | None = Field(default=None, description="Reference into intake's vault.")
    wants_callback: bool = False
    confidential: bool = Field(
        default=False,
        description="保密: words, address and reporter stay in intake's vault; text and address are empty here.",
    )
    confidence: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    camera: SenderRef | None = Field(
        default=None, description="The camera or sensor, where the city's pack trusts single ones."
    )
    verify_first: bool = Field(
        default=False, description="Screening was not certain: the case awaits verification (核实)."
    )
    occurred_at: Timestamp = Field(description="By the sender's account.")
    recorded_at: Timestamp = Field(
        description="When it was received; for a sender with the backdate scope, occurred_at."
    )
    promised_by: Timestamp | None = Field(
        default=None, description="What the source promised its resident; of an import, its past has it."
    )
    past: ImportedHistory | None = None


class JoinedReport(WireModel):
    """A report as the case that it opened or joined holds it."""

    report_id: Id
    source: Slug
    channel: Channel
    text: Text = ""
    address: ShortText | None = None
    latitude: Latitude | None = Field(default=None, description="WGS-84, degrees.")
    longitude: Longitude | None = Field(default=None, description="WGS-84, degrees.")
    photos: tuple[PhotoRef, ...] = ()
    metres: float | None = Field(default=None, description="Distance from the case, where both have a position.")
    recorded_at: Timestamp
    wants_callback: bool = False
    confidential: bool = Field(default=False, description="保密: its words and address stay in intake's vault.")


class AlarmRaised(WireModel):
    """An alarm of a camera or sensor, in one format for all vendors.

    Published on ``paidan.alarms`` by intake's HTTP routes and by camera platforms themselves. Read by intake, which
    screens it (dwell time, repetition, confidence) before it becomes a report. Keyed by ``camera``. Intake also accepts
    null and blank text for what is absent, numbers for text, a negative confidence for an unknown one, and a time
    without a zone, which is the city's; what it cannot accept is refused on ``paidan.outcomes``, naming the field.
    """

    type: Literal["alarm.raised.v1"] = "alarm.raised.v1"
    source: Slug
    city: Slug | None = Field(default=None, description="Required where several cities have a source with this id.")
    alarm_ref: SenderRef = Field(description="The sender's own id of this alarm.")
    camera: SenderRef
    category: SenderRef = Field(description="The source's own category of the alarm, a word or a number.")
    region: ShortText | None = Field(default=None, description="Detection region within the image.")
    confidence: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    position: RawPosition | None = None
    address: ShortText | None = None
    text: Text = ""
    photos: tuple[PhotoRef, ...] = Field(default=(), max_length=20)
    occurred_at: AwareDatetime = Field(description="By the camera's clock, which may not have been set.")
