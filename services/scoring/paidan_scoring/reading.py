"""Reads records of ``paidan.cases``. Anybody may have written them, so the answer may be why one cannot be read."""

from dataclasses import dataclass
from typing import Final, TypeAlias

from pydantic import ValidationError

from paidan_chassis.records import Record
from paidan_scoring.events import StepSeen


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a record is no step of a case: a word for machines, and the field at fault."""

    reason: str
    field: str = ""


Reading: TypeAlias = StepSeen | Unreadable

_read: Final = StepSeen.model_validate_json


def read(record: Record) -> Reading:
    """Read a step; never raises, never quotes a value."""
    if record.value is None:
        return Unreadable("null_value")
    try:
        return _read(record.value)
    except ValidationError as error:
        return _why(error)


def _why(error: ValidationError) -> Unreadable:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return Unreadable("unreadable")
    field = ".".join(str(part) for part in first["loc"])
    return Unreadable("unknown_type" if field == "type" else "invalid", field)
