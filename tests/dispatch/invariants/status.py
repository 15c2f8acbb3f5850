"""What holds of a case's status, and of each step."""

from collections.abc import Collection, Mapping
from typing import Final

from pydantic import TypeAdapter, ValidationError

from paidan_contracts.cases import AnyCaseEvent
from paidan_contracts.state import Status
from paidan_dispatch.cases.case_state import is_active
from paidan_dispatch.cases.timers import running_timers
from tests.dispatch.invariants.registry import Step, invariant, type_of

MOVES: Final[Mapping[str, Collection[tuple[Status | None, Status]]]] = {
    "case.opened.v1": {(None, "received"), (None, "filed"), (None, "dispatched")},
    "case.filed.v1": {
        ("received", "filed"),
        ("filed", "filed"),
        ("dispatched", "dispatched"),
        ("handling", "handling"),
    },
    "case.dispatched.v1": {
        (before, "dispatched") for before in ("filed", "dispatched", "handling", "suspended", "inspecting")
    },
    "case.held.v1": {("filed", "filed"), ("received", "filed")},
    "case.accepted.v1": {("dispatched", "handling")},
    "case.returned.v1": {("dispatched", "filed"), ("handling", "filed")},
    "case.finished.v1": {("handling", "inspecting"), ("dispatched", "inspecting")},
    "case.suspended.v1": {("handling", "suspended")},
    "case.resumed.v1": {("suspended", "handling")},
    "case.reworked.v1": {("inspecting", "handling")},
    "case.closed.v1": {("inspecting", "closed")},
    "case.reopened.v1": {("closed", "handling")},
    "case.construction_planned.v1": {(before, "filed") for before in ("filed", "dispatched", "handling")},
    "case.settled.v1": {("dispatched", "closed"), ("dispatched", "inspecting")},
    "case.struck_off.v1": {("filed", "closed")},
    "case.voided.v1": {(before, "voided") for before in ("filed", "dispatched", "handling", "suspended", "inspecting")},
    "case.not_accepted.v1": {("received", "not_accepted")},
}
"""The table of transitions: status before and after each event; every other event keeps the status."""

EVENT: Final[TypeAdapter[AnyCaseEvent]] = TypeAdapter(AnyCaseEvent)


@invariant
def version_is_the_next(step: Step) -> bool:
    """Readers detect what they missed."""
    expected = step.before.version + 1 if step.before else 1
    return step.event.version == step.after.version == expected


@invariant
def event_survives_a_round_trip(step: Step) -> bool:
    """Events are built without validation."""
    encoded = step.event.model_dump_json()
    try:
        return EVENT.validate_json(encoded).model_dump_json() == encoded
    except ValidationError:
        return False


@invariant
def status_moves_by_the_table(step: Step) -> bool:
    """No event leads anywhere else."""
    before = step.before.status if step.before else None
    moves = MOVES.get(type_of(step.event))
    return before == step.after.status if moves is None else (before, step.after.status) in moves


@invariant
def closed_has_its_time(step: Step) -> bool:
    """And an open case has none."""
    return (step.after.status == "closed") == (step.after.closed_at is not None)


@invariant
def ended_has_a_reason(step: Step) -> bool:
    """A case that ended without work says why and when."""
    state = step.after
    has_ended = state.status in ("voided", "not_accepted")
    return has_ended == (state.ended_because is not None) == (state.ended_at is not None)


@invariant
def ended_case_stays_ended(step: Step) -> bool:
    """Nothing leads out of the end states."""
    return (
        step.before is None
        or step.before.status not in ("voided", "not_accepted")
        or step.after.status == step.before.status
    )


@invariant
def held_only_while_filed(step: Step) -> bool:
    """The hard-to-place desk sees no case that a department has."""
    return step.after.held_because is None or step.after.status == "filed"


@invariant
def filed_by_a_rule(step: Step) -> bool:
    """Row, rule and time of filing stand together."""
    state = step.after
    return (state.row_id is None) == (state.filed_by is None) == (state.filed_at is None)


@invariant
def rounds_are_counted(step: Step) -> bool:
    """One for each failed inspection and each reopening."""
    return step.after.round == 1 + sum(each.reworks for each in step.after.assignments) + step.after.reopened


@invariant
def reopened_as_often_as_the_city_allows(step: Step) -> bool:
    """Once, in the sample city."""
    return step.after.reopened <= 1


@invariant
def nothing_runs_for_the_past(step: Step) -> bool:
    """An imported case has neither timers nor clocks nor orders."""
    state = step.after
    return not state.past or (running_timers(state) == () and state.clocks == () and not step.orders)


@invariant
def doers_do_not_inspect(step: Step) -> bool:
    """Neither the lead nor a helper that took part."""
    actor, before = step.event.actor, step.before
    if actor is None or before is None or actor.kind == "importer":
        return True
    if type_of(step.event) not in ("case.closed.v1", "case.reworked.v1"):
        return True
    doers = {each.department for each in before.helpers if is_active(each) and each.accepted_at} | {before.department}
    return doers.isdisjoint({actor.id, actor.member})
