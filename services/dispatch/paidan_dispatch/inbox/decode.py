"""Reads what strangers write: records into what they say, or into why they cannot be read. Quotes no value."""

import json
import re
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from paidan_chassis.consumer.batch import Record
from paidan_contracts.actions import Answer
from paidan_contracts.inbox import InboxEvent
from paidan_contracts.outcomes import Refusal
from paidan_dispatch.inbox.refusals import unreadable_refusal

T = TypeVar("T")

INBOX_ADAPTER: Final[TypeAdapter[InboxEvent]] = TypeAdapter(InboxEvent)
ANSWER_ADAPTER: Final[TypeAdapter[Answer]] = TypeAdapter(Answer)

_TYPE_TAG: Final = re.compile(r"[a-z_]+(\.[a-z_]+)+\.v[0-9]+")
_PRINTABLE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")
_CASE_ID: Final = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*-[0-9a-f]{32}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class DecodeError:
    """Why a record says nothing: a word for machines, the field at fault, and what is wrong with it."""

    reason: Literal["null_value", "bad_header", "unreadable", "unknown_type", "invalid_field"]
    field: str | None
    problem: str

    @property
    def detail(self) -> str:
        """Name the field and what is wrong with it."""
        return f"{self.field}: {self.problem}" if self.field else self.problem

    @property
    def refusal(self) -> Refusal:
        """Put it into words for the sender."""
        return unreadable_refusal(self.field, self.problem)


def decode(adapter: TypeAdapter[T], record: Record) -> T | DecodeError:
    """Read a record's body; its headers need not be CloudEvents', but what looks so must be text."""
    if record.value is None:
        return DecodeError("null_value", None, "there is no value")
    header = _bad_header(record)
    if header is not None:
        return DecodeError("bad_header", header, "not UTF-8 text")
    try:
        return adapter.validate_json(record.value)
    except ValidationError as error:
        return from_validation_error(error)


def from_validation_error(error: ValidationError) -> DecodeError:
    """Put the first thing that is wrong into words that quote nothing of it."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    # The tag of a union stands in the location, too, but no sender wrote it there.
    field = ".".join(_printable(str(part)) for part in first["loc"] if not _TYPE_TAG.fullmatch(str(part)))[:200] or None
    if first["type"] == "json_invalid":
        return DecodeError("unreadable", None, "not JSON")
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return DecodeError("unknown_type", field or "type", "not a type that anybody knows here")
    return DecodeError("invalid_field", field, first["type"])


def claimed_id(record: Record) -> tuple[Literal["report", "action"], str] | None:
    """Read nothing but what an unreadable inbox record says it is, so that its sender can be told its end."""
    body = _parse_object(record.value)
    for about in ("report", "action"):
        claimed = body.get(f"{about}_id")
        if isinstance(claimed, str) and _UUID.fullmatch(claimed):
            return about, claimed
    headers = dict(record.headers)
    header_id, header_type = _decode_text(headers.get("ce_id")), _decode_text(headers.get("ce_type"))
    if _UUID.fullmatch(header_id) and header_type.startswith(("report.", "action.")):
        return ("report" if header_type.startswith("report.") else "action"), header_id
    return None


def claimed_answer(record: Record) -> tuple[str | None, str | None]:
    """Read of an unreadable answer only its own id and its case, where these are as they should be."""
    body = _parse_object(record.value)
    sender_ref, case_id = body.get("id"), body.get("case_id")
    return (
        sender_ref if isinstance(sender_ref, str) and 0 < len(sender_ref) <= 200 and _is_storable(sender_ref) else None,
        case_id if isinstance(case_id, str) and _CASE_ID.fullmatch(case_id) and len(case_id) <= 96 else None,
    )


def _bad_header(record: Record) -> str | None:
    for name, value in record.headers:
        # ASCII is nearly all there is, and telling so costs a tenth of decoding it.
        if value is not None and value.isascii():
            continue
        if name.startswith("ce_") and (value is None or not _is_utf8(value)):
            return _printable(name)
    return None


def _printable(name: str) -> str:
    """Give a name that strangers chose only when it can be said again: NUL and half characters cannot."""
    return name if _PRINTABLE_NAME.fullmatch(name) else "?"


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_storable(text: str) -> bool:
    return "\x00" not in text and _is_utf8(text.encode(errors="surrogatepass"))


def _decode_text(value: bytes | None) -> str:
    return value.decode(errors="replace") if value else ""


def _parse_object(value: bytes | None) -> dict[str, object]:
    try:
        parsed = json.loads(value or b"")
    except ValueError:  # not JSON, or not UTF-8
        return {}
    except RecursionError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
