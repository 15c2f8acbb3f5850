"""Random histories of one case: actions by their usual actors or others, timers that fire, reports that join."""

from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import strategies as st

from paidan_contracts.actions import (
    Action,
    Amend,
    Assign,
    CallBack,
    File,
    Inspect,
    Redispatch,
    Reply,
    Urge,
    Verify,
    Void,
)
from paidan_contracts.construction_actions import PlanConstruction, StrikeOff
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.escalation_actions import EndEscalation, Escalate
from paidan_contracts.record_actions import AddNote, Correct
from paidan_contracts.reports import ImportedHistory
from paidan_contracts.settlement_actions import Settle
from paidan_contracts.state import CaseState
from paidan_contracts.time_limit_actions import Appeal
from paidan_contracts.unit_actions import Confirm, HandOn
from paidan_contracts.verification_actions import AssignVerification, CannotVerify
from paidan_dispatch.cases.decide import Ignored, Progressed, Refused, decide, expire_timer
from paidan_dispatch.cases.guards import ActionEvidence, ProofPhoto
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.reports import Opened, receive_report
from paidan_dispatch.cases.timers import Timer
from paidan_dispatch.matching.match import CandidateIndex, candidate_of
from tests.dispatch.builders import USUAL_ACTORS, ActionContext, at_minute, build_report, build_request, timer_due
from tests.dispatch.emergency_cases import SNOW
from tests.dispatch.sample_pack import LADDER, ROUTING, pack_document
from tests.dispatch.units import policy_with_units
from tests.dispatch.verified_cases import PATROLS, VERIFICATION

POLICY = policy_with_units(
    routing=[
        {"id": "together", "classes": ["E01*"], "lead": "district:street", "helpers": ["roads", "water", "north"]},
        *ROUTING,
    ],
    clocks=pack_document()["clocks"] | {"warn_at": 0.5},
    escalation=LADDER,
    posts=PATROLS,
    verification=VERIFICATION,
    emergencies=[SNOW],
)
PERSON = "10000000-0000-4000-8000-000000000001"
PHOTO = "a" * 64 + ".jpg"

actions = st.sampled_from(
    [
        Accept(),
        Accept(),
        Finish(proof=(PHOTO,), latitude=36.65, longitude=117.0),
        Finish(),
        Inspect(passed=True),
        Inspect(passed=True, proof=(PHOTO,)),
        Inspect(passed=False, reason="x"),
        Inspect(passed=False),
        CallBack(rating="dissatisfied"),
        CallBack(rating="satisfied"),
        CallBack(rating="dissatisfied", reasonable=False),
        CallBack(rating="no_answer", report_id=build_report("twin 1").report_id),
        CallBack(rating="basically_satisfied", report_id=build_report("twin 2", source="app").report_id),
        Amend(reason="x", promised_by=at_minute(200), text="amended"),
        Amend(reason="x", row_id="E0111-1", closed_at=at_minute(100)),
        Amend(reason="x", occurred_at=at_minute(-60)),
        Reply(text="x"),
        Verify(verified=True),
        Verify(verified=False, reason="no"),
        File(row_id="E0110-2"),
        File(row_id="E0111-1"),
        Assign(department="water", reason="x"),
        Redispatch(department="south", reason="x"),
        Return(code="other", reason="x"),
        Void(reason="x"),
        Urge(),
        Correct(reason="x", latitude=36.01, longitude=117.01, district="2", row_id="E0111-1", text="corrected"),
        Correct(reason="x", class_code="E0602"),
        Correct(reason="x", complained_of="roads", department="water", address="the corner"),
        AddNote(text="n" * 501, visible_to="department"),
        HandOn(unit="north-squad"),
        HandOn(unit="north-squad"),
        HandOn(unit="north-cleaners", due_at=at_minute(30)),
        HandOn(unit="north", person=PERSON),
        Finish(unit="north-squad", text="by the squad"),
        Confirm(confirmed=True),
        Confirm(confirmed=False, reason="x"),
        Appeal(),
        Escalate(reason="x"),
        Escalate(level="supervised", reason="x"),
        EndEscalation(reason="x"),
        EndEscalation(level="leader", reason="x"),
        PlanConstruction(due_at=at_minute(400), reason="x"),
        PlanConstruction(due_at=at_minute(99_998), reason="x"),
        StrikeOff(proof=(PHOTO,)),
        Settle(proof=(PHOTO,)),
        Settle(text="swept"),
        AssignVerification(),
        AssignVerification(post="volunteer"),
        CannotVerify(reason="x"),
        CannotVerify(reason="x", proof=(PHOTO,)),
        Verify(verified=True, proof=(PHOTO,)),
    ]
)
actors = st.sampled_from(
    [None] * 6
    + ["department:south", "department:roads", "department:water", "operator:olga", "importer:records"]
    + ["department:north-squad"] * 2
    + ["department:north-cleaners", "department:north"]
)
# Nearly always in order of time, around the edges of the half hour and of the four working hours.
minutes = st.sampled_from([0, 1, 29, 30, 31, 359, 360, 361, 1500, 99_999])
reports = st.builds(
    build_report,
    source=st.sampled_from(["hotline", "hotline", "app"]),
    class_code=st.sampled_from(["E0110", "E0110", "C0101", "E0505", "E9999", None]),
    row_id=st.sampled_from([None, "E0110-2", "E9999-1"]),
    past=st.sampled_from([None, None, None, ImportedHistory(owner="water"), ImportedHistory(verified=False)]),
    minutes=st.sampled_from([0, 0, 99_999]),
    complained_of=st.sampled_from([None, None, None, None, "north", "north-squad"]),
    promised_by=st.sampled_from([None, None, None, at_minute(200)]),
)
LATEST = at_minute(100_000)
Result: TypeAlias = Progressed | Refused | Ignored


