"""Decides on emergencies record by record: acts in the city's own area, what follows in each area. No I/O."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Final

from paidan_chassis.kafka.message import Message
from paidan_contracts.actions import ActionRequested
from paidan_contracts.case_event import Cause
from paidan_contracts.emergencies import (
    EmergencyDeclaration,
    EmergencyDeclared,
    EmergencyDue,
    EmergencyEnded,
    EmergencyInForce,
    EmergencyOver,
    EmergencyPortion,
)
from paidan_contracts.emergency_actions import DeclareEmergency
from paidan_contracts.emergency_events import CaseReclocked
from paidan_contracts.ids import city_of
from paidan_contracts.outcomes import Refusal
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases import emergency_acts
from paidan_dispatch.cases.case_state import Provenance
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.transitions import emergency_limits
from paidan_dispatch.inbox import messages
from paidan_dispatch.inbox.emergency_book import AreaEmergency, EmergencyBook, Step
from paidan_dispatch.inbox.refusals import unknown_city
from paidan_dispatch.inbox.unit_of_work import CaseFile, UnitOfWork

_new_cause: Final = unvalidated_constructor(Cause)


def act(
    request: ActionRequested, policy: CityPolicy | None, book: EmergencyBook, partition: int
) -> list[Message] | Refusal:
    """Declare or end an emergency; return what everybody hears of it, or why it is refused."""
    if policy is None:
        return unknown_city(city_of(request.area))
    standing = book.standing(policy.city.id)
    if isinstance(request.action, DeclareEmergency):
        declaration = emergency_acts.declare(request, policy, standing)
        if isinstance(declaration, Refusal):
            return declaration
        book.add(declaration, partition)
        return list(_declared(declaration, policy))
    ending = emergency_acts.end(request, policy, standing)
    return ending if isinstance(ending, Refusal) else list(_ended(ending, policy, book))


def follow(
    entry: EmergencyInForce | EmergencyOver | EmergencyDue,
    policy: CityPolicy | None,
    book: EmergencyBook,
    partition: int,
) -> Iterator[Message]:
    """Record what a declaration or its end changes; yield what everybody hears of it. A repeat changes nothing.

    What is in force in an area is recorded also before the city's pack is, for it is decided by from then on.
    """
    match entry:
        case EmergencyDue(declaration_id=id_, due_at=due_at):
            standing = book.standing(policy.city.id) if policy is not None else {}
            if policy is not None and id_ in standing:
                yield from _ended(emergency_acts.ended(standing[id_], due_at), policy, book)
        case EmergencyInForce(area=area, declaration=declaration):
            if (area, declaration.declaration_id) not in book.areas:
                book.change_area(AreaEmergency(area, partition, declaration))
        case EmergencyOver(area=area, declaration_id=id_):
            known = book.areas.get((area, id_))
            if known is not None and known.ended_at is None:
                book.change_area(_ended_area(known, entry.ended_at))


def set_anew(
    portion: EmergencyPortion, unit_of_work: UnitOfWork, partition: int, policy: CityPolicy
) -> Iterator[tuple[CaseFile, CaseReclocked]]:
    """Yield each case of a portion whose running limit changes, and the step; of a repeat none.

    The portion has taken effect once all are yielded.
    """
    book, changed = unit_of_work.emergencies, 0
    emergency = book.areas.get((portion.area, portion.declaration_id))
    if emergency is None or (emergency.step, emergency.portion + 1) != (portion.step, portion.number):
        return
    change = emergency_limits.shorten if portion.step == "shorten" else emergency_limits.restore
    cause = _new_cause(kind="action", id=portion.declaration_id)
    provenance = Provenance(cause, portion.recorded_at, portion.recorded_at, policy)
    for case_id in portion.case_ids:
        case_file = unit_of_work.case_files.get(case_id)
        if case_file is None or case_file.partition != partition or case_file.current_state.area != portion.area:
            continue
        if portion.step == "restore":
            book.release_case(portion.declaration_id, case_id)
        book.add_concerned(case_file.current_state, partition, portion.recorded_at, policy)
        step = change(case_file.current_state, emergency.declaration, provenance, policy)
        if step is not None:
            changed += 1
            yield case_file, step
    book.change_area(_after_portion(emergency, portion, changed))


def _after_portion(emergency: AreaEmergency, portion: EmergencyPortion, changed: int) -> AreaEmergency:
    is_restoring = portion.step == "restore"
    return replace(
        emergency,
        step=None if portion.is_last else emergency.step,
        portion=portion.number,
        until_reported_at=portion.until_reported_at,
        until_case=portion.until_case,
        shortened=emergency.shortened + (0 if is_restoring else changed),
        restored=emergency.restored + (changed if is_restoring else 0),
    )


def _ended_area(emergency: AreaEmergency, at: datetime) -> AreaEmergency:
    step: Step | None = "restore" if emergency.declaration.restores else None
    return replace(emergency, ended_at=at, step=step, portion=0, until_reported_at=None, until_case=None)


def _declared(declaration: EmergencyDeclaration, policy: CityPolicy) -> Iterator[Message]:
    # Its own area is told by the log, too: every area follows at its own place in it.
    for area in sorted(policy.city.areas):
        yield messages.emergency_message(EmergencyInForce(area=area, declaration=declaration))
    yield messages.announcement(EmergencyDeclared(declaration=declaration))
    for order in emergency_acts.standing_orders(declaration):
        yield messages.standing_order_message(order, declaration.city)


def _ended(ending: EmergencyEnded, policy: CityPolicy, book: EmergencyBook) -> Iterator[Message]:
    book.end(ending)
    declaration = book.declared[ending.declaration_id].declaration
    for area in sorted(policy.city.areas):
        over = EmergencyOver(area=area, declaration_id=ending.declaration_id, ended_at=ending.ended_at)
        yield messages.emergency_message(over)
    yield messages.announcement(ending)
    for order in emergency_acts.standing_orders(declaration):
        yield messages.standing_order_message(emergency_acts.order_end(order, ending.ended_at), declaration.city)
