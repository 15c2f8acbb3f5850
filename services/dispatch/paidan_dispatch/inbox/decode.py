"""Type adapters of the records that dispatch decodes, and the ids that undecodable records claim."""

import json
import re
from typing import Final, Literal

from pydantic import TypeAdapter

from paidan_chassis.consumer.batch import Record
from paidan_chassis.json_bodies import DUPLICATE_KEY
from paidan_chassis.kafka.cloudevents import DecodeError
from paidan_contracts.inbox import InboxEvent
from paidan_contracts.outcomes import Refusal
from paidan_contracts.wire import ID_PATTERN
from paidan_dispatch.inbox.refusals import duplicate_key_refusal, unreadable_refusal

INBOX_ADAPTER: Final[TypeAdapter[InboxEvent]] = TypeAdapter(InboxEvent)

_CASE_ID: Final = re.compile(r"[a-z0-9]+(\.[a-z0-9]+)*-[0-9a-f]{32}")
_UUID: Final = re.compile(ID_PATTERN)


def decode_refusal(error: DecodeError) -> Refusal:
    """Return the refusal, for the sender, of a record that cannot be decoded."""
    if error.reason == DUPLICATE_KEY:
        return duplicate_key_refusal(error.field)
    return unreadable_refusal(error.field, error.problem)


def claimed_id(record: Record) -> tuple[Literal["report", "action"], str] | None:
    """Return the id that an undecodable inbox record claims, so that an outcome can be recorded under it."""
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
    """Return the sender's id and the case of an undecodable answer, each None if it is missing or invalid."""
    body = _parse_object(record.value)
    sender_ref, case_id = body.get("id"), body.get("case_id")
    return (
        sender_ref if isinstance(sender_ref, str) and 0 < len(sender_ref) <= 200 and _is_storable(sender_ref) else None,
        case_id if isinstance(case_id, str) and _CASE_ID.fullmatch(case_id) and len(case_id) <= 96 else None,
    )


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
