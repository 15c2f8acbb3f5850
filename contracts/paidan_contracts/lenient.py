"""Validators for what other systems write: blanks for what is absent, numbers for text, times in many spellings. Pure.

They stand before a field's own type, whose limits hold for what they return.
"""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError, ValidatorFunctionWrapHandler
from pydantic_core import InitErrorDetails, PydanticKnownError

from paidan_contracts.text_forms import clean

ModelT = TypeVar("ModelT", bound=BaseModel)
COORDINATES: Final = ("latitude", "longitude")
_MAX_TIME_CHARACTERS: Final = 60
_MAX_EXACT_INTEGER: Final = 2**53
_FIRST_MOMENT: Final = datetime(1990, 1, 1, tzinfo=UTC)
_LAST_MOMENT: Final = datetime(2200, 1, 1, tzinfo=UTC)
_ANY_ZONE: Final = timedelta(days=1)
_TIME: Final = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:[Tt ] ?(\d{1,2})[:：](\d{1,2})(?:[:：](\d{1,2})(\.\d{1,9})?)?)?"
    r" ?(?:([Zz]|UTC|GMT)|(?:UTC|GMT)?([+-])(\d{1,2})(?::?(\d{2}))?)?"
)
_COMPACT: Final = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})(?:[Tt ]?(\d{2})(\d{2})(\d{2})?)?(.*)", re.ASCII)


def to_text(value: Any) -> Any:  # noqa: ANN401 - before validation it may be anything
    """Return a number as its text: 2026030200017 and 2026030200017.0 are both "2026030200017"."""
    if type(value) is int:
        return str(value)
    if type(value) is float and isfinite(value):
        return str(int(value)) if value.is_integer() and abs(value) < _MAX_EXACT_INTEGER else repr(value)
    return value


def none_if_blank(value: Any) -> Any:  # noqa: ANN401
    """Return None for a text without a visible character, and any other value unchanged."""
    if type(value) is not str or "!" <= value < "\x7f" or "\u4e00" <= value < "\ua000":
        return value  # as nearly every text begins; cleaning one costs ten times as much
    is_blank = not value or value.isspace() or (not value[0].isascii() and not clean(value).strip())
    return None if is_blank else value


def optional_text(value: Any) -> Any:  # noqa: ANN401
    """Return a text or a number as text; None for a blank one."""
    return none_if_blank(value) if type(value) is str else to_text(value)


def required_text(value: Any) -> Any:  # noqa: ANN401
    """Return a text or a number as text; raise that the field is missing for null and for a blank one."""
    text = optional_text(value)
    if text is None:
        raise PydanticKnownError("missing")
    return text


def optional_name(value: Any) -> Any:  # noqa: ANN401
    """Return a name, a code or an id without the blanks around it; None for a blank one."""
    value = optional_text(value)
    return value.strip() if type(value) is str else value


def required_name(value: Any) -> Any:  # noqa: ANN401
    """Return a name, a code or an id without the blanks around it; raise that the field is missing if it is blank."""
    text = required_text(value)
    return text.strip() if type(text) is str else text


def optional_word(value: Any) -> Any:  # noqa: ANN401
    """Return one of the words that a field may have in lower case, without blanks around it; None for a blank one."""
    word = optional_name(value)
    return word.lower() if type(word) is str else word


def required_word(value: Any) -> Any:  # noqa: ANN401
    """Return one of the words that a field may have; raise that the field is missing for null and for a blank."""
    word = required_name(value)
    return word.lower() if type(word) is str else word


def text_or_empty(value: Any) -> Any:  # noqa: ANN401
    """Return a text or a number as text; "" for null and for a blank one."""
    text = optional_text(value)
    return "" if text is None else text


def false_if_blank(value: Any) -> Any:  # noqa: ANN401
    """Return False for null and for a blank text."""
    return False if none_if_blank(value) is None else value


def true_if_blank(value: Any) -> Any:  # noqa: ANN401
    """Return True for null and for a blank text."""
    return True if none_if_blank(value) is None else value


def listed_once(value: Any) -> Any:  # noqa: ANN401
    """Return a list of names without blank ones, each once; an empty one for null and for a blank text."""
    if none_if_blank(value) is None:
        return ()
    if not isinstance(value, list | tuple):
        return value
    names = [name for each in value if (name := optional_name(each)) is not None]
    return tuple(dict.fromkeys(names)) if all(type(each) is str for each in names) else names


def none_if_no_coordinates(value: Any) -> Any:  # noqa: ANN401
    """Return None for a position that has neither coordinate: ``""``, ``{}``, ``{"x": null, "y": ""}``."""
    if isinstance(value, dict):
        has_none = all(none_if_blank(value.get(name)) is None for name in ("x", "y"))
        return None if has_none and value.keys() <= {"x", "y", "crs"} else value
    return none_if_blank(value)


