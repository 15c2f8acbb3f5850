"""A state machine of one case: hypothesis opens it, and lets actions, timers and reports come in any order."""

from collections.abc import Collection

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from paidan_contracts.actions import Action, Redispatch
from paidan_contracts.construction_actions import PlanConstruction, StrikeOff
from paidan_contracts.emergencies import EmergencyDeclaration
from tests.dispatch.builders import at_minute
from tests.dispatch.case_steps import while_live
from tests.dispatch.emergency_cases import SNOWFALLS, reclocked, reclocked_acceptance
from tests.dispatch.limit_rules import LimitRules
from tests.dispatch.machine_actions import (
    help_actions,
    pauses,
    supervisory_actions,
    unit_actions,
    verifying_actions,
)
from tests.dispatch.random_histories import (
    ActionStep,
    minutes,
)


class CaseMachine(LimitRules):
    """One case, and all that may come to it."""

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
        self.bring_to("handling", pause)
        self.act(ActionStep(action, self.latest_minute(), None))

    @while_live
    @rule(minute=minutes, action=supervisory_actions)
    def supervise(self, minute: float, action: Action) -> None:
        """Let an operator raise the case, end that, or correct its record."""
        self.act(ActionStep(action, minute, None))

    @while_live
    @rule(minute=minutes, action=verifying_actions)
    def verify(self, minute: float, action: Action) -> None:
        """Let the verification be given to a patrol, and be answered."""
        self.act(ActionStep(action, minute, None))

    @while_live
    @rule(minute=minutes, due=st.sampled_from([400, 99_998]))
    def plan(self, minute: float, due: float) -> None:
        """Let an operator put the case into the construction plan, or give it another date there."""
        self.act(ActionStep(PlanConstruction(due_at=at_minute(due), reason="x"), minute, None))

    @while_live
    @rule(minute=minutes)
    def build(self, minute: float) -> None:
        """Let an operator strike the case off as built."""
        self.act(ActionStep(StrikeOff(text="built"), minute, None))

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
        for change in (reclocked_acceptance, reclocked):
            event = change(self.state, snowfall, self.policy, minutes=minute, restores=restores)
            if event is not None:
                self.follow((event,))


def run_machine(names: Collection[str], run_settings: settings) -> None:
    """Run the machine with these invariants. Raises ``InvariantBroken`` where one is broken."""
    machine = type("CaseMachine", (CaseMachine,), {"names": names})
    run_state_machine_as_test(machine, settings=run_settings)
