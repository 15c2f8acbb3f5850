"""Field types and base classes of messages and HTTP requests. No events here."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter

from paidan_contracts.extensible import ExtensibleEnum, Unknown

# PostgreSQL stores no NUL in text or jsonb; pydantic's own parser refuses lone surrogates.
_NO_NUL = r"^[^\x00]*$"


def _text_constraints(max_length: int, *, min_length: int = 0) -> StringConstraints:
    return StringConstraints(min_length=min_length, max_length=max_length, pattern=_NO_NUL)


ID_PATTERN: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
Id = Annotated[str, StringConstraints(pattern=f"^{ID_PATTERN}$")]
"""A UUID in lower case."""
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
"""A name that is valid in a topic's name, a URL and a metric's label."""
Area = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(\.[a-z0-9]+)*$", max_length=63)]
"""The part of a city inside which reports are matched with each other: ``quancheng`` or ``quancheng.370102``."""
CaseId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(\.[a-z0-9]+)*-[0-9a-f]{32}$", max_length=96)]
"""``<area>-<32 hex digits>``: begins with its area, from which the partition of the inbox follows."""
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in lower-case hexadecimal."""
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
"""A code from a city's pack: class, catalogue row, rule, district, street, grid cell."""
ShortText = Annotated[str, _text_constraints(200)]
SenderRef = Annotated[str, _text_constraints(200, min_length=1)]
"""The sender's own id of a report, an alarm or an action."""
Text = Annotated[str, _text_constraints(4000)]
Reason = Annotated[str, _text_constraints(1000, min_length=1)]
PhotoRef = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}\.jpg$")]
"""A stored photo, by the SHA-256 of its bytes."""
Timestamp = Annotated[
    AwareDatetime,
    Field(ge=datetime(1990, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC)),
]
"""A time with its zone, within the range of PostgreSQL and of our calendars."""
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
NonNegativeInt = Annotated[int, Field(ge=0, le=2**53 - 1)]
PositiveInt = Annotated[int, Field(ge=1, le=2**53 - 1)]

Datum = Literal["wgs84", "cgcs2000", "gcj02", "bd09"]
Channel = Literal["hotline", "photo", "camera", "patrol", "sensor", "import"]
SCREENED_CHANNELS: Final[frozenset[Channel]] = frozenset({"camera", "sensor"})
"""Channels of machines, whose alarms are screened before they become reports."""
MatterType = Literal["consultation", "help", "suggestion", "complaint", "tip_off", "praise", "other"]
"""Matter types of the hotline: 咨询, 求助, 建议, 投诉, 举报, 感谢, 其他."""


TimerKind = Literal["accept", "handle", "dispatch", "verify", "inspect", "callback"]
"""Time limits: accepting 签收, handling 处置, dispatching 派遣, verifying 核实, inspecting 核查, calling back 回访."""
AnyTimerKind: TypeAlias = Annotated[TimerKind | Unknown, ExtensibleEnum()]


class WireModel(BaseModel):
    """Base of messages between services: frozen; unknown fields are ignored, so that writers may be newer."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="strings")


class RequestModel(BaseModel):
    """Base of HTTP requests: frozen; an unknown field is refused, so that a misspelt one is not lost."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def without_unknown_fields(message: Any) -> BeforeValidator:  # noqa: ANN401 - a model or a union of models
    """Return the mark of a request's field that is a message's model: unknown fields are refused in it, too."""
    return BeforeValidator(partial(TypeAdapter(message).validate_python, extra="forbid"))
