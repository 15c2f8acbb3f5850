"""Deterministic ids: the uuid5 of a JSON array (the cause). The same cause has the same id on every machine."""

from hashlib import sha1
from json.encoder import encode_basestring
from typing import Final
from uuid import UUID

_PAIDAN_NAMESPACE: Final = UUID("6f1c9c5e-2d0b-5c58-9c0e-7b2f6a5a7d10")
_NAMESPACE_BYTES: Final = _PAIDAN_NAMESPACE.bytes


def cause_id(*cause: str | int) -> UUID:
    """Return the id of a cause, such as ``cause_id("lock", "paidan.scores")``."""
    return UUID(_uuid5_hex(cause))


def report_id(source: str, ref: str) -> str:
    """Return the id of a report: the same for a retry, and through whichever gateway it comes."""
    return _format_uuid(_uuid5_hex(("report", source, ref)))


def action_id(sender: str, ref: str) -> str:
    """Return the id of an action by its sender (``department:x``, ``role:inspector:key``) and the sender's own id."""
    return _format_uuid(_uuid5_hex(("action", sender, ref)))


def action_id_at_offset(sender: str, topic: str, partition: int, offset: int) -> str:
    """Return the id of an action whose sender gave none, by its position in the sender's topic."""
    return _format_uuid(_uuid5_hex(("action", sender, topic, partition, offset)))


def reuse_refusal_id(original: str, digest: str) -> str:
    """Return the id under which another body with an id already used is refused."""
    return _format_uuid(_uuid5_hex(("reused", original, digest)))


def unknown_origin_id(original: str) -> str:
    """Return the id under which an alarm of an unknown source is refused.

    The alarm's own id stays unused, so that it can be accepted once a city has the source.
    """
    return _format_uuid(_uuid5_hex(("homeless", original)))


def invalid_alarm_id(source: str, digest: str) -> str:
    """Return the id under which an alarm with an invalid field is refused, by its sender and the record's bytes."""
    return _format_uuid(_uuid5_hex(("invalid", source, digest)))


def photo_stored_id(case_id: str, ref: str, holder_kind: str, holder_id: str) -> str:
    """Return the id of the event that a proof photo was stored for a case: the same when it is uploaded again."""
    return _format_uuid(_uuid5_hex(("photo", case_id, ref, holder_kind, holder_id)))


def not_your_source_id(original: str) -> str:
    """Return the id under which an alarm is refused whose topic does not prove its source; its own id stays unused."""
    return _format_uuid(_uuid5_hex(("not_your_source", original)))


def case_id(area: str, opened_by: str) -> str:
    """Return the id of a case, by its area and the report that opened it."""
    return f"{area}-{_uuid5_hex(('case', area, opened_by))}"


def area_of(case_id: str) -> str:
    """Return the area with which a case id begins; raise ``ValueError`` where there is none."""
    area, separator, _ = case_id.rpartition("-")
    if not separator:
        raise ValueError("a case id is <area>-<32 hex digits>")
    return area


def city_of(area: str) -> str:
    """Return the city that an area is part of."""
    return area.partition(".")[0]


def order_id(case_id: str, assignment_number: int) -> str:
    """Return the id of the order of a case's n-th assignment, counted from 1."""
    return _format_uuid(_uuid5_hex(("order", case_id, assignment_number)))


def helper_order_id(case_id: str, number: int) -> str:
    """Return the id of the order of a case's n-th helper, counted from 1 over its whole life."""
    return _format_uuid(_uuid5_hex(("order", case_id, "helper", number)))


def unit_order_id(case_id: str, number: int) -> str:
    """Return the id of a case's n-th order that was handed on to a unit, counted from 1 over its whole life."""
    return _format_uuid(_uuid5_hex(("order", case_id, "unit", number)))


def task_id(case_id: str, number: int) -> str:
    """Return the id of the n-th verification of a case, as a task of a patrol."""
    return _format_uuid(_uuid5_hex(("task", case_id, number)))


def city_subject(city: str) -> str:
    """Return what stands for a city as a whole where an action names its case: the city, and no case of it."""
    return f"{city}-{'0' * 32}"


def standing_order_id(declaration_id: str, order: str, department: str) -> str:
    """Return the id of a standing order to one department."""
    return _format_uuid(_uuid5_hex(("standing_order", declaration_id, order, department)))


def timer_id(case_id: str, kind: str, generation: int) -> str:
    """Return the id of a case's timer; a timer that is set again has a higher generation."""
    return _format_uuid(_uuid5_hex(("timer", case_id, kind, generation)))


def event_id(case_id: str, version: int) -> str:
    """Return the id of the event that gave a case this version: readable, as the two are unique already."""
    return f"{case_id}/{version}"


def _uuid5_hex(cause: tuple[str | int, ...]) -> str:
    # The library's uuid5 of json.dumps costs three times as much, and every case needs two ids.
    array = ",".join([encode_basestring(part) if isinstance(part, str) else str(part) for part in cause])
    digest = sha1(_NAMESPACE_BYTES + f"[{array}]".encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:12]}5{digest[13:16]}{variant}{digest[17:32]}"


def _format_uuid(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
