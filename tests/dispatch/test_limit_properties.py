"""Properties of time limits: any sequence of requests, decisions, limits set by hand and deeds, in order of time."""

from hypothesis import given
from hypothesis import strategies as st

from paidan_contracts.actions import Action, CallBack, Inspect, Redispatch
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.state import CaseState
from paidan_contracts.time_limit_actions import (
    Appeal,
    AskExtension,
    AskSuspension,
    FinishStep,
    PlanStep,
    Resume,
    Review,
    SetLimit,
)
from paidan_dispatch.cases.decide import Progressed, decide, expire_timer
from paidan_dispatch.cases.limit_requests import time_limits_of
from paidan_dispatch.cases.timers import running_timers
from tests.dispatch.builders import (
    USUAL_ACTORS,
    ActionContext,
    at_minute,
    build_report,
    build_request,
    opened_case,
    timer_due,
)
from tests.dispatch.limit_invariants import assert_limits_are_legal
from tests.dispatch.random_histories import POLICY
from tests.dispatch.test_case_properties import assert_follows

DAY = 1440
APPROVED, DONE = Review(approved=True), (Finish(), Inspect(passed=True))
EPISODES: tuple[tuple[Action, ...], ...] = (
    (AskExtension(reason="x"), APPROVED, APPROVED),
    (AskExtension(reason="x"), APPROVED, APPROVED),
    (AskExtension(reason="x"), APPROVED, Review(approved=False, reason="x")),
    (AskSuspension(reason="x", resume_at=at_minute(3 * DAY)), APPROVED),
    (AskSuspension(reason="x", resume_at=at_minute(30 * DAY)), APPROVED, Resume()),
    (AskSuspension(reason="x", resume_at=at_minute(30 * DAY)), Review(approved=False, reason="x")),
    (SetLimit(due_at=at_minute(DAY), reason="x"),),
    (SetLimit(due_at=at_minute(20 * DAY), reason="x"),),
    (PlanStep(due_at=at_minute(300), text="x"), PlanStep(due_at=at_minute(10 * DAY), text="x")),
    (FinishStep(step=1),),
    (FinishStep(step=2),),
    (*DONE, Appeal(reason="x"), APPROVED, APPROVED, CallBack(rating="dissatisfied")),
    (*DONE, Appeal(reason="x"), APPROVED, Review(approved=False, reason="x"), Appeal(reason="x"), APPROVED, APPROVED),
    (Finish(), Inspect(passed=False, reason="x")),
    (Redispatch(department="south", reason="x"), Accept()),
    (Return(code="other", reason="x"), Accept()),
)
pauses = st.sampled_from([0, 0, 1, 1, 5, 60, 240, DAY])
operators = st.sampled_from(["operator:olga", "operator:oscar", "operator:olga", None])
steps_of_episodes = st.lists(st.sampled_from(EPISODES), min_size=1, max_size=5).flatmap(
    lambda episodes: st.tuples(
        *(st.tuples(pauses, st.just(action), operators) for episode in episodes for action in episode)
    )
)


def _actor(state: CaseState, action: Action, operator: str | None) -> str | None:
    """Return who acts: mostly whoever may, of two operators; without one somebody who may not."""
    pending, department = time_limits_of(state).pending, f"department:{state.department}"
    if action.kind == "review" and pending is not None:
        is_departments = pending.chain[len(pending.steps)] == "department_chief"
        return department if is_departments == (operator is not None) else operator or "operator:olga"
    return operator if USUAL_ACTORS.get(action.kind) == "operator:olga" else None


@given(st.sampled_from(["E0110", "C0101", "E0111"]), steps_of_episodes, st.booleans())
def test_limits_stay_legal_in_any_order_of_requests_and_deeds(
    class_code: str, steps: tuple[tuple[float, Action, str | None], ...], timers_are_late: bool
) -> None:
    state, minute = opened_case(build_report(class_code=class_code), policy=POLICY), 0.0
    timers = list(running_timers(state))
    for pause, action, operator in [(0.0, Accept(), None), *steps]:
        minute += pause
        while not timers_are_late and (
            due := [each for each in running_timers(state) if each.due_at <= at_minute(minute)]
        ):
            fired = expire_timer(state, timer_due(min(due, key=lambda each: each.due_at)), POLICY)
            assert isinstance(fired, Progressed)
            assert_follows(state, fired.events)
            state = fired.after
        request = build_request(state, action, ActionContext(minutes=minute, actor=_actor(state, action, operator)))
        result = decide(state, request, POLICY)
        if isinstance(result, Progressed):
            assert_follows(state, result.events)
            state = result.after
            timers += running_timers(state)
    assert_limits_are_legal(state, POLICY)
    due_at: dict[str, object] = {}
    for timer in timers:
        assert due_at.setdefault(timer.id, timer.due_at) == timer.due_at, "no generation is ever used twice"
