"""Builders of the inbox's entries in the tiny city, with usual values as defaults, for tests on real tables."""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from paidan_contracts import ids
from paidan_contracts.actions import Action, ActionRequested, Actor
from paidan_contracts.inbox import CityInForce, PhotoStored
from paidan_contracts.reports import ReportReceived
from tests.dispatch.database_fixture import pack_version

START_TIME: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""09:00 in the tiny city, a working day."""


def city_in_force(*, city: str = "tiny", of_version: str | None = None) -> CityInForce:
    """Build the entry that puts a pack in force."""
    return CityInForce(city=city, version=of_version or pack_version(), in_force_at=START_TIME - timedelta(days=1))


def build_report(ref: str, *, minutes: float = 0, east_m: float = 0, **overrides: Any) -> ReportReceived:  # noqa: ANN401 - fields of the model
    """Build a report of rubbish: so many minutes after Monday 09:00, so many metres east of the corner."""
    at = START_TIME + timedelta(minutes=minutes)
    source = overrides.get("source", "hotline")
    fields: dict[str, Any] = {
        "report_id": ids.report_id(source, ref),
        "source": source,
        "source_ref": ref,
        "channel": {"photo": "photo", "camera": "camera", "records": "import"}.get(source, "hotline"),
        "city": "tiny",
        "area": "tiny",
        "city_version": pack_version(),
        "digest": hashlib.sha256(f"{ref} {overrides}".encode()).hexdigest(),
        "class_code": "E0110",
        "place": {"latitude": 36.01, "longitude": 117.01 + east_m / 90_000},
        "text": "垃圾 rubbish",
        "wants_callback": source in ("hotline", "photo"),
        "occurred_at": at,
        "recorded_at": at,
    }
    return ReportReceived.model_validate(fields | overrides)


def case_id_of(report: ReportReceived) -> str:
    """Return the id of the case that a report opens."""
    return ids.case_id(report.area, report.report_id)


def photo_stored(case_id: str, ref: str, *, by: str = "department:streets", minutes: float = 0) -> PhotoStored:
    """Build the entry of a photo that ``by`` (``role:id``) stored for a case."""
    kind, name = by.split(":")
    return PhotoStored(
        ref=ref,
        case_id=case_id,
        area=ids.area_of(case_id),
        holder=Actor.model_validate({"kind": kind, "id": name}),
        stored_at=START_TIME + timedelta(minutes=minutes),
    )


def build_action(
    case_id: str,
    action: Action,
    *,
    by: str,
    minutes: float = 0,
    ref: str | None = None,
    **overrides: Any,  # noqa: ANN401 - fields of the model
) -> ActionRequested:
    """Build the request for an action, ``by`` as ``role:id``."""
    at = START_TIME + timedelta(minutes=minutes)
    kind, name = by.split(":")
    sender_ref = ref or f"{case_id} {action.kind} {minutes}"
    fields: dict[str, Any] = {
        "action_id": ids.action_id(by, sender_ref),
        "case_id": case_id,
        "area": ids.area_of(case_id),
        "actor": Actor.model_validate({"kind": kind, "id": name}),
        "door": "kafka" if kind == "department" else "http",
        "digest": hashlib.sha256(action.model_dump_json().encode()).hexdigest(),
        "sender_ref": sender_ref,
        "occurred_at": at,
        "recorded_at": at,
        "action": action,
    }
    return ActionRequested.model_validate(fields | overrides)
