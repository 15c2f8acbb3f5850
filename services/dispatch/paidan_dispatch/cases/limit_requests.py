"""Requests about time limits, on which a chain of duties decides: who decides next, and when one lapses."""

from datetime import datetime
from typing import Final

from paidan_contracts.actions import Actor
from paidan_contracts.city.posts import DUTIES, PostDuty
from paidan_contracts.extensible import Unknown
from paidan_contracts.state import CaseState, Status
from paidan_contracts.time_limits import LimitRequest, PlannedStep, TimeLimits
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_dispatch.cases.policy import CityPolicy

CONSTRUCTION: Final = Unknown("construction")
"""The clock of what is to be built by a date."""
NO_TIME_LIMITS: Final = TimeLimits()
ENDED_STATUSES: Final[frozenset[Status]] = frozenset({"closed", "voided", "not_accepted"})


def time_limits_of(state: CaseState) -> TimeLimits:
    """Return what a case holds of requests, suspension, plan and promise; empty where it holds nothing."""
    return state.time_limits or NO_TIME_LIMITS


def next_duty(request: LimitRequest) -> PostDuty | None:
    """Return the duty that decides next on a request that is pending; None for one that this release does not know."""
    name = request.chain[len(request.steps)]
    return next((duty for duty in DUTIES if duty == name), None)


def has_duty(actor: Actor, duty: PostDuty | None, state: CaseState, policy: CityPolicy) -> bool:
    """Return whether an actor acts for a duty: by its post in the pack, else by what its key may do."""
    if duty is None:
        return False
    is_departments = "{department}" in DUTIES[duty].scope
    if is_departments and (actor.kind != "department" or actor.id != state.department):
        return False
    if not is_departments and actor.kind != "operator":
        return False
    post = policy.city.posts.get(actor.post) if actor.post is not None else None
    return post is None or post.duty == duty


def is_planned(state: CaseState) -> bool:
    """Return whether a case waits in the construction plan: it is filed, and the clock of its date runs."""
    last = state.clocks[-1] if state.clocks and state.status == "filed" else None
    return last is not None and last.kind == CONSTRUCTION and last.ended_at is None


def open_steps(state: CaseState) -> tuple[PlannedStep, ...]:
    """Return the steps of the present department's plan that are not done."""
    limits, current = state.time_limits, len(state.assignments)
    if limits is None:
        return ()
    return tuple(each for each in limits.plan if each.done_at is None and each.assignment == current)


def has_decided(actor: Actor, request: LimitRequest) -> bool:
    """Return whether an actor asked for it, or decided on it, as a person; or decided on it by the same key."""
    decided = [each.by for each in request.steps]
    persons = {each.person for each in (request.asked_by, *decided)}
    if actor.person is not None and actor.person in persons:
        return True
    return any(each.person == actor.person and (each.kind, each.id) == (actor.kind, actor.id) for each in decided)


def replace_last_request(limits: TimeLimits, request: LimitRequest) -> TimeLimits:
    """Return the limits with another value for the last request."""
    return replace_unvalidated(limits, requests=(*limits.requests[:-1], request))


def is_set_by_hand(state: CaseState) -> bool:
    """Return whether the running limit was set by hand."""
    return state.time_limits is not None and state.time_limits.set_because is not None


def settled(before: CaseState, state: CaseState, at: datetime) -> CaseState:
    """Return the state after a step that may end what runs beside it: a request, a suspension, a promise.

    A limit that a rule sets anew is no longer the one that was set by hand.
    """
    limits = state.time_limits
    if limits is None:
        return state
    changed = _without_suspension(state, _lapsed(state, _promise_ended(state, limits, at)))
    if limits.set_because is not None and _is_limit_of_a_rule(before, state):
        changed = replace_unvalidated(changed, set_because=None)
    return state if changed is limits else replace_unvalidated(state, time_limits=changed)


def _is_limit_of_a_rule(before: CaseState, state: CaseState) -> bool:
    is_set_anew = before.assignments[-1].limits[-1].number != state.assignments[-1].limits[-1].number
    return is_set_anew and time_limits_of(before).settings == time_limits_of(state).settings


def _lapsed(state: CaseState, limits: TimeLimits) -> TimeLimits:
    """Return the limits, with a request that nobody can decide on any more as lapsed.

    One about the work is decided while the same department works on it, an appeal while the case is closed.
    """
    pending = limits.pending
    if pending is None:
        return limits
    is_open = state.status == ("closed" if pending.kind == "appeal" else "handling")
    if is_open and pending.assignment == len(state.assignments):
        return limits
    return replace_last_request(limits, replace_unvalidated(pending, outcome="lapsed"))


def _without_suspension(state: CaseState, limits: TimeLimits) -> TimeLimits:
    if limits.suspension is None or state.status == "suspended":
        return limits
    return replace_unvalidated(limits, suspension=None)


def _promise_ended(state: CaseState, limits: TimeLimits, at: datetime) -> TimeLimits:
    """Return the limits with a promise kept or broken as the case ended or was planned; reopening does not renew it."""
    promise = limits.promise
    if promise is None or promise.ended_at is not None or not (state.status in ENDED_STATUSES or is_planned(state)):
        return limits
    overdue_at = promise.due_at if at > promise.due_at else None
    return replace_unvalidated(
        limits, promise=replace_unvalidated(promise, ended_at=at, warn_at=None, overdue_at=overdue_at)
    )
