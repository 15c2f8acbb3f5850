"""A state machine of one case: hypothesis opens it, and lets actions, timers and reports come in any order."""

from collections.abc import Collection
from typing import ClassVar, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from paidan_contracts.actions import Action, Inspect, Redispatch, Void
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.construction_actions import PlanConstruction, StrikeOff
from paidan_contracts.emergencies import EmergencyDeclaration
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState, Status
from paidan_contracts.time_limit_actions import (
    Appeal,
    FinishStep,
    PlanStep,
    Review,
    SetLimit,
)
from paidan_contracts.unit_actions import HandOn
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.decide import Progressed
from paidan_dispatch.cases.limit_requests import time_limits_of
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.reports import Opened, receive_report
from paidan_dispatch.cases.timers import Timer, running_timers
from paidan_dispatch.matching.match import CandidateIndex
from tests.dispatch.builders import START_TIME, at_minute
from tests.dispatch.emergency_cases import SNOWFALLS, reclocked, under
from tests.dispatch.invariants.registry import INVARIANTS, Step, broken
from tests.dispatch.machine_actions import (
    NEXT_ACTIONS,
    decisions,
    help_actions,
    limit_actions,
    limit_requests,
    operators,
    pauses,
    supervisory_actions,
    unit_actions,
    verifying_actions,
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


class CaseMachine(RuleBasedStateMachine):
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
        self._follow(opening.events)

    @while_live
    @rule(step=random_steps)
    def act(self, step: RandomStep, timers: list[Timer] | None = None) -> None:
        """Let an action, a timer (of these, or of all that ever ran) or another report come."""
        assert self.state is not None
        self.steps += 1
        self.steps_after_the_end += self.state.status in ENDED_STATUSES
        result = step.apply(self.state, self.timers if timers is None else timers, self.policy)
        if isinstance(result, Progressed):
            self._follow(result.events)

    @while_live
    @rule(pause=pauses, actor=st.none() | st.sampled_from(["inspector:north", "inspector:roads"]))
    def advance(self, pause: int, actor: str | None) -> None:
        """Let whoever's turn it is act: few random histories would come as far as a case that is closed."""
        assert self.state is not None
        action = NEXT_ACTIONS.get(self.state.status)
        if action is not None:
            self.act(ActionStep(action, self._latest() + pause, actor))

    @while_live
    @rule(pause=pauses)
    def rework(self, pause: int) -> None:
        """Let an inspection fail."""
        self._bring_to("inspecting", pause)
        self.act(ActionStep(Inspect(passed=False, reason="x"), self._latest(), None))

    @while_live
    @rule(
        minute=minutes,
        department=st.sampled_from(["roads", "water"]),
        action=help_actions,
    )
    def help(self, minute: float, department: str, action: Action) -> None:
        """Let a department act that the sample city's rules name as a helper."""
        self.act(ActionStep(action, minute, f"department:{department}"))

    @while_live
    @rule(minute=minutes, department=st.sampled_from(["south", "water"]))
    def move(self, minute: float, department: str) -> None:
        """Let an operator give the case to another department."""
        self.act(ActionStep(Redispatch(department=department, reason="x"), minute, None))

    @while_live
    @rule(pause=pauses, action=unit_actions)
    def act_inside(self, pause: int, action: Action) -> None:
        """Let the department hand its order on, and deal with what its unit did."""
        self._bring_to("handling", pause)
        self.act(ActionStep(action, self._latest(), None))

    @while_live
    @rule(minute=minutes, action=supervisory_actions)
    def supervise(self, minute: float, action: Action) -> None:
        """Let an operator raise the case, end that, or correct its record."""
        self.act(ActionStep(action, minute, None))

    @rule(minute=minutes, action=verifying_actions)
    def verify(self, minute: float, action: Action) -> None:
        """Let the verification be given to a patrol, and be answered."""
        self.act(ActionStep(action, minute, None))

    @rule(minute=minutes, due=st.sampled_from([400, 99_998]))
    def plan(self, minute: float, due: float) -> None:
        """Let an operator put the case into the construction plan, or give it another date there."""
        self.act(ActionStep(PlanConstruction(due_at=at_minute(due), reason="x"), minute, None))

    @rule(minute=minutes)
    def build(self, minute: float) -> None:
        """Let an operator strike the case off as built."""
        self.act(ActionStep(StrikeOff(text="built"), minute, None))

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
        self._bring_to("closed" if isinstance(action, Appeal) else "handling", pause)
        for _ in range(times):
            self.act(ActionStep(action, self._latest(), None))
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
        self.act(ActionStep(action, self._latest() + pause, actor))

    @while_live
    @rule(pause=pauses, actions=st.lists(limit_actions, min_size=1, max_size=3))
    def set_limits(self, pause: int, actions: list[Action]) -> None:
        """Let an operator set limits or a plan, its steps be done, or the work go on."""
        for action in actions:
            self.act(ActionStep(action, self._latest() + pause, None))

    @while_live
    @rule(pause=pauses, delay=pauses)
    def shorten(self, pause: int, delay: int) -> None:
        """Let work that is handed on and planned get a limit that ends before both; its last step is done by then."""
        self._bring_to("handling", pause)
        begun, plan = self._latest(), time_limits_of(self.state).plan if self.state is not None else ()
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

    @while_live
    @rule(minute=st.sampled_from([0, 1, 29, 31]), snowfall=st.sampled_from(SNOWFALLS))
    def declare(self, minute: float, snowfall: EmergencyDeclaration) -> None:
        """Let snow fall, and the portion come that has this case; perhaps again."""
        if snowfall not in self.emergencies:
            self.emergencies = (*self.emergencies, snowfall)
        self._set_anew(snowfall, minute)

    @while_live
    @rule(minute=minutes, snowfall=st.sampled_from(SNOWFALLS))
    def thaw(self, minute: float, snowfall: EmergencyDeclaration) -> None:
        """Let it end, and the portion come that gives back the case's former limit."""
        self.emergencies = tuple(each for each in self.emergencies if each != snowfall)
        self._set_anew(snowfall, minute, restores=True)

    def _set_anew(self, snowfall: EmergencyDeclaration, minute: float, *, restores: bool = False) -> None:
        assert self.state is not None
        event = reclocked(self.state, snowfall, self.policy, minutes=minute, restores=restores)
        if event is not None:
            self._follow((event,))

    @precondition(lambda self: self.is_live and self.steps >= STEPS_BEFORE_THE_END)
    @rule(minute=minutes)
    def end(self, minute: float) -> None:
        """Let an operator void the case."""
        self.act(ActionStep(Void(reason="x"), minute, None))

    @precondition(lambda self: not self.is_live)
    @rule()
    def rest(self) -> None:
        """Let nothing happen any more."""

    def _latest(self) -> float:
        return max((each.recorded_at - START_TIME).total_seconds() for each in self.events) / 60

    def _bring_to(self, status: Status, pause: int) -> None:
        """Let those whose turn it is act until the case has this status, or does not come any further."""
        for _ in NEXT_ACTIONS:
            if self.state is not None and self.state.status != status:
                self.advance(pause, None)

    def _follow(self, events: tuple[CaseEvent, ...]) -> None:
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


def run_machine(names: Collection[str], run_settings: settings) -> None:
    """Run the machine with these invariants. Raises ``InvariantBroken`` where one is broken."""
    machine = type("CaseMachine", (CaseMachine,), {"names": names})
    run_state_machine_as_test(machine, settings=run_settings)
