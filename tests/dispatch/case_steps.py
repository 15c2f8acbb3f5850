"""One case under a search: its steps from the report that opens it, each checked against the named invariants."""

from collections.abc import Collection
from typing import ClassVar, Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from paidan_contracts.actions import Inspect, Void
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.emergencies import EmergencyDeclaration
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState, Status
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.decide import Progressed
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.reports import Opened, receive_report
from paidan_dispatch.cases.timers import Timer, running_timers
from paidan_dispatch.matching.match import CandidateIndex
from tests.dispatch.builders import START_TIME
from tests.dispatch.emergency_cases import SNOWFALLS, under
from tests.dispatch.invariants.registry import INVARIANTS, Step, broken
from tests.dispatch.machine_actions import (
    NEXT_ACTIONS,
    pauses,
)
from tests.dispatch.random_histories import (
    POLICY,
    ActionStep,
    RandomStep,
    TimerStep,
    minutes,
    random_steps,
    reports,
)

ENDED_STATUSES: Final = frozenset({"voided", "not_accepted"})
MAX_STEPS_AFTER_THE_END: Final = 3
STEPS_BEFORE_THE_END: Final = 6
"""Before these, only a random action ends a case: a search that ends most of them at once comes to little else."""
while_live: Final = precondition(lambda machine: machine.is_live)


class InvariantBroken(AssertionError):
    """A step broke these invariants."""


class CaseSteps(RuleBasedStateMachine):
    """One case, from the report that opens it on."""

    names: ClassVar[Collection[str]] = INVARIANTS.keys()
    """The invariants that are checked after each step."""

    def __init__(self) -> None:
        super().__init__()
        self.state: CaseState | None = None
        self.timers: list[Timer] = []
        self.events: list[CaseEvent] = []
        self.emergencies: tuple[EmergencyDeclaration, ...] = ()
        self.steps = 0
        self.steps_after_the_end = 0

    @property
    def is_live(self) -> bool:
        """Whether something may still happen to the case; what comes after its end is tried a few times alone."""
        return self.steps_after_the_end < MAX_STEPS_AFTER_THE_END

    @property
    def policy(self) -> CityPolicy:
        """The city's policy, with what is in force."""
        return under(*self.emergencies, policy=POLICY)

    @initialize(report=reports, declares=st.booleans())
    def open(self, report: ReportReceived, declares: bool) -> None:
        """Open the case, perhaps while it snows."""
        if declares:
            self.emergencies = (SNOWFALLS[0],)
        opening = receive_report(
            report, nearby=CandidateIndex(), state_of=lambda _: pytest.fail("there is none"), policy=self.policy
        )
        assert isinstance(opening, Opened)
        self.follow(opening.events)

    @while_live
    @rule(step=random_steps)
    def act(self, step: RandomStep, timers: list[Timer] | None = None) -> None:
        """Let an action, a timer (of these, or of all that ever ran) or another report come."""
        assert self.state is not None
        self.steps += 1
        self.steps_after_the_end += self.state.status in ENDED_STATUSES
        result = step.apply(self.state, self.timers if timers is None else timers, self.policy)
        if isinstance(result, Progressed):
            self.follow(result.events)

    @while_live
    @rule(pause=pauses, actor=st.none() | st.sampled_from(["inspector:north", "inspector:roads"]))
    def advance(self, pause: int, actor: str | None) -> None:
        """Let whoever's turn it is act: few random histories would come as far as a case that is closed."""
        assert self.state is not None
        action = NEXT_ACTIONS.get(self.state.status)
        if action is not None:
            self.act(ActionStep(action, self.latest_minute() + pause, actor))

    @while_live
    @rule(pause=pauses)
    def rework(self, pause: int) -> None:
        """Let an inspection fail."""
        self.bring_to("inspecting", pause)
        self.act(ActionStep(Inspect(passed=False, reason="x"), self.latest_minute(), None))

    @while_live
    @rule(which=st.integers(0, 9))
    def fire(self, which: int) -> None:
        """Let a timer fire, perhaps of a clock that no longer runs."""
        self.act(TimerStep(which))

    @precondition(lambda self: self.is_live and self.steps >= STEPS_BEFORE_THE_END)
    @rule(minute=minutes)
    def end(self, minute: float) -> None:
        """Let an operator void the case."""
        self.act(ActionStep(Void(reason="x"), minute, None))

    @precondition(lambda self: not self.is_live)
    @rule()
    def rest(self) -> None:
        """Let nothing happen any more."""

    def latest_minute(self) -> float:
        """Return when the last step was recorded, in minutes since the beginning."""
        return max((each.recorded_at - START_TIME).total_seconds() for each in self.events) / 60

    def bring_to(self, status: Status, pause: int) -> None:
        """Let those whose turn it is act until the case has this status, or does not come any further."""
        for _ in NEXT_ACTIONS:
            if self.state is not None and self.state.status != status:
                self.advance(pause, None)

    def follow(self, events: tuple[CaseEvent, ...]) -> None:
        """Check the invariants after each event; raise ``InvariantBroken``."""
        said = orders.order_events(self.state, events, self.policy)
        for event in events:
            is_last = event is events[-1]
            told = said if is_last else ()
            step = Step(self.state, event, told, self.timers, self.events, is_last, self.emergencies)
            if names := broken(step, self.names):
                raise InvariantBroken(f"{', '.join(names)}: after {type(event).__name__}")
            self.state = event.state
            self.events.append(event)
        assert self.state is not None
        self.timers = list(dict.fromkeys((*self.timers, *running_timers(self.state))))
