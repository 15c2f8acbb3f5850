"""Contents of the logs: distinct reports, actions and alarms, outcomes, and the versions of every case in order."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from aiokafka.structs import ConsumerRecord

from paidan_contracts import ids
from paidan_contracts.wire import SCREENED_CHANNELS

RecordPosition = tuple[int, int]
Subject = Literal["report", "action"]
_is_id: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}").fullmatch
_is_photo_ref: Final = re.compile(r"[0-9a-f]{64}\.jpg").fullmatch


@dataclass(slots=True)
class InboxLog:
    """Ids in the inbox; the first digest under an id is the sender's, another digest is a reuse of the id."""

    reports: dict[str, str] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
    reused: dict[str, str] = field(default_factory=dict)
    unreadable: set[RecordPosition] = field(default_factory=set)
    claimed: dict[str, Subject] = field(default_factory=dict)
    """Ids that unreadable records name: dispatch publishes an outcome for each."""
    positions: dict[str, list[RecordPosition]] = field(default_factory=dict)
    vault_references: set[str] = field(default_factory=set)
    """Reports whose reporter or free text is in the vault."""
    known_photos: set[str] = field(default_factory=set)
    """Photos that intake had when it accepted the report."""
    claimed_photos: set[str] = field(default_factory=set)
    """Photos that departments or cameras refer to; nothing checked that they were uploaded."""
    record_count: int = 0

    def add(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Add one record."""
        self.record_count += 1
        position = (record.partition, record.offset)
        body = _parse_object(record.value) or {}
        match body.get("type"):
            case "report.received.v1" if report_id := _id_in(body, "report_id"):
                self._add_id(self.reports, report_id, body, position)
                self._add_references(body)
            case "action.requested.v1" if action_id := _id_in(body, "action_id"):
                self._add_id(self.actions, action_id, body, position)
                self.claimed_photos.update(_proof_photos(body))
            case "timer.due.v1" | "city.in_force.v1" | "release.in_force.v1" | "photo.stored.v1":
                pass
            case _:
                self.unreadable.add(position)
                if claim := _claimed_id(record, body):
                    self.claimed.setdefault(*claim)
                    self.positions.setdefault(claim[0], []).append(position)

    def claimed_ids(self, subject: Subject) -> set[str]:
        """Return the ids that only unreadable records name, as those of reports or of actions."""
        readable = self.reports.keys() | self.actions.keys() | self.reused.keys()
        return {name for name, about in self.claimed.items() if about == subject and name not in readable}

    def _add_references(self, body: dict[str, Any]) -> None:
        is_screened = body.get("channel") in SCREENED_CHANNELS and not body.get("past")
        (self.claimed_photos if is_screened else self.known_photos).update(_photo_refs(body.get("photos")))
        # The free text of a machine is not personal data, so it is not in the vault.
        if body.get("reporter") or (not is_screened and _has_free_text(body)):
            self.vault_references.add(body["report_id"])

    def _add_id(self, digests: dict[str, str], name: str, body: dict[str, Any], position: RecordPosition) -> None:
        digest = str(body.get("digest"))
        self.positions.setdefault(name, []).append(position)
        if digests.setdefault(name, digest) != digest:
            reused_id = ids.reuse_refusal_id(name, digest)
            self.reused[reused_id] = name
            self.positions.setdefault(reused_id, []).append(position)


@dataclass(slots=True)
class CasesLog:
    """The newest version of each case, and every gap in the versions."""

    versions: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    report_counts: dict[str, int] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    repeat_count: int = 0

    def add(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Add one case event: repeats are allowed, gaps are not."""
        event = _parse_object(record.value) or {}
        case_id, version = str(event.get("case_id")), int(event.get("version", 0))
        last_version = self.versions.get(case_id, 0)
        if version <= last_version:
            self.repeat_count += 1
            return
        if version != last_version + 1:
            self.gaps.append(f"{case_id} has version {version} after {last_version}")
        self.versions[case_id] = version
        self.statuses[case_id] = event["state"]["status"]
        self.report_counts[case_id] = event["state"]["reports"]


@dataclass(slots=True)
class AlarmsLog:
    """The report ids of alarms: each becomes a report or is suppressed."""

    positions_by_id: dict[str, list[RecordPosition]] = field(default_factory=dict)
    unreadable: set[RecordPosition] = field(default_factory=set)

    def add(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Add one alarm."""
        alarm = _parse_object(record.value)
        position = (record.partition, record.offset)
        if alarm is None or not isinstance(alarm.get("source"), str) or not isinstance(alarm.get("alarm_ref"), str):
            self.unreadable.add(position)
        else:
            self.positions_by_id.setdefault(ids.report_id(alarm["source"], alarm["alarm_ref"]), []).append(position)


@dataclass(slots=True)
class OutcomesLog:
    """The outcome published for each id; another is a contradiction unless the first was dead-lettered."""

    results: dict[str, str] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)

    def add(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Add one outcome."""
        outcome = _parse_object(record.value) or {}
        name, result = str(outcome.get("id")), str(outcome.get("result"))
        known = self.results.get(name)
        if known not in (None, result, "dead_lettered") and result != "dead_lettered":
            self.contradictions.append(f"{name} is {known} and {result}")
        if known is None or known == "dead_lettered":
            self.results[name] = result
        self.subjects[name] = str(outcome.get("about"))


async def add_records(contents: InboxLog | CasesLog | AlarmsLog | OutcomesLog, records: AsyncIterator[Any]) -> None:
    """Add all records of a log."""
    async for record in records:
        contents.add(record)


def _has_free_text(body: dict[str, Any]) -> bool:
    place = body.get("place")
    return bool(body.get("text") or (isinstance(place, dict) and place.get("address")))


def _proof_photos(body: dict[str, Any]) -> set[str]:
    action = body.get("action")
    return _photo_refs(action.get("proof")) if isinstance(action, dict) else set()


def _photo_refs(value: object) -> set[str]:
    return (
        {each for each in value if isinstance(each, str) and _is_photo_ref(each)} if isinstance(value, list) else set()
    )


def _id_in(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) and _is_id(value) else None


def _claimed_id(record: ConsumerRecord[bytes, bytes], body: Mapping[str, Any]) -> tuple[str, Subject] | None:
    """Return the id that dispatch finds in a record that it cannot read: in its body, else in its headers."""
    if report_id := _id_in(body, "report_id"):
        return report_id, "report"
    if action_id := _id_in(body, "action_id"):
        return action_id, "action"
    headers = {name: (value or b"").decode(errors="replace") for name, value in record.headers}
    header_id = headers.get("ce_id", "")
    match headers.get("ce_type", "").split("."):
        case ["report" | "action" as subject, _, *_] if _is_id(header_id):
            return header_id, subject
        case _:
            return None


def _parse_object(value: bytes | None) -> dict[str, Any] | None:
    try:
        parsed = json.loads(value or b"")
    except (ValueError, RecursionError):  # brackets nested too deeply
        return None
    return parsed if isinstance(parsed, dict) else None
