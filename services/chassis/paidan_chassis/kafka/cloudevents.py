"""CloudEvents 1.0 in Kafka's binary mode: encodes our own messages, and decodes records of unknown writers."""

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from operator import attrgetter
from typing import Final, Generic, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from paidan_chassis.json_bodies import DUPLICATE_KEY, DUPLICATE_KEY_MESSAGE
from paidan_chassis.kafka.message import Message

T = TypeVar("T")
EventT = TypeVar("EventT", bound=BaseModel)
Headers: TypeAlias = tuple[tuple[str, bytes], ...]
RawHeaders: TypeAlias = Iterable[tuple[str, bytes | None]]

_SPECVERSION_HEADER: Final = ("ce_specversion", b"1.0")
_CONTENT_TYPE_HEADER: Final = ("content-type", b"application/json")
_EVENT_TYPE: Final = re.compile(r"[a-z_]+(\.[a-z_]+)+\.v[0-9]+")
_PRINTABLE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_MAX_FAULTS: Final = 5


def encode_headers(
    id_: str, source: str, type_: str, time: datetime, subject: str, partitionkey: str | None = None
) -> Headers:
    """Return the headers of a message, in a fixed order, so that a replay produces the same bytes."""
    return (("ce_id", id_.encode()), *_type_headers(source, type_), *_subject_headers(time, subject, partitionkey))


def encode_body(event: BaseModel) -> bytes:
    """Return an event as JSON, without fields that are None."""
    # Straight from the serializer: model_dump_json decodes the bytes, only for us to encode them.
    body: bytes = type(event).__pydantic_serializer__.to_json(event, exclude_none=True)
    return body


class EventEncoder(Generic[EventT]):
    """Encodes a kind of event as Kafka messages on one topic, by the names of the fields for its id, time and key.

    The id is the CloudEvents subject, too.
    """

    def __init__(self, topic: str, source: str, *, id_: str, time: str, key: str) -> None:
        self._topic = topic
        self._source = source
        self._attributes = attrgetter(id_, "type", time, key)

    def __call__(self, event: EventT) -> Message:
        """Return the message of an event."""
        id_, type_, time, key = self._attributes(event)
        headers = encode_headers(id_, self._source, type_, time, id_, key)
        return Message(self._topic, key, encode_body(event), headers)


def format_rfc3339(moment: datetime) -> str:
    """Return a time as CloudEvents require it: RFC 3339 in UTC, with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def source_of(writer: str) -> str:
    """Return the ``ce_source`` of a writer of ours: a service, a consumer of one, or a command."""
    return f"urn:paidan:{writer}"


@dataclass(frozen=True, slots=True)
class DecodeError:
    """Why a record cannot be decoded: a code, the field or header at fault, and what is wrong with it."""

    reason: Literal["null_value", "bad_header", "unreadable", "unknown_type", "invalid_field", "duplicate_key"]
    field: str | None
    problem: str
    faults: tuple[str, ...] = ()
    """The first faults of a body, by location. They hold no values; but where a model forbids extra fields, they hold
    names that the writer chose, of which ``field`` holds none that cannot be stored."""

    @property
    def detail(self) -> str:
        """Return the field with what is wrong with it."""
        return f"{self.field}: {self.problem}" if self.field else self.problem


def decode(validate: Callable[[bytes], T], value: bytes | None, headers: RawHeaders = ()) -> T | DecodeError:
    """Return what ``validate`` makes of a record's body, or why it cannot; never raises for what anybody wrote.

    Other headers than those of CloudEvents are ignored; those that begin with ``ce_`` must be UTF-8 text.
    """
    if value is None:
        return DecodeError("null_value", None, "there is no value")
    for name, content in headers:
        # Nearly all headers are ASCII, and testing that costs a tenth of decoding them.
        if (content is None or not content.isascii()) and name.startswith("ce_") and not _is_utf8(content):
            return DecodeError("bad_header", _printable(name), "not UTF-8 text")
    try:
        return validate(value)
    except ValidationError as error:
        if value.startswith(BOM_UTF8):
            return decode(validate, value.removeprefix(BOM_UTF8))
        return _from_validation_error(error)


def _from_validation_error(error: ValidationError) -> DecodeError:
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    faults = tuple(f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in errors[:_MAX_FAULTS])
    first = errors[0]
    # A location contains the tag of a union, too, which is no field of the writer's.
    parts = (_printable(str(part)) for part in first["loc"] if not _EVENT_TYPE.fullmatch(str(part)))
    field = ".".join(parts)[:200] or None
    if first["type"] == "json_invalid":
        return DecodeError("unreadable", None, "not JSON", faults)
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return DecodeError("unknown_type", field or "type", "not a known type", faults)
    if first["type"] == DUPLICATE_KEY:
        return DecodeError(DUPLICATE_KEY, field, DUPLICATE_KEY_MESSAGE, faults)
    return DecodeError("invalid_field", field, first["type"], faults)


def _printable(name: str) -> str:
    """Return a name that a writer chose, or ``?`` where it may hold NUL or lone surrogates, which cannot be stored."""
    return name if _PRINTABLE_NAME.fullmatch(name) else "?"


def _is_utf8(value: bytes | None) -> bool:
    if value is None:
        return False
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


@cache
def _type_headers(source: str, type_: str) -> Headers:
    return (("ce_source", source.encode()), ("ce_type", type_.encode()), _SPECVERSION_HEADER)


# The messages that one record causes have one time, and mostly one subject.
@lru_cache(maxsize=256)
def _subject_headers(time: datetime, subject: str, partitionkey: str | None) -> Headers:
    keyed = (("ce_partitionkey", partitionkey.encode()),) if partitionkey is not None else ()
    return (
        ("ce_time", format_rfc3339(time).encode()),
        ("ce_subject", subject.encode()),
        *keyed,
        _CONTENT_TYPE_HEADER,
    )
