"""A ticket: one report as its source states it, and what could not be made of it. No decisions."""

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
)
from paidan_intake.classification import matter_in_english

Note = Literal["unknown_category", "unknown_class", "no_position", "position_outside_city", "position_from_photo"]


class Position(RequestModel):
    """Where it is, in the datum named or, where none is, in the one the city pack states for the source."""

    x: Longitude = Field(description="Longitude, degrees.")
    y: Latitude = Field(description="Latitude, degrees.")
    crs: Datum | None = None


class Reporter(RequestModel):
    """Who tells. It goes to the vault, encrypted, and nowhere else."""

    name: ShortText | None = None
    phone: ShortText | None = None
    address: ShortText | None = Field(default=None, description="The person's own, not the problem's.")


class Ticket(RequestModel):
    """One report: a hotline ticket, a patrol's find, a sensor's message, a photo report's text, a row of an import.

    Which source it comes from is what the key says. ``source_ref`` makes it one report for ever: send it again with
    the same one after any answer that is not 202.
    """

    source_ref: SenderRef = Field(description="Your own id of this report, the same on every retry.")
    source: Slug | None = Field(default=None, description="Only for a key that speaks for no one source (an import).")
    city: Slug | None = Field(default=None, description="Only for a key that is good for several cities.")
    matter: Annotated[MatterType, BeforeValidator(matter_in_english)] | None = Field(
        default=None,
        description="consultation 咨询, help 求助, suggestion 建议, complaint 投诉, tip_off 举报, praise 感谢...",
    )
    category: ShortText | None = Field(default=None, description="Your own word for what it is; the city pack maps it.")
    class_code: Code | None = Field(default=None, description="The catalogue's class, where you know it: E0110.")
    condition: Code | None = Field(default=None, description="Condition code of the class's catalogue row.")
    text: Text = Field(default="", description="As it was said. Personal numbers are masked before it travels.")
    position: Position | None = None
    district: Code | None = Field(default=None, description="District code, where no position says it.")
    address: ShortText | None = Field(default=None, description="Of the problem.")
    reporter: Reporter | None = None
    wants_callback: bool = False
    secrecy: bool = Field(default=False, description="保密: kept with the person's details in the vault.")
    photos: tuple[PhotoRef, ...] = Field(default=(), max_length=20, description="References from POST /v1/photos.")
    suggested_owner: Slug | None = Field(default=None, description="Department that owns the component, if known.")
    occurred_at: Timestamp | None = Field(default=None, description="When it was seen; with its zone.")
    past: ImportedHistory | None = Field(default=None, description="Of an import; needs a key with the backdate scope.")
