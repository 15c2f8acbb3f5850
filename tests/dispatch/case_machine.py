"""A state machine of one case: hypothesis opens it, and lets actions, timers and reports come in any order."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import ClassVar, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from paidan_contracts.actions import Action, Assign, CallBack, File, Inspect, Redispatch, Verify, Void
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.escalation_actions import EndEscalation, Escalate
from paidan_contracts.record_actions import Correct
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState, Status
from paidan_contracts.unit_actions import Confirm, HandOn
from paidan_dispatch.cases import orders
from paidan_dispatch.cases.decide import Progressed
from paidan_dispatch.cases.reports import Opened, receive_report
from paidan_dispatch.cases.timers import Timer, running_timers
from paidan_dispatch.matching.match import CandidateIndex
from tests.dispatch.invariants.registry import INVARIANTS, Step, broken
from tests.dispatch.random_histories import (
    PHOTO,
    POLICY,
    ActionStep,
    RandomStep,
    TimerStep,
    minutes,
    random_steps,
    reports,
)

NEXT_ACTIONS: Final[Mapping[Status, Action]] = MappingProxyType(
    {
        "received": Verify(verified=True),
        "filed": Assign(department="south", reason="x"),
        "dispatched": Accept(),
        "handling": Finish(proof=(PHOTO,)),
        "inspecting": Inspect(passed=True),
        "closed": CallBack(rating="dissatisfied"),
        "voided": Assign(department="south", reason="x"),
        "not_accepted": Assign(department="south", reason="x"),
    }
)
"""What brings a case from each status to the next, and what nobody may do with a case that has ended."""
ENDED_STATUSES: Final = frozenset({"voided", "not_accepted"})
MAX_STEPS_AFTER_THE_END: Final = 3
STEPS_BEFORE_THE_END: Final = 6
"""Before these, only a random action ends a case: a search that ends most of them at once comes to little else."""


help_actions: st.SearchStrategy[Action] = st.sampled_from([Accept(), Finish(proof=(PHOTO,))])
unit_actions: st.SearchStrategy[Action] = st.sampled_from(
    [
        HandOn(unit="north-squad"),
        Finish(unit="north-squad", proof=(PHOTO,)),
        Confirm(confirmed=True),
        Confirm(confirmed=False, reason="x"),
    ]
)
detours: st.SearchStrategy[Action] = st.sampled_from(
    [
        Return(code="other", reason="x"),
        File(row_id="E0110-2"),
        File(row_id="E0111-1"),
        Inspect(passed=False, reason="x"),
    ]
)
supervisory_actions: st.SearchStrategy[Action] = st.sampled_from(
    [
        Escalate(reason="x"),
        EndEscalation(reason="x"),
        Correct(reason="x", row_id="E0111-1"),
        Correct(reason="x", class_code="E0110"),
    ]
)


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
        self.steps = 0
        self.steps_after_the_end = 0

    @property
    def is_live(self) -> bool:
        """Whether something may still happen to the case; what comes after its end is tried a few times alone."""
        return self.steps_after_the_end < MAX_STEPS_AFTER_THE_END

    @initialize(report=reports)
    def open(self, report: ReportReceived) -> None:
        """Open the case."""
        opening = receive_report(
            report, nearby=CandidateIndex(), state_of=lambda _: pytest.fail("there is none"), policy=POLICY
        )
        assert isinstance(opening, Opened)
        self._follow(opening.events)

    @while_live
    @rule(step=random_steps)
    def act(self, step: RandomStep) -> None:
        """Let an action, a timer or another report come."""
        assert self.state is not None
        self.steps += 1
        self.steps_after_the_end += self.state.status in ENDED_STATUSES
        result = step.apply(self.state, self.timers)
        if isinstance(result, Progressed):
            self._follow(result.events)

    @while_live
    @rule(minute=minutes, actor=st.none() | st.sampled_from(["inspector:north", "inspector:roads"]))
    def advance(self, minute: float, actor: str | None) -> None:
        """Let whoever's turn it is act: few random histories would come as far as a case that is closed."""
        assert self.state is not None
        action = NEXT_ACTIONS.get(self.state.status)
        if action is not None:
            self.act(ActionStep(action, minute, actor))

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
    @rule(which=st.integers(0, 9))
    def fire(self, which: int) -> None:
        """Let a timer fire, perhaps of a clock that no longer runs."""
        self.act(TimerStep(which))

    @while_live
    @rule(minute=minutes, action=detours)
    def divert(self, minute: float, action: Action) -> None:
        """Let the department give its order back, an operator file the case otherwise, or the inspection fail."""
        self.act(ActionStep(action, minute, None))

    @while_live
    @rule(minute=minutes, action=unit_actions)
    def act_inside(self, minute: float, action: Action) -> None:
        """Let the department hand its order on, and deal with what its unit did."""
        self.act(ActionStep(action, minute, None))

    @while_live
    @rule(minute=minutes, action=supervisory_actions)
    def supervise(self, minute: float, action: Action) -> None:
        """Let an operator raise the case, end that, or correct its record."""
        self.act(ActionStep(action, minute, None))

    @precondition(lambda self: self.is_live and self.steps >= STEPS_BEFORE_THE_END)
    @rule(minute=minutes)
    def end(self, minute: float) -> None:
        """Let an operator void the case."""
        self.act(ActionStep(Void(reason="x"), minute, None))

    @precondition(lambda self: not self.is_live)
    @rule()
    def rest(self) -> None:
        """Let nothing happen any more."""

    def _follow(self, events: tuple[CaseEvent, ...]) -> None:
        said = orders.order_events(self.state, events, POLICY)
        for event in events:
            step = Step(self.state, event, said if event is events[-1] else (), self.timers)
            if names := broken(step, self.names):
                raise InvariantBroken(f"{', '.join(names)}: after {type(event).__name__}")
            self.state = event.state
        assert self.state is not None
        self.timers = list(dict.fromkeys((*self.timers, *running_timers(self.state))))


def run_machine(names: Collection[str], run_settings: settings) -> None:
    """Run the machine with these invariants. Raises ``InvariantBroken`` where one is broken."""
    machine = type("CaseMachine", (CaseMachine,), {"names": names})
    run_state_machine_as_test(machine, settings=run_settings)
