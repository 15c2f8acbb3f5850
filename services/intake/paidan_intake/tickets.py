"""A ticket: one report as its source sends it; and the notes on what could not be determined. No decisions."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from paidan_contracts.reports import ImportedHistory
from paidan_contracts.wire import (
    Code,
    Datum,
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
    without_unknown_fields,
)
from paidan_intake.classification import to_matter_type

Note = Literal["unknown_category", "unknown_class", "no_position", "position_outside_city", "position_from_photo"]


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
    matter: Annotated[MatterType, BeforeValidator(to_matter_type)] | None = Field(
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
    confidential: bool = Field(
        default=False,
        description="保密: the words, the address and the reporter stay in the vault; what travels says so.",
    )
    secrecy: bool = Field(default=False, description="The name of `confidential` in release 0.1, and the same.")
    photos: tuple[PhotoRef, ...] = Field(default=(), max_length=20, description="References from POST /v1/photos.")
    suggested_owner: Slug | None = Field(default=None, description="Department that owns the component, if known.")
    occurred_at: Timestamp | None = Field(default=None, description="When the problem was seen; with a time zone.")
    past: Annotated[ImportedHistory, without_unknown_fields(ImportedHistory)] | None = Field(
        default=None, description="Of an import; needs a key with the backdate scope."
    )
