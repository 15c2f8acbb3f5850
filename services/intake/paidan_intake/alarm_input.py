"""An alarm as a camera platform sends it, over HTTP or on ``paidan.alarms``, in its own spelling. No decisions."""

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, ConfigDict, Field, WrapValidator

from paidan_contracts import lenient
from paidan_contracts.city import City
from paidan_contracts.places import RawPosition
from paidan_contracts.reports import AlarmRaised
from paidan_contracts.wire import RequestModel, Slug
from paidan_intake.occurrence import in_zone
from paidan_intake.tickets import (
    FreeText,
    OptionalPosition,
    OptionalSlug,
    OptionalText,
    PhotoRefs,
    Position,
    RequiredText,
)

Confidence: TypeAlias = Annotated[
    Annotated[float, Field(le=1, allow_inf_nan=False)] | None,
    BeforeValidator(lenient.none_if_negative, json_schema_input_type=Annotated[float, Field(le=1)] | str | None),
]


class AlarmInput(RequestModel):
    """The fields of an alarm. Null and blank text mean that a field is absent; a number is taken as its text."""

    alarm_ref: RequiredText = Field(description="Your own id of this alarm, the same on every retry.")
    source: OptionalSlug = None
    city: OptionalSlug = None
    camera: RequiredText
    category: RequiredText = Field(description="Your own category of the alarm, a word or a number.")
    region: OptionalText = None
    confidence: Confidence = Field(
        default=None, description="From 0 to 1; a negative one means that it is unknown, as null does."
    )
    position: OptionalPosition = None
    address: OptionalText = None
    text: FreeText = ""
    photos: PhotoRefs = ()
    occurred_at: Annotated[
        datetime, WrapValidator(lenient.read_required_time, json_schema_input_type=datetime | str | int)
    ] = Field(
        description="When it was seen. Without a zone it is the city's time; one in the future, or of a clock that was"
        " not set, is replaced by the time of receipt."
    )

    def to_event(self, source: str, city: City) -> AlarmRaised:
        """Return the alarm as it is published, of this source in this city."""
        position = self.position
        raw_position = (
            RawPosition(x=position.x, y=position.y, crs=position.crs or city.sources[source].crs) if position else None
        )
        fields = self.model_dump(exclude={"source", "city", "position", "occurred_at"})
        occurred_at = in_zone(self.occurred_at, city.zone)
        return AlarmRaised(source=source, city=city.id, position=raw_position, occurred_at=occurred_at, **fields)


class RecordPosition(Position):
    """A position of a record, in which what vendors add is ignored."""

    model_config = ConfigDict(extra="ignore")


class AlarmRecord(AlarmInput):
    """A record of ``paidan.alarms``: it names its source, and what vendors add is ignored."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["alarm.raised.v1"] = "alarm.raised.v1"
    source: Annotated[Slug, BeforeValidator(lenient.required_name)]
    position: Annotated[RecordPosition | None, BeforeValidator(lenient.none_if_no_coordinates)] = None
