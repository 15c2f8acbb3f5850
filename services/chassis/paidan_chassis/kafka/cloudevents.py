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
class Attributes:
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
class Malformed:
    """Why a message's headers are no CloudEvent. Quotes no value."""

    header: str
    problem: str

    def __str__(self) -> str:
        return f"header {self.header}: {self.problem}"


def encode(attributes: Attributes) -> Headers:
    """Write the headers of a binary-mode message, in a fixed order, so that a replay gives the same bytes."""
    optional = (
        ("ce_time", rfc3339(attributes.time) if attributes.time else None),
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


def decode(headers: RawHeaders) -> Attributes | Malformed:
    """Read the headers that anybody may have written. Never raises; the first problem comes back as a value.

    The last of a repeated header wins, header names are read in any case, and headers that are not
    CloudEvents' are passed over, whatever bytes they hold.
    """
    named = {name.lower(): value for name, value in headers}
    said: dict[str, str] = {}
    for name, value in named.items():
        if name.startswith("ce_") or name == _CONTENT_TYPE:
            text = _text(value)
            if text is None:
                return Malformed(name, "not UTF-8 text" if value is not None else "null")
            said[name.removeprefix("ce_")] = text
    return _missing(said) or _attributes(said)


def rfc3339(moment: datetime) -> str:
    """Write a time as CloudEvents want it: UTC, with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _text(value: bytes | None) -> str | None:
    try:
        text = value.decode() if value is not None else None
    except UnicodeDecodeError:
        return None
    return text


def _missing(said: dict[str, str]) -> Malformed | None:
    for name in _REQUIRED:
        if not said.get(name):
            return Malformed(f"ce_{name}", "missing or empty")
    if said.get("specversion") != SPECVERSION:
        return Malformed("ce_specversion", "not 1.0")
    return None


def _attributes(said: dict[str, str]) -> Attributes | Malformed:
    time = _moment(said["time"]) if "time" in said else None
    if isinstance(time, Malformed):
        return time
    return Attributes(
        id=said["id"],
        source=said["source"],
        type=said["type"],
        time=time,
        subject=said.get("subject"),
        partitionkey=said.get("partitionkey"),
        content_type=said.get(_CONTENT_TYPE, JSON_CONTENT),
        extensions={name: value for name, value in said.items() if name not in _KNOWN},
    )


_KNOWN: Final = frozenset({*_REQUIRED, "specversion", "time", "subject", "partitionkey", _CONTENT_TYPE})


def _moment(text: str) -> datetime | Malformed:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return Malformed("ce_time", "not an RFC 3339 time")
    return moment if moment.tzinfo else Malformed("ce_time", "without an offset")
