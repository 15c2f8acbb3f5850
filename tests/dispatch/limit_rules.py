"""What the search lets people do with the time limits of a case."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from paidan_contracts.actions import Action
from paidan_contracts.time_limit_actions import (
    Appeal,
    FinishStep,
    PlanStep,
    Review,
    SetLimit,
)
from paidan_contracts.unit_actions import HandOn
from paidan_dispatch.cases.limit_requests import time_limits_of
from paidan_dispatch.cases.timers import running_timers
from tests.dispatch.builders import at_minute
from tests.dispatch.case_steps import CaseSteps, while_live
from tests.dispatch.machine_actions import (
    decisions,
    limit_actions,
    limit_requests,
    operators,
    pauses,
)
from tests.dispatch.random_histories import (
    ActionStep,
    TimerStep,
)


class LimitRules(CaseSteps):
    """Requests and decisions about limits, limits and plans set by hand, and timers in their order."""

    @while_live
    @rule(
        pause=pauses,
        action=limit_requests,
        decisions=decisions,
        times=st.sampled_from([1, 1, 1, 3]),
        delay=st.sampled_from([0, 0, 0, 1440]),
    )
    def request(
        self, pause: int, action: Action, decisions: tuple[tuple[bool, str], ...], times: int, delay: int
    ) -> None:
        """Let the department ask for time, or appeal, perhaps over and over, and some of those decide who may."""
        self.bring_to("closed" if isinstance(action, Appeal) else "handling", pause)
        for _ in range(times):
            self.act(ActionStep(action, self.latest_minute(), None))
            for is_approved, operator in decisions:
                self.review(delay, is_approved, operator)

    @while_live
    @rule(pause=pauses, is_approved=st.booleans(), operator=operators)
    def review(self, pause: int, is_approved: bool, operator: str) -> None:
        """Let somebody decide on what waits: the department, or an operator, whose duty each may be."""
        pending = time_limits_of(self.state).pending if self.state is not None else None
        is_departments = pending is not None and pending.chain[len(pending.steps)] == "department_chief"
        action = Review(approved=is_approved, reason="x")
        actor = f"department:{self.state.department}" if is_departments and self.state is not None else operator
        self.act(ActionStep(action, self.latest_minute() + pause, actor))

    @while_live
    @rule(pause=pauses, actions=st.lists(limit_actions, min_size=1, max_size=3))
    def set_limits(self, pause: int, actions: list[Action]) -> None:
        """Let an operator set limits or a plan, its steps be done, or the work go on."""
        for action in actions:
            self.act(ActionStep(action, self.latest_minute() + pause, None))

    @while_live
    @rule(pause=pauses, delay=pauses)
    def shorten(self, pause: int, delay: int) -> None:
        """Let work that is handed on and planned get a limit that ends before both; its last step is done by then."""
        self.bring_to("handling", pause)
        begun, plan = self.latest_minute(), time_limits_of(self.state).plan if self.state is not None else ()
        planned = PlanStep(due_at=at_minute(begun + 60), text="x")
        limit = SetLimit(due_at=at_minute(begun + 30), reason="x")
        for action in (HandOn(unit="north-squad"), planned, limit):
            self.act(ActionStep(action, begun, None))
        self.act(ActionStep(FinishStep(step=len(plan) + 1), begun + delay, None))

    @while_live
    @rule()
    def expire(self) -> None:
        """Let the timer fire that is due first."""
        assert self.state is not None
        running = sorted(running_timers(self.state), key=lambda each: each.due_at)
        if running:
            self.act(TimerStep(0), running[:1])