def none_if_empty(value: ModelT | None) -> ModelT | None:
    """Return None for an object whose fields are all None."""
    return value if value is not None and any(field is not None for _, field in value) else None


def require_coordinate_pair(model: ModelT) -> ModelT:
    """Return a model that has both coordinates or none; raise that the other one is missing."""
    absent = [name for name in COORDINATES if model.__dict__[name] is None]
    if len(absent) == 1:
        error: InitErrorDetails = {"type": "missing", "loc": (absent[0],), "input": None}
        raise ValidationError.from_exception_data(type(model).__name__, [error])
    return model


def none_if_negative(value: Any) -> Any:  # noqa: ANN401
    """Return None for a negative number, by which trackers state that they do not know; also for a blank."""
    try:
        return None if value is not None and not isinstance(value, bool) and float(value) < 0 else none_if_blank(value)
    except (TypeError, ValueError):
        return none_if_blank(value)


def to_datum(value: Any) -> Any:  # noqa: ANN401
    """Return the name of a datum as ours: ``GCJ-02`` is ``gcj02``."""
    value = none_if_blank(value)
    return value.lower().replace("-", "").replace("_", "").replace(" ", "") if type(value) is str else value


def read_time(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401
    """Return a time, with the zone that it states or without one; None for a blank.

    Beyond ISO 8601: ``2026/3/2 9:30``, ``2026年3月2日 09:30``, ``20260302093000``, and offsets of one digit such as
    ``-8:00``. Digits that are no such date are the seconds or milliseconds since 1970.
    """
    value = _expand(none_if_blank(value))
    try:
        return None if value is None else handler(value)
    except ValidationError:
        repaired = _to_iso(value.strip()) if isinstance(value, str) and len(value) <= _MAX_TIME_CHARACTERS else None
        if repaired is None:
            raise
        return handler(repaired)


def read_required_time(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401
    """Return a time as ``read_time`` does; raise that the field is missing for null and for a blank."""
    time = read_time(value, handler)
    if time is None:
        raise PydanticKnownError("missing")
    return time


def within_calendars(moment: datetime | None) -> datetime | None:
    """Return a time that is one of our calendars' in any zone that it may be in; raise its bound for any other."""
    if moment is None:
        return None
    instant, margin = (moment, timedelta()) if moment.tzinfo else (moment.replace(tzinfo=UTC), _ANY_ZONE)
    if instant < _FIRST_MOMENT + margin:
        raise PydanticKnownError("greater_than_equal", {"ge": _FIRST_MOMENT.isoformat()})
    if instant >= _LAST_MOMENT - margin:
        raise PydanticKnownError("less_than", {"lt": _LAST_MOMENT.isoformat()})
    return moment


def _expand(value: Any) -> Any:  # noqa: ANN401
    """Return a time of digits alone with separators: 20260302093000 would be one of the year 2612 in milliseconds."""
    if isinstance(value, bool | float) or not isinstance(value, str | int):
        return value
    text = str(value).strip() if isinstance(value, int) or len(value) <= _MAX_TIME_CHARACTERS else ""
    if not text[:8].isdecimal() or (match := _COMPACT.fullmatch(text)) is None:
        return value
    year, month, day, hour, minute, second, rest = match.groups()
    if not ("01" <= month <= "12" and "01" <= day <= "31") or (rest and rest[0].isdecimal()):
        return value
    return f"{year}-{month}-{day}T{hour or '00'}:{minute or '00'}:{second or '00'}{rest}"


def _day_after(date: str) -> str:
    """Return the day that begins when a day has ended, at 24:00; of no date the same."""
    with suppress(ValueError, OverflowError):
        return (datetime.fromisoformat(date) + timedelta(days=1)).date().isoformat()
    return date


def _to_iso(text: str) -> str | None:
    if (match := _TIME.fullmatch(text)) is None:
        return None
    year, month, day, hour, minute, second, fraction, utc, sign, offset_hour, offset_minute = match.groups()
    date = f"{year}-{int(month):02d}-{int(day):02d}"
    if hour == "24" and not int(minute) and not int(second or 0):
        hour, date = "0", _day_after(date)
    time = f"{int(hour or 0):02d}:{int(minute or 0):02d}:{int(second or 0):02d}{fraction or ''}"
    if utc:
        return f"{date}T{time}Z"
    return f"{date}T{time}" + (f"{sign}{int(offset_hour):02d}:{offset_minute or '00'}" if sign else "")
