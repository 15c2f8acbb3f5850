"""A ticket: one report as its source sends it, with what is absent, blank or spelt otherwise made one. No decisions."""

from datetime import datetime
from typing import Annotated, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WrapValidator

from paidan_contracts import lenient
from paidan_contracts.reports import ImportedHistory
from paidan_contracts.wire import (
    Code,
    Datum,
    Latitude,
    Longitude,
    PhotoRef,
    RequestModel,
    SenderRef,
    ShortText,
    Slug,
    Text,
    without_unknown_fields,
)

# What is published as accepted is what these validators accept, and not only what they return.
Blank: TypeAlias = Annotated[str, StringConstraints(pattern=r"^\s*$")]
RequiredText: TypeAlias = Annotated[
    SenderRef, BeforeValidator(lenient.required_text, json_schema_input_type=SenderRef | int | float)
]
OptionalText: TypeAlias = Annotated[
    ShortText | None, BeforeValidator(lenient.optional_text, json_schema_input_type=ShortText | int | float | None)
]
OptionalCode: TypeAlias = Annotated[
    Code | None, BeforeValidator(lenient.optional_name, json_schema_input_type=ShortText | int | None)
]
OptionalSlug: TypeAlias = Annotated[
    Slug | None, BeforeValidator(lenient.optional_name, json_schema_input_type=ShortText | int | None)
]
FreeText: TypeAlias = Annotated[
    Text, BeforeValidator(lenient.text_or_empty, json_schema_input_type=Text | int | float | None)
]
Flag: TypeAlias = Annotated[
    bool, BeforeValidator(lenient.false_if_blank, json_schema_input_type=bool | str | int | None)
]
PhotoRefs: TypeAlias = Annotated[
    tuple[PhotoRef, ...],
    Field(max_length=20),
    BeforeValidator(lenient.listed_once, json_schema_input_type=list[PhotoRef | None] | str | None),
]
OptionalDatum: TypeAlias = Annotated[
    Datum | None, BeforeValidator(lenient.to_datum, json_schema_input_type=Datum | str | None)
]


class Position(RequestModel):
    """A position, in the stated datum or, without one, in the datum that the city pack states for the source."""

    x: Longitude = Field(description="Longitude, degrees.")
    y: Latitude = Field(description="Latitude, degrees.")
    crs: OptionalDatum = None


class NoPosition(RequestModel):
    """A position without either coordinate, which is none."""

    x: Blank | None = None
    y: Blank | None = None
    crs: OptionalDatum = None


OptionalPosition: TypeAlias = Annotated[
    Position | None,
    BeforeValidator(lenient.none_if_no_coordinates, json_schema_input_type=Position | NoPosition | Blank | None),
]


class Reporter(RequestModel):
    """The reporter's personal data, which is stored encrypted in the vault and nowhere else."""

    name: OptionalText = None
    phone: OptionalText = None
    address: OptionalText = Field(default=None, description="The reporter's own address, not that of the problem.")


class Ticket(RequestModel):
    """One report: a hotline ticket, a patrol's finding, a sensor's message, a photo report's text, a row of an import.

    The API key determines its source. ``source_ref`` identifies it: after any answer other than 202, send it again with
    the same one. Null and blank text mean that a field is absent; a number is taken as its text.
    """

    source_ref: RequiredText = Field(description="Your own id of this report, the same on every retry.")
    source: OptionalSlug = Field(default=None, description="Only for a key without a source of its own (an import).")
    city: OptionalSlug = Field(default=None, description="Only for a key that is valid in several cities.")
    matter: OptionalText = Field(
        default=None,
        description="consultation 咨询, help 求助, suggestion 建议, complaint 投诉, tip_off 举报, praise 感谢,"
        " other 其他, or your own word, which the city pack maps; an unknown one is accepted with a note.",
    )
    category: OptionalText = Field(default=None, description="Your own category; the city pack maps it to a class.")
    class_code: OptionalCode = Field(default=None, description="Class of the catalogue, if known: E0110.")
    condition: OptionalCode = Field(default=None, description="Condition code of the class's catalogue row.")
    text: FreeText = Field(
        default="", description="The report's text. Personal data in it is masked before it is published."
    )
    position: OptionalPosition = None
    district: OptionalCode = Field(
        default=None, description="District code, for a report without a position, which prevails over it."
    )
    address: OptionalText = Field(default=None, description="Of the problem.")
    reporter: Annotated[
        Reporter | None,
        BeforeValidator(lenient.none_if_blank, json_schema_input_type=Reporter | Blank | None),
        AfterValidator(lenient.none_if_empty),
    ] = None
    wants_callback: Flag = False
    confidential: Flag = Field(
        default=False,
        description="保密: the words, the address and the reporter stay in the vault; what travels says so.",
    )
    secrecy: Flag = Field(default=False, description="The name of `confidential` in release 0.1, and the same.")
    photos: PhotoRefs = Field(default=(), description="References from POST /v1/photos.")
    suggested_owner: OptionalSlug = Field(default=None, description="Department that owns the component, if known.")
    complained_of: OptionalSlug = Field(
        default=None,
        description="Of a complaint about how something was handled: the department complained of, which never handles"
        " it. Such a report opens a case of its own.",
    )
    occurred_at: Annotated[
        datetime | None, WrapValidator(lenient.read_time, json_schema_input_type=datetime | str | int | None)
    ] = Field(
        default=None,
        description="When the problem was seen. Without a zone it is the city's time; one in the future, or of a clock"
        " that was not set, is replaced by the time of receipt, with a note.",
    )
    promised_by: Annotated[
        datetime | None,
        WrapValidator(lenient.read_time, json_schema_input_type=datetime | str | int | None),
        AfterValidator(lenient.within_calendars),
    ] = Field(
        default=None,
        description="When you promised your resident an end; the case is warned of and overdue by it, beside the city's"
        " own limits. Without a zone it is the city's time. Of an import, `past` has it.",
    )
    past: Annotated[
        Annotated[ImportedHistory, without_unknown_fields(ImportedHistory)] | None,
        BeforeValidator(lenient.none_if_blank, json_schema_input_type=ImportedHistory | Blank | None),
    ] = Field(default=None, description="Of an import; needs a key with the backdate scope.")
