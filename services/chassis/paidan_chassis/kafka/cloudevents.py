"""CloudEvents 1.0 in Kafka's binary mode: attributes to headers and back. The body is somebody else's."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TypeAlias

Headers: TypeAlias = list[tuple[str, bytes]]
RawHeaders: TypeAlias = Iterable[tuple[str, bytes | None]]

SPECVERSION: Final = "1.0"
JSON_CONTENT: Final = "application/json"
_REQUIRED: Final = ("id", "source", "type")
_CONTENT_TYPE: Final = "content-type"


@dataclass(frozen=True, slots=True)
class CloudEventAttributes:
    """What a message says about itself. ``extensions`` holds every other ``ce_`` header, without the prefix."""

    id: str
    source: str
    type: str
    time: datetime | None = None
    subject: str | None = None
    partitionkey: str | None = None
    content_type: str = JSON_CONTENT
    extensions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MalformedHeaders:
    """Why a message's headers are no CloudEvent. Quotes no value."""

    header: str
    problem: str

    def __str__(self) -> str:
        return f"header {self.header}: {self.problem}"


def encode(attributes: CloudEventAttributes) -> Headers:
    """Write the headers of a binary-mode message, in a fixed order, so that a replay gives the same bytes."""
    optional = (
        ("ce_time", format_rfc3339(attributes.time) if attributes.time else None),
        ("ce_subject", attributes.subject),
        ("ce_partitionkey", attributes.partitionkey),
    )
    return [
        ("ce_id", attributes.id.encode()),
        ("ce_source", attributes.source.encode()),
        ("ce_type", attributes.type.encode()),
        ("ce_specversion", SPECVERSION.encode()),
        *((name, value.encode()) for name, value in optional if value is not None),
        *((f"ce_{name}", value.encode()) for name, value in sorted(attributes.extensions.items())),
        (_CONTENT_TYPE, attributes.content_type.encode()),
    ]


def decode(headers: RawHeaders) -> CloudEventAttributes | MalformedHeaders:
    """Read the headers that anybody may have written. Never raises; the first problem comes back as a value.

    The last of a repeated header wins, header names are read in any case, and headers that are not
    CloudEvents' are passed over, whatever bytes they hold.
    """
    by_name = {name.lower(): value for name, value in headers}
    attributes: dict[str, str] = {}
    for name, value in by_name.items():
        if name.startswith("ce_") or name == _CONTENT_TYPE:
            text = _decode_text(value)
            if text is None:
                return MalformedHeaders(name, "not UTF-8 text" if value is not None else "null")
            attributes[name.removeprefix("ce_")] = text
    return _check_required(attributes) or _build_attributes(attributes)


def format_rfc3339(moment: datetime) -> str:
    """Write a time as CloudEvents want it: UTC, with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _decode_text(value: bytes | None) -> str | None:
    try:
        text = value.decode() if value is not None else None
    except UnicodeDecodeError:
        return None
    return text


def _check_required(attributes: dict[str, str]) -> MalformedHeaders | None:
    for name in _REQUIRED:
        if not attributes.get(name):
            return MalformedHeaders(f"ce_{name}", "missing or empty")
    if attributes.get("specversion") != SPECVERSION:
        return MalformedHeaders("ce_specversion", "not 1.0")
    return None


def _build_attributes(attributes: dict[str, str]) -> CloudEventAttributes | MalformedHeaders:
    time = _parse_time(attributes["time"]) if "time" in attributes else None
    if isinstance(time, MalformedHeaders):
        return time
    return CloudEventAttributes(
        id=attributes["id"],
        source=attributes["source"],
        type=attributes["type"],
        time=time,
        subject=attributes.get("subject"),
        partitionkey=attributes.get("partitionkey"),
        content_type=attributes.get(_CONTENT_TYPE, JSON_CONTENT),
        extensions={name: value for name, value in attributes.items() if name not in _STANDARD_NAMES},
    )


_STANDARD_NAMES: Final = frozenset({*_REQUIRED, "specversion", "time", "subject", "partitionkey", _CONTENT_TYPE})


def _parse_time(text: str) -> datetime | MalformedHeaders:
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return MalformedHeaders("ce_time", "not an RFC 3339 time")
    return parsed if parsed.tzinfo else MalformedHeaders("ce_time", "without an offset")
