"""Reports, normalized from every source, and alarms before they are screened."""

from typing import Literal

from pydantic import Field

from paidan_contracts.places import Place, RawPosition
from paidan_contracts.wire import (
    Area,
    Channel,
    Code,
    Digest,
    Id,
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
    """What is already known of a report that comes from an import: it sends no orders and starts no timers."""

    owner: Slug | None = Field(
        default=None,
        description="The department that the record says was responsible; it is counted there. None, or one that"
        " nobody knows: the case is held at the hard-to-place desk.",
    )
    promised_by: Timestamp | None = Field(
        default=None, description="End of the time that was promised; None: no limit."
    )
    verified: bool = Field(default=True, description="False: it waits for a verification, as referred-out ones do.")
    matched_within: Slug | None = Field(
        default=None, description="Only reports that carry the same word are matched with it; None: no matching."
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
    city_version: Digest = Field(description="The city pack that intake read the report with.")
    digest: Digest = Field(description="Of all that the sender said; the same id with another digest is refused.")
    matter: MatterType | None = None
    category: ShortText | None = Field(
        default=None,
        description="The source's own category, as it came; masked like the text where the pack has it not.",
    )
    class_code: Code | None = None
    row_id: Code | None = Field(default=None, description="Catalogue row, where the report names its condition.")
    suggested_owner: Slug | None = Field(default=None, description="Department that owns the component, if known.")
    place: Place
    text: Text = Field(default="", description="Telephone, identity and card numbers masked.")
    photos: tuple[PhotoRef, ...] = Field(default=(), max_length=20)
    reporter: Id | None = Field(default=None, description="Reference into intake's vault.")
    wants_callback: bool = False
    confidence: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    verify_first: bool = Field(default=False, description="Screening was not sure: it waits to be verified (核实).")
    occurred_at: Timestamp = Field(description="What the sender claims.")
    recorded_at: Timestamp = Field(description="Ours; for a sender with the backdate scope it is occurred_at.")
    past: ImportedHistory | None = None


class AlarmRaised(WireModel):
    """A camera or sensor says that it sees something, in the plain shape that every vendor's format is brought to.

    Published on ``paidan.alarms`` by intake's HTTP routes and by camera platforms themselves. Read by intake, which
    screens it (dwell, re-fires, confidence) before it becomes a report. Keyed by ``camera``.
    """

    type: Literal["alarm.raised.v1"] = "alarm.raised.v1"
    source: Slug
    city: Slug | None = Field(default=None, description="Needed where several cities have a source of this name.")
    alarm_ref: SenderRef = Field(description="The sender's own id of this firing.")
    camera: SenderRef
    category: SenderRef = Field(description="The source's own word or number for what it sees.")
    region: ShortText | None = Field(default=None, description="Detection region within the picture.")
    confidence: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    position: RawPosition | None = None
    address: ShortText | None = None
    text: Text = ""
    photos: tuple[PhotoRef, ...] = Field(default=(), max_length=20)
    occurred_at: Timestamp
