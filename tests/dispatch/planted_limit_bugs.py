"""A bug for each invariant of time limits, of requests about them, and of those who decide."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

import pytest

from paidan_contracts.actions import Inspect, SupportedAction
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.city.pack_types import TimeLimit
from paidan_contracts.outcomes import Refusal
from paidan_contracts.time_limit_actions import FinishStep, Review, SetLimit
from paidan_contracts.time_limit_events import CaseExtended
from paidan_contracts.time_limits import TimeLimits
from paidan_contracts.unvalidated import replace_unvalidated
from paidan_dispatch.cases import case_state, decide, inner_limits
from paidan_dispatch.cases import limit_requests as cases_limit_requests
from paidan_dispatch.cases.transition_table import TRANSITIONS
from paidan_dispatch.cases.transitions import (
    limit_requests,
    suspension,
)
from tests.dispatch.planting import Changes, Plant, last_assignment, last_limit, wrong_function, wrong_state


def limits_of(changes: Callable[[TimeLimits], Mapping[str, Any]]) -> Changes:
    """Return that what a case holds of time limits has other fields, where it holds any."""
    return lambda state: (
        {"time_limits": replace_unvalidated(state.time_limits, **changes(state.time_limits))}
        if state.time_limits
        else {}
    )


def while_suspended(changes: Changes) -> Changes:
    """Return these changes of a suspended case alone."""
    return lambda state: changes(state) if state.status == "suspended" else {}


def done_steps_in_time(limits: TimeLimits) -> Mapping[str, Any]:
    """Return that no step of a plan was done too late."""
    return {"plan": tuple(replace_unvalidated(each, overdue_at=None) for each in limits.plan)}


def granting_what_lapsed(replace: Callable[..., TimeLimits]) -> Callable[..., TimeLimits]:
    """Return a ``replace_last_request`` that takes what lapsed for granted."""
    return lambda limits, request: replace(
        limits, replace_unvalidated(request, outcome="approved") if request.outcome == "lapsed" else request
    )


def twice(kind: type[SupportedAction], event: type[CaseEvent]) -> Plant:
    """Return a bug: what follows from this kind of action happens twice."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        def apply(*arguments: Any) -> Any:  # noqa: ANN401 - of a transition
            result = TRANSITIONS[kind](*arguments)
            return (
                result if isinstance(result, Refusal) else [*result, *(each for each in result if type(each) is event)]
            )

        monkeypatch.setattr(decide, "TRANSITIONS", {**TRANSITIONS, kind: apply})

    return plant


def nothing_refused(name: str) -> Plant:
    """Return a bug: a check of requests about time limits finds nothing to refuse."""
    return wrong_function(limit_requests, name, lambda _: lambda *_arguments: None)


LIMIT_BUGS: Final[Mapping[str, Plant]] = MappingProxyType(
    {
        "suspended_clock_stands": wrong_state(
            Review, while_suspended(last_limit(lambda limit: {"due_at": limit.began_at, "overdue_at": None}))
        ),
        "suspension_has_its_date": wrong_state(Review, while_suspended(limits_of(lambda _: {"suspension": None}))),
        "resumption_gives_what_was_left": wrong_function(
            suspension,
            "_end_of",
            lambda end_of: lambda left_s, *rest, **unit: end_of(left_s + 60, *rest, **unit),
        ),
        "rework_keeps_the_deadline": wrong_state(
            Inspect, last_limit(lambda limit: {"due_at": limit.due_at and limit.due_at + timedelta(hours=1)})
        ),
        "overdue_stays_a_fact": wrong_state(SetLimit, last_assignment(overdue_at=None)),
        "hand_set_limit_gives_its_reason": wrong_state(SetLimit, limits_of(lambda _: {"set_because": None})),
        "unit_limit_ends_first": wrong_function(case_state, "fit_inner_limits", lambda _: lambda state, *_rest: state),
        "plan_ends_within_the_limit": wrong_function(inner_limits, "_ends_beyond", lambda _: lambda *_arguments: False),
        "plan_steps_are_judged_by_the_deed": wrong_state(FinishStep, limits_of(done_steps_in_time)),
        "promise_ends_with_the_case": wrong_function(
            cases_limit_requests, "_promise_ended", lambda _: lambda _state, limits, _at: limits
        ),
        "one_request_waits": nothing_refused("_common_refusal"),
        "only_a_review_decides": wrong_function(cases_limit_requests, "replace_last_request", granting_what_lapsed),
        "chain_decides_in_order": wrong_function(
            limit_requests, "_new_step", lambda new: lambda **fields: new(**{**fields, "duty": "volunteer"})
        ),
        "reviewer_decides_once": wrong_function(limit_requests, "has_decided", lambda _: lambda *_arguments: False),
        "extension_is_granted_once": twice(Review, CaseExtended),
        "extensions_are_as_many_as_the_city_grants": nothing_refused("_extended_too_often"),
        "extension_adds_the_original_limit": wrong_function(
            limit_requests, "original_limit", lambda _: lambda *_arguments: TimeLimit(amount=1, unit="urgent_minute")
        ),
        "extension_comes_before_the_end": nothing_refused("_not_grantable"),
        "appeal_is_decided_once": nothing_refused("_appealed_before"),
        "appeal_keeps_the_fact": wrong_state(
            Review,
            lambda state: (
                last_assignment(overdue_at=None)(state) if state.time_limits and state.time_limits.exempt else {}
            ),
        ),
    }
)
"""By the name of the invariant that it breaks."""