@dataclass(frozen=True)
class ActionStep:
    """An action by its usual actor, or by another."""

    action: Action
    minute: float
    actor: str | None
    is_stored: bool = True
    """The photo that it names was stored for the case, by its actor, just before."""

    def apply(self, state: CaseState, _: list[Timer], policy: CityPolicy = POLICY) -> Result:
        usual = USUAL_ACTORS.get(self.action.kind) or f"department:{state.department or 'north'}"
        actor = self.actor or usual
        photo = ProofPhoto(PHOTO, state.case_id, actor, LATEST)
        evidence = ActionEvidence([photo] if self.is_stored else [])
        request = build_request(state, self.action, ActionContext(minutes=self.minute, actor=actor))
        return decide(state, request, policy, evidence)


@dataclass(frozen=True)
class TimerStep:
    """A timer that was set before fires, perhaps a cancelled one."""

    which: int

    def apply(self, state: CaseState, timers: list[Timer], policy: CityPolicy = POLICY) -> Result:
        return (
            expire_timer(state, timer_due(timers[self.which % len(timers)]), policy)
            if timers
            else Ignored("none was ever set")
        )


@dataclass(frozen=True)
class MergeStep:
    """Another report of the same thing, perhaps confidential, perhaps of somebody who is to be called."""

    minute: float
    number: int = 1
    source: str = "hotline"
    confidential: bool = False
    wants_callback: bool = True

    def apply(self, state: CaseState, _: list[Timer], policy: CityPolicy = POLICY) -> Result:
        row = candidate_of(state, POLICY.match_rules)
        past = ImportedHistory(matched_within="x") if state.past else None
        twin = build_report(
            f"twin {self.number}",
            minutes=self.minute,
            class_code=state.class_code,
            past=past,
            source=self.source,
            text="t" * 501,
            confidential=self.confidential,
            wants_callback=self.wants_callback,
        )
        result = receive_report(
            twin, nearby=CandidateIndex([row] if row else []), state_of=lambda _: state, policy=policy
        )
        return Ignored("it opened another case") if isinstance(result, Opened) else result


RandomStep: TypeAlias = ActionStep | TimerStep | MergeStep
random_steps: st.SearchStrategy[RandomStep] = (
    st.builds(ActionStep, actions, minutes, actors, st.sampled_from([True, True, True, False]))
    | st.builds(TimerStep, st.integers(0, 9))
    | st.builds(
        MergeStep,
        minutes,
        st.integers(1, 3),
        st.sampled_from(["hotline", "app", "camera"]),
        st.booleans(),
        st.booleans(),
    )
)
random_histories: st.SearchStrategy[list[RandomStep]] = st.lists(random_steps, max_size=14)
