"""What a batch reads and changes of emergencies: those declared, how far each area has come, the cases concerned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias

from paidan_chassis.consumer.writes import Write
from paidan_chassis.database import Connection
from paidan_chassis.kafka.cloudevents import encode_body
from paidan_contracts.actions import ActionRequested
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.emergencies import (
    EmergencyDeclaration,
    EmergencyDue,
    EmergencyEnded,
    EmergencyInForce,
    EmergencyOver,
    EmergencyPortion,
)
from paidan_contracts.emergency_actions import DeclareEmergency, EndEmergency
from paidan_contracts.inbox import TimerDue
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.emergencies import Subject, all_terms
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.inbox import emergency_statements as statements

Step: TypeAlias = Literal["shorten", "restore"]


@dataclass(slots=True)
class DeclaredEmergency:
    """A declaration in the partition of its city's own area, and its end."""

    lane: int
    declaration: EmergencyDeclaration
    ending: EmergencyEnded | None = None


@dataclass(slots=True)
class AreaEmergency:
    """A declaration in one area: which of its running cases were set anew."""

    area: str
    lane: int
    declaration: EmergencyDeclaration
    ended_at: datetime | None = None
    step: Step | None = "shorten"
    """None: no case is left to set anew."""
    portion: int = 0
    """How many portions of the step took effect."""
    until_reported_at: datetime | None = None
    until_case: str | None = None
    shortened: int = 0
    restored: int = 0


@dataclass(slots=True)
class EmergencyBook:
    """What the batch's records read and change."""

    declared: dict[str, DeclaredEmergency] = field(default_factory=dict)
    areas: dict[tuple[str, str], AreaEmergency] = field(default_factory=dict)
    """By area and declaration."""
    _changed: set[str] = field(default_factory=set)
    _changed_areas: set[tuple[str, str]] = field(default_factory=set)
    _cases: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)
    """By declaration and case: the partition, and the place in queues."""
    _released: set[tuple[str, str]] = field(default_factory=set)
    """By declaration and case: whose place in queues ended with it."""

    def standing(self, city: str) -> dict[str, EmergencyDeclaration]:
        """Return what a city has declared and not ended."""
        return {
            id_: each.declaration
            for id_, each in self.declared.items()
            if each.ending is None and each.declaration.city == city
        }

    def add(self, declaration: EmergencyDeclaration, lane: int) -> None:
        """Add what was declared."""
        self.declared[declaration.declaration_id] = DeclaredEmergency(lane, declaration)
        self._changed.add(declaration.declaration_id)

    def end(self, ending: EmergencyEnded) -> None:
        """Record the end of a declaration."""
        self.declared[ending.declaration_id].ending = ending
        self._changed.add(ending.declaration_id)

    def change_area(self, emergency: AreaEmergency) -> None:
        """Add an area's declaration, or record that it changed."""
        key = (emergency.area, emergency.declaration.declaration_id)
        self.areas[key] = emergency
        self._changed_areas.add(key)

    def add_case(self, event: CaseEvent, lane: int, policy: CityPolicy) -> None:
        """Add the case of an event to each declaration that concerns it."""
        self.add_concerned(event.state, lane, event.recorded_at, policy)

    def add_concerned(self, state: CaseState, lane: int, at: datetime, policy: CityPolicy) -> None:
        """Add a case to each declaration that concerns it."""
        for terms in all_terms(Subject.of(state, policy), at, policy):
            self._cases.setdefault(
                (terms.declaration.declaration_id, state.case_id), (lane, terms.declaration.priority)
            )

    def release_case(self, declaration_id: str, case_id: str) -> None:
        """Take from a case the place in queues that an ended declaration gave it."""
        self._released.add((declaration_id, case_id))

    def mark_stored(self) -> None:
        """Record that all changes so far are written."""
        self._changed, self._changed_areas, self._cases, self._released = set(), set(), {}, set()

    def writes(self) -> list[Write]:
        """Return what changed, as statements in any order."""
        declared = [_declared_row(self.declared[id_]) for id_ in sorted(self._changed)]
        areas = [_area_row(self.areas[key]) for key in sorted(self._changed_areas)]
        cases = [(*key, lane, priority) for key, (lane, priority) in self._cases.items()]
        tables: Sequence[tuple[str, str, Sequence[tuple[object, ...]]]] = (
            ("emergencies", statements.UPSERT_DECLARED, declared),
            ("emergency_areas", statements.UPSERT_AREAS, areas),
            ("emergency_cases", statements.INSERT_CASES, cases),
        )
        return [Write(name, sql, tuple(zip(*rows, strict=True))) for name, sql, rows in tables if rows]

    def priority_writes(self) -> list[Write]:
        """Return what changes the place of cases in queues: statements to run in order, once the cases are written."""
        priorities: dict[str, int] = {}
        for (_, case_id), (_, priority) in self._cases.items():
            if priority:
                priorities[case_id] = max(priority, priorities.get(case_id, 0))
        released = sorted(self._released)
        writes = []
        if priorities:
            writes.append(
                Write("raised_priorities", statements.RAISE_PRIORITIES, (list(priorities), list(priorities.values())))
            )
        if released:
            case_ids = [case_id for _, case_id in released]
            writes.append(Write("released_cases", statements.DELETE_CASES, tuple(zip(*released, strict=True))))
            writes.append(Write("lowered_priorities", statements.LOWER_PRIORITIES, (case_ids,)))
        return writes


