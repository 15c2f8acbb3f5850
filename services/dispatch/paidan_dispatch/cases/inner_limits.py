"""Limits inside a department's own: of the unit that has its order, and of its plan's steps. None ends after it."""

from datetime import datetime

from paidan_contracts.assignments import Assignment, Limit, UnitOrder, open_unit_order
from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.city.pack_types import TimeLimit
from paidan_contracts.state import CaseState
from paidan_contracts.time_limits import PlannedStep
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_dispatch.cases.limit_requests import open_steps
from paidan_dispatch.cases.policy import CityPolicy


def original_limit(state: CaseState, limit: Limit, policy: CityPolicy) -> TimeLimit | None:
    """Return the time that the pack gives for the running limit: of a reopened round its own, else the row's."""
    row = policy.city.rows.get(state.row_id or "")
    if state.reopened and limit.began_at != state.assignments[-1].dispatched_at:
        return policy.city.clocks.reopening.limit or policy.handling_limit(row)
    return policy.handling_limit(row)


def unit_share(state: CaseState, at: datetime, due_at: datetime, policy: CityPolicy) -> datetime:
    """Return the end of a unit's share of what is left until its department's deadline."""
    limit = state.assignments[-1].limits[-1]
    try:
        return policy.share_until(at, due_at, original_limit(state, limit, policy))
    except CalendarExhausted:
        # As for work that goes on after a suspension: where next year's calendar is missing all hours count.
        return at + (due_at - at) * policy.city.hand_on.share


def fit_inner_limits(state: CaseState, at: datetime, policy: CityPolicy) -> CaseState:
    """Return the state with every limit inside the department's ending before that, however it became shorter."""
    due_at = state.assignments[-1].limits[-1].due_at
    if due_at is None:
        return state
    order = open_unit_order(state.assignments)
    if order is not None and _runs_beyond(order, due_at):
        assignments = (*state.assignments[:-1], _with_shorter_order(state, order, due_at, at, policy))
        state = replace_unvalidated(state, assignments=assignments)
    limits = state.time_limits
    if limits is not None and (beyond := {each.number for each in open_steps(state) if _ends_beyond(each, due_at)}):
        warn_at = policy.warn_at(at, due_at) if at < due_at else None
        plan = tuple(
            replace_unvalidated(each, due_at=due_at, warn_at=warn_at, setting=each.setting + 1)
            if each.number in beyond
            else each
            for each in limits.plan
        )
        state = replace_unvalidated(state, time_limits=replace_unvalidated(limits, plan=plan))
    return state


def _ends_beyond(step: PlannedStep, due_at: datetime) -> bool:
    return step.due_at > due_at and step.overdue_at is None


def _runs_beyond(order: UnitOrder, due_at: datetime) -> bool:
    runs = order.finished_at is None and order.overdue_at is None
    return runs and order.due_at is not None and order.due_at >= due_at


def _with_shorter_order(
    state: CaseState, order: UnitOrder, due_at: datetime, at: datetime, policy: CityPolicy
) -> Assignment:
    """Return the last assignment, its unit with a share of what is left; with no limit where nothing is left."""
    if order.due_at is not None and at > order.due_at:
        shorter = replace_unvalidated(order, overdue_at=order.due_at)
    else:
        unit_due_at = unit_share(state, at, due_at, policy) if at < due_at else None
        warn_at = policy.warn_at(at, unit_due_at)
        shorter = replace_unvalidated(order, due_at=unit_due_at, warn_at=warn_at, settings=order.settings + 1)
    assignment = state.assignments[-1]
    return replace_unvalidated(assignment, handed_on=(*assignment.handed_on[:-1], shorter))
