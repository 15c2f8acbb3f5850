"""What holds of requests about time limits, of those who decide on them, and of what was granted."""

from paidan_contracts.time_limit_events import CaseExempted, CaseExtended, CaseRequestReviewed
from paidan_contracts.time_limits import LimitRequest
from paidan_dispatch.cases.inner_limits import original_limit
from paidan_dispatch.cases.limit_requests import time_limits_of
from tests.dispatch.invariants.registry import Step, invariant
from tests.dispatch.random_histories import POLICY


@invariant
def one_request_waits(step: Step) -> bool:
    """The last one, while somebody can decide on it: of work in hand, or of a closed case."""
    state, requests = step.after, _requests(step)
    if [each.number for each in requests] != list(range(1, len(requests) + 1)):
        return False
    pending = [each for each in requests if each.outcome is None]
    if pending not in ([], list(requests[-1:])):
        return False
    return all(
        each.assignment == len(state.assignments)
        and state.status == ("closed" if each.kind == "appeal" else "handling")
        for each in pending
    )


@invariant
def only_a_review_decides(step: Step) -> bool:
    """Whatever else happens, a request waits or lapses."""
    pending = time_limits_of(step.before).pending if step.before else None
    if pending is None or isinstance(step.event, CaseRequestReviewed):
        return True
    now = _requests(step)[pending.number - 1]
    return now.steps == pending.steps and now.outcome in (None, "lapsed")


@invariant
def chain_decides_in_order(step: Step) -> bool:
    """Each duty of the chain once; granted is what all of them approved."""
    return all(
        tuple(taken.duty for taken in each.steps) == each.chain[: len(each.steps)]
        and (each.outcome == "approved")
        == (len(each.steps) == len(each.chain) and all(taken.approved for taken in each.steps))
        for each in _requests(step)
    )


@invariant
def reviewer_decides_once(step: Step) -> bool:
    """Two steps of a chain are two reviewers."""
    reviewers = [[(taken.by.kind, taken.by.id) for taken in each.steps] for each in _requests(step)]
    return all(len(each) == len(set(each)) for each in reviewers)


@invariant
def extension_is_granted_once(step: Step) -> bool:
    """Each for a request of its own."""
    extended = sum(isinstance(each, CaseExtended) for each in (*step.earlier, step.event))
    return extended <= sum(_is_granted(each, "extension") for each in _requests(step))


@invariant
def extensions_are_as_many_as_the_city_grants(step: Step) -> bool:
    """To one assignment."""
    granted = [each.assignment for each in _requests(step) if _is_granted(each, "extension")]
    terms = POLICY.city.clocks.extension
    return terms is not None and all(granted.count(each) <= terms.times for each in granted)


@invariant
def extension_adds_the_original_limit(step: Step) -> bool:
    """To the deadline that ran."""
    event = step.event
    if not isinstance(event, CaseExtended) or step.before is None:
        return True
    limit = step.before.assignments[-1].limits[-1]
    terms = original_limit(step.before, limit, POLICY)
    return (
        event.due_before == limit.due_at and terms is not None and event.due_at == POLICY.deadline(limit.due_at, terms)
    )


@invariant
def extension_comes_before_the_end(step: Step) -> bool:
    """Once overdue it is not extended."""
    return not isinstance(step.event, CaseExtended) or step.event.recorded_at <= step.event.due_before


@invariant
def appeal_is_decided_once(step: Step) -> bool:
    """For each case; one that lapsed was not decided."""
    return sum(each.kind == "appeal" and each.outcome != "lapsed" for each in _requests(step)) <= 1


@invariant
def appeal_keeps_the_fact(step: Step) -> bool:
    """That it was late stands as before; it is exempt by a granted appeal alone."""
    limits = time_limits_of(step.after)
    if limits.exempt and not any(_is_granted(each, "appeal") for each in limits.requests):
        return False
    return (
        not isinstance(step.event, CaseExempted)
        or step.before is None
        or step.before.assignments == step.after.assignments
    )


def _requests(step: Step) -> tuple[LimitRequest, ...]:
    return time_limits_of(step.after).requests


def _is_granted(request: LimitRequest, kind: str) -> bool:
    return (request.kind, request.outcome) == (kind, "approved")