async def load_book(conn: Connection, lanes: Sequence[int], declaration_ids: Sequence[str]) -> EmergencyBook:
    """Return what stands in these partitions, and these declarations though they have ended."""
    book = EmergencyBook()
    for row in await conn.fetch(statements.SELECT_DECLARED, lanes, declaration_ids):
        declaration = _declaration(row)
        ending = EmergencyEnded.model_validate_json(row["ending"]) if row["ending"] else None
        book.declared[declaration.declaration_id] = DeclaredEmergency(row["lane"], declaration, ending)
    for row in await conn.fetch(statements.SELECT_AREAS, lanes, declaration_ids):
        emergency = area_emergency(row)
        book.areas[emergency.area, emergency.declaration.declaration_id] = emergency
    return book


def area_emergency(row: Mapping[str, Any]) -> AreaEmergency:
    """Return an area's declaration from its row."""
    fields = ("area", "lane", "ended_at", "step", "portion", "until_reported_at", "until_case", "shortened", "restored")
    return AreaEmergency(declaration=_declaration(row), **{name: row[name] for name in fields})


def _declaration(row: Mapping[str, Any]) -> EmergencyDeclaration:
    return EmergencyDeclaration.model_validate_json(row["declaration"])


def _declared_row(each: DeclaredEmergency) -> tuple[object, ...]:
    declaration, ending = each.declaration, each.ending
    return (
        declaration.declaration_id,
        each.lane,
        declaration.city,
        declaration.declared_at,
        declaration.ends_at,
        ending and ending.ended_at,
        encode_body(declaration),
        encode_body(ending) if ending else None,
    )


def _area_row(each: AreaEmergency) -> tuple[object, ...]:
    return (
        each.area,
        each.declaration.declaration_id,
        each.lane,
        encode_body(each.declaration),
        each.ended_at,
        each.step,
        each.portion,
        each.until_reported_at,
        each.until_case,
        each.shortened,
        each.restored,
    )


def declarations_of(entry: object) -> tuple[str, ...]:
    """Return the declarations that a record is about."""
    match entry:
        case ReportReceived() | TimerDue():
            return ()
        case EmergencyInForce(declaration=declaration):
            return (declaration.declaration_id,)
        case EmergencyOver() | EmergencyDue() | EmergencyPortion():
            return (entry.declaration_id,)
        case ActionRequested(action=EndEmergency(declaration_id=declaration_id)):
            return (declaration_id,)
        case ActionRequested(action=DeclareEmergency(), action_id=action_id):
            return (action_id,)
        case _:
            return ()
