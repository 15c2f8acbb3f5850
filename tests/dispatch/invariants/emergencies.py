"""What holds of limits while an emergency or event is in force, and after its end."""

from paidan_contracts.assignments import Limit
from paidan_contracts.emergency_events import CaseReclocked
from paidan_contracts.state import CaseState
from tests.dispatch.invariants.registry import Step, invariant


@invariant
def reclocking_shortens_or_restores(step: Step) -> bool:
    """A limit ends earlier by a declaration in force; it ends later only where what was declared is over."""
    event = step.event
    if not isinstance(event, CaseReclocked):
        return True
    is_in_force = event.declaration_id in {each.declaration_id for each in step.emergencies}
    if event.restored:
        return not is_in_force and event.due_at > event.due_before
    return is_in_force and event.due_at < event.due_before


@invariant
def reclocked_once_for_a_declaration(step: Step) -> bool:
    """What it shortened is not shortened again by it."""
    event, before = step.event, step.before
    if not isinstance(event, CaseReclocked) or event.restored or before is None:
        return True
    assignment = before.assignments[-1]
    receipt = assignment.accept_shortened if event.clock == "accept" else assignment.limits[-1].shortened
    return receipt is None or receipt.declaration_id != event.declaration_id


@invariant
def reclocking_moves_nothing_else(step: Step) -> bool:
    """Status, department and all who had the case before stay as they were; a clock that stands is not touched."""
    if not isinstance(step.event, CaseReclocked) or step.before is None:
        return True
    before, after = step.before, step.after
    kept = ("status", "department", "round", "hops", "reopened", "clocks", "class_code", "place", "escalation")
    same = all(getattr(before, name) == getattr(after, name) for name in kept if name != "escalation")
    changed = "limits" if step.event.clock == "accept" else "accept_by"
    same = same and getattr(before.assignments[-1], changed) == getattr(after.assignments[-1], changed)
    return same and before.status in ("dispatched", "handling") and before.assignments[:-1] == after.assignments[:-1]


@invariant
def acceptance_moves_by_a_declaration_alone(step: Step) -> bool:
    """Of one assignment the end of the accept limit stays, but for a declaration or its end, and above its minimum."""
    before, event = step.before, step.event
    if before is None or not before.assignments or len(before.assignments) != len(step.after.assignments):
        return True
    was, ends = before.assignments[-1].accept_by, step.after.assignments[-1].accept_by
    if was == ends or was is None:
        return was == ends
    if not isinstance(event, CaseReclocked) or event.clock != "accept":
        return False
    begins = {each.declaration_id: each.begins_at for each in step.emergencies}.get(event.declaration_id)
    return begins is None or (event.due_at - begins).total_seconds() >= 1800


@invariant
def emergency_leaves_other_places_alone(step: Step) -> bool:
    """No limit is shortened by what is declared elsewhere."""
    place, fresh = step.after.place, _new_receipts(step)
    codes = {place.district, place.street, place.community}
    declared = {each.declaration_id: each for each in step.emergencies}
    return all(not (each := declared.get(id_)) or not each.places or not codes.isdisjoint(each.places) for id_ in fresh)


@invariant
def only_what_is_in_force_shortens(step: Step) -> bool:
    """After its end no limit that begins is shortened by it, nor before its beginning."""
    at = step.event.recorded_at
    declared = {each.declaration_id: each.begins_at for each in step.emergencies}
    return all(id_ in declared and declared[id_] <= at for id_ in _new_receipts(step))


@invariant
def shortened_limit_keeps_the_minimum(step: Step) -> bool:
    """It ends earlier than it would, and the plan's half hour after the declaration at the soonest."""
    begins = {each.declaration_id: each.begins_at for each in step.emergencies}
    return all(
        limit.shortened is None
        or (
            limit.shortened.due_at < limit.shortened.due_before
            and (
                limit.shortened.declaration_id not in begins
                or (limit.shortened.due_at - begins[limit.shortened.declaration_id]).total_seconds() >= 1800
            )
        )
        for limit in _limits(step.after)
    )


def _limits(state: CaseState | None) -> list[Limit]:
    return [limit for each in state.assignments for limit in each.limits] if state is not None else []


def _new_receipts(step: Step) -> set[str]:
    """Return by which declarations limits are shortened that were not before."""
    before = {(each.number, each.shortened) for each in _limits(step.before)}
    known = {receipt for _, receipt in before}
    return {
        each.shortened.declaration_id
        for each in _limits(step.after)
        if each.shortened is not None and each.shortened not in known
    }
