"""Contents of the logs: distinct reports, actions and alarms, and outcomes."""

import json
import re
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple, Protocol, get_args

from aiokafka.structs import ConsumerRecord

from paidan_contracts import ids, lenient
from paidan_contracts.inbox import InboxEvent
from paidan_contracts.wire import ID_PATTERN, SCREENED_CHANNELS
from paidan_deploy.conservation.cut import Cut

RecordPosition = tuple[int, int]
AlarmPosition = tuple[str, int, int]
"""Topic, partition and offset: alarms come over several topics."""


class CountedRange(NamedTuple):
    """Offsets of a partition between which so many records were dead-lettered and only counted."""

    topic: str
    partition: int
    first_offset: int
    last_offset: int
    counted: int

    def covers(self, position: AlarmPosition) -> bool:
        return position[:2] == (self.topic, self.partition) and self.first_offset <= position[2] <= self.last_offset


Subject = Literal["report", "action"]
_is_id: Final = re.compile(ID_PATTERN).fullmatch
_is_photo_ref: Final = re.compile(r"[0-9a-f]{64}\.jpg").fullmatch


_TYPES_WITHOUT_OUTCOME: Final = frozenset(
    each.model_fields["type"].default for each in get_args(get_args(InboxEvent)[0])
) - {"report.received.v1", "action.requested.v1"}
"""What dispatch puts into its inbox beside reports and actions."""


@dataclass(slots=True)
class InboxLog:
    """Ids in the inbox; the first digest under an id is the sender's, another digest is a reuse of the id."""

    applied_to: Mapping[int, int] = field(default_factory=dict)
    """By partition: the offset before which every record is decided; of later ones only the reports' ids are kept."""
    later_reports: set[str] = field(default_factory=set)
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
        position = (record.partition, record.offset)
        body = _parse_object(record.value) or {}
        if record.offset >= self.applied_to.get(record.partition, 0):
            self.later_reports.update(filter(None, [_id_in(body, "report_id")]))
            return
        self.record_count += 1
        match body.get("type"):
            case "report.received.v1" if report_id := _id_in(body, "report_id"):
                self._add_id(self.reports, report_id, body, position)
                self._add_references(body)
            case "action.requested.v1" if action_id := _id_in(body, "action_id"):
                self._add_id(self.actions, action_id, body, position)
                self.claimed_photos.update(_proof_photos(body))
            case "photo.stored.v1":
                self.claimed_photos.update(_photo_refs([body.get("ref")]))
            case type_ if type_ in _TYPES_WITHOUT_OUTCOME:
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
class AlarmsLog:
    """The report ids of alarms: each becomes a report, is suppressed, or refused under an id of the record's own."""

    topic_name: Callable[[str], str] = str
    """Returns a topic's name within the installation."""
    positions_by_id: dict[str, list[AlarmPosition]] = field(default_factory=dict)
    unreadable: set[AlarmPosition] = field(default_factory=set)
    """Without an id of its own."""
    refused_as: dict[AlarmPosition, str] = field(default_factory=dict)
    """The id under which an alarm is refused for an invalid field, if it names its source."""

    def add(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Add one alarm."""
        alarm = _parse_object((record.value or b"").removeprefix(BOM_UTF8)) or {}
        position = (self.topic_name(record.topic), record.partition, record.offset)
        source, alarm_ref = (lenient.optional_text(alarm.get(name)) for name in ("source", "alarm_ref"))
        if isinstance(source, str):
            self.refused_as[position] = ids.invalid_alarm_id(source, sha256(record.value or b"").hexdigest())
        if isinstance(source, str) and isinstance(alarm_ref, str):
            self.positions_by_id.setdefault(ids.report_id(source, alarm_ref), []).append(position)
        else:
            self.unreadable.add(position)


@dataclass(slots=True)
class OutcomesLog:
    """The outcome published for each id by the cut; another is a contradiction unless the first was dead-lettered."""

    cut: Cut
    results: dict[str, str] = field(default_factory=dict)
    subjects: dict[str, str] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)
    """The latest reply to each noted report."""

    def add(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Add one outcome, or a later reply to a noted report."""
        outcome = _parse_object(record.value) or {}
        if not self.cut.holds(record):
            return
        if outcome.get("type") == "report.replied.v1":
            self.replies[str(outcome.get("report_id"))] = str(outcome.get("text"))
            return
        name, result = str(outcome.get("id")), str(outcome.get("result"))
        known = self.results.get(name)
        if known not in (None, result, "dead_lettered") and result != "dead_lettered":
            self.contradictions.append(f"{name} is {known} and {result}")
        if known is None or known == "dead_lettered":
            self.results[name] = result
        self.subjects[name] = str(outcome.get("about"))


class LogContents(Protocol):
    """What is gathered of a log, record by record."""

    def add(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Add one record."""


async def add_records(records: AsyncIterator[Any], *contents: LogContents) -> None:
    """Add all records of a log to each of these."""
    async for record in records:
        for each in contents:
            each.add(record)


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
