"""What the logs hold: distinct reports, actions and alarms of the inbox, and every case's versions in their order."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from aiokafka.structs import ConsumerRecord

from paidan_contracts import ids
from paidan_contracts.wire import SCREENED

Position = tuple[int, int]
_PHOTO: Final = re.compile(r"[0-9a-f]{64}\.jpg").fullmatch


@dataclass(slots=True)
class InboxLog:
    """Ids as the inbox has them; under one id the first digest is the sender's word, others were reused."""

    reports: dict[str, str] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
    reused: dict[str, str] = field(default_factory=dict)
    unreadable: set[Position] = field(default_factory=set)
    at: dict[str, list[Position]] = field(default_factory=dict)
    sealed: set[str] = field(default_factory=set)
    """Reports whose sender's person or words lie in the vault."""
    photos: set[str] = field(default_factory=set)
    """Photos that intake had when it took what names them."""
    claimed: set[str] = field(default_factory=set)
    """Photos that a department or a camera names: nobody looked whether they were ever sent."""
    records: int = 0

    def take(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Count one record."""
        self.records += 1
        position = (record.partition, record.offset)
        said = _json(record.value)
        kind = said.get("type") if said else None
        if said is None or not isinstance(kind, str):
            self.unreadable.add(position)
        elif kind == "report.received.v1":
            self._named(self.reports, str(said.get("report_id")), said, position)
            self._refers(said)
        elif kind == "action.requested.v1":
            self._named(self.actions, str(said.get("action_id")), said, position)
            self.claimed.update(_proof(said))
        elif kind not in ("timer.due.v1", "city.in_force.v1"):
            self.unreadable.add(position)

    def _refers(self, said: dict[str, Any]) -> None:
        screened = said.get("channel") in SCREENED and not said.get("past")
        (self.claimed if screened else self.photos).update(_refs(said.get("photos")))
        # What a machine says of itself is not kept anywhere else.
        if said.get("reporter") or (not screened and _words(said)):
            self.sealed.update(_ids(said.get("report_id")))

    def _named(self, known: dict[str, str], name: str, said: dict[str, Any], position: Position) -> None:
        digest = str(said.get("digest"))
        self.at.setdefault(name, []).append(position)
        if known.setdefault(name, digest) != digest:
            reused = ids.reused_id(name, digest)
            self.reused[reused] = name
            self.at.setdefault(reused, []).append(position)


@dataclass(slots=True)
class CasesLog:
    """The newest version of each case, and every place where a version came first before its turn."""

    versions: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    reports: dict[str, int] = field(default_factory=dict)
    gaps: list[str] = field(default_factory=list)
    repeats: int = 0

    def take(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Count one step: a repeat is fine, a gap is not."""
        said = _json(record.value) or {}
        case_id, version = str(said.get("case_id")), int(said.get("version", 0))
        known = self.versions.get(case_id, 0)
        if version <= known:
            self.repeats += 1
            return
        if version != known + 1:
            self.gaps.append(f"{case_id} has version {version} after {known}")
        self.versions[case_id] = version
        self.statuses[case_id] = said["state"]["status"]
        self.reports[case_id] = said["state"]["reports"]


@dataclass(slots=True)
class AlarmsLog:
    """The report ids that alarms would have: each becomes a report or is suppressed."""

    named: dict[str, list[Position]] = field(default_factory=dict)
    unreadable: set[Position] = field(default_factory=set)

    def take(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Count one alarm."""
        said = _json(record.value)
        position = (record.partition, record.offset)
        if said is None or not isinstance(said.get("source"), str) or not isinstance(said.get("alarm_ref"), str):
            self.unreadable.add(position)
        else:
            self.named.setdefault(ids.report_id(said["source"], said["alarm_ref"]), []).append(position)


@dataclass(slots=True)
class OutcomesLog:
    """The outcome that was published for each id; more than one for an id is a contradiction unless set aside first."""

    results: dict[str, str] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)

    def take(self, record: ConsumerRecord[bytes, bytes]) -> None:
        """Count one outcome."""
        said = _json(record.value) or {}
        name, result = str(said.get("id")), str(said.get("result"))
        known = self.results.get(name)
        if known not in (None, result, "dead_lettered") and result != "dead_lettered":
            self.contradictions.append(f"{name} is {known} and {result}")
        if known is None or known == "dead_lettered":
            self.results[name] = result
        self.about[name] = str(said.get("about"))


async def fill(log: InboxLog | CasesLog | AlarmsLog | OutcomesLog, records: AsyncIterator[Any]) -> None:
    """Count all records of a log."""
    async for record in records:
        log.take(record)


def _words(said: dict[str, Any]) -> bool:
    place = said.get("place")
    return bool(said.get("text") or (isinstance(place, dict) and place.get("address")))


def _proof(said: dict[str, Any]) -> set[str]:
    action = said.get("action")
    return _refs(action.get("proof")) if isinstance(action, dict) else set()


def _refs(named: object) -> set[str]:
    return {each for each in named if isinstance(each, str) and _PHOTO(each)} if isinstance(named, list) else set()


def _ids(named: object) -> set[str]:
    """Give an id that the database can be asked for: anybody may write anything into a log."""
    try:
        return {str(UUID(str(named)))}
    except ValueError:
        return set()


def _json(value: bytes | None) -> dict[str, Any] | None:
    try:
        said = json.loads(value or b"")
    except (ValueError, RecursionError):  # a record that only opens brackets is a ladder without end
        return None
    return said if isinstance(said, dict) else None
