"""Builders of reports, actions and cases in a small city, with usual values as defaults, for tests of decisions."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from paidan_contracts import ids
from paidan_contracts.actions import Action, ActionRequested, Actor, Inspect, Verify
from paidan_contracts.cases import CaseOpened, Dispatch
from paidan_contracts.department_actions import Accept, Finish
from paidan_contracts.inbox import TimerDue
from paidan_contracts.reports import ImportedHistory, ReportReceived
from paidan_contracts.settlement_actions import Settle
from paidan_contracts.state import CaseState
from paidan_contracts.verification_actions import CannotVerify
from paidan_dispatch.cases.decide import Ignored, Progressed, Refused, decide, expire_timer
from paidan_dispatch.cases.guards import NO_EVIDENCE, ActionEvidence, ProofPhoto
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.reports import Opened, ReportDecision, receive_report
from paidan_dispatch.cases.timers import Timer
from paidan_dispatch.matching.match import CandidateIndex, compute_index_change
from tests.dispatch.sample_pack import default_policy

START_TIME = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""09:00 in the city, a working day."""
DIGEST = "d" * 64


def build_report(ref: str = "1", *, minutes: float = 0, east_m: float = 0, **overrides: object) -> ReportReceived:
    """Build a report of rubbish: so many minutes after Monday 09:00, so many metres east of the corner."""
    at = START_TIME + timedelta(minutes=minutes)
    source = str(overrides.get("source", "hotline"))
    place = overrides.pop("place", {"latitude": 36.0, "longitude": 117.0 + east_m / 90_000, "district": "1"})
    fields: dict[str, Any] = {
        "report_id": ids.report_id(source, ref),
        "source": source,
        "source_ref": ref,
        "channel": {"app": "photo", "camera": "camera", "records": "import"}.get(source, "hotline"),
        "city": "town",
        "area": "town",
        "city_version": DIGEST,
        "digest": DIGEST,
        "class_code": "E0110",
        "place": place,
        "wants_callback": source in ("hotline", "app"),
        "occurred_at": at,
        "recorded_at": at,
    }
    return ReportReceived.model_validate(fields | overrides)


def imported_report(ref: str = "1", *, past: ImportedHistory, minutes: float = 0) -> ReportReceived:
    """Build the report of an imported record."""
    return build_report(ref, minutes=minutes, source="records", past=past)


def receive_reports(*reports: ReportReceived, policy: CityPolicy | None = None) -> list[ReportDecision]:
    """Decide on reports one after another, as one partition does."""
    effective_policy = policy or default_policy()
    states: dict[str, CaseState] = {}
    index = CandidateIndex()
    decisions = []
    for each in reports:
        result = receive_report(each, nearby=index, state_of=states.__getitem__, policy=effective_policy)
        decisions.append(result)
        apply_decision(states, index, result, effective_policy)
    return decisions


def apply_decision(
    states: dict[str, CaseState], index: CandidateIndex, decision: Opened | Progressed, policy: CityPolicy
) -> None:
    """Store a decision as the inbox handler does."""
    before = decision.before if isinstance(decision, Progressed) else None
    states[decision.after.case_id] = decision.after
    index.apply(compute_index_change(before, decision.after, policy.match_rules))


def opened_case(report: ReportReceived | None = None, *, policy: CityPolicy | None = None) -> CaseState:
    """Return the state of a case that a report opened."""
    (result,) = receive_reports(report or build_report(), policy=policy)
    assert isinstance(result, Opened)
    return result.after


USUAL_ACTORS = {
    "verify": "inspector:ivy",
    "cannot_verify": "inspector:ivy",
    "settle": "inspector:ivy",
    "inspect": "inspector:ivy",
    "call_back": "caller:carl",
    "amend": "importer:records",
    **dict.fromkeys(
        (
            "reply",
            "file",
            "assign",
            "redispatch",
            "void",
            "urge",
            "correct",
            "note",
            "escalate",
            "end_escalation",
            "review",
            "set_limit",
            "plan_step",
            "assign_verification",
            "plan_construction",
            "strike_off",
        ),
        "operator:olga",
    ),
}
"""The usual actor of an action; all others are the department's."""


@dataclass(frozen=True, kw_only=True)
class ActionContext:
    """When an action is requested (minutes after Monday 09:00), by whom (``role:id``), and through which report."""

    minutes: float = 0
    actor: str | None = None
    of_report: str | None = None
    door: Literal["kafka", "http", "import"] = "http"
    member: str | None = None
    person: str | None = None
    post: str | None = None
    evidence: ActionEvidence = NO_EVIDENCE


def build_request(state: CaseState, action: Action, context: ActionContext = ActionContext()) -> ActionRequested:
    """Build the request for an action, by default by its usual actor."""
    at = START_TIME + timedelta(minutes=context.minutes)
    usual = USUAL_ACTORS.get(action.kind, f"department:{state.department or 'north'}")
    kind, name = (context.actor or usual).split(":")
    return ActionRequested(
        action_id=ids.action_id(name, f"{state.case_id} {state.version} {action.kind} {context.minutes}"),
        case_id=state.case_id,
        of_report=context.of_report,
        area=state.area,
        actor=Actor.model_validate(
            {"kind": kind, "id": name, "member": context.member, "person": context.person, "post": context.post}
        ),
        door=context.door,
        digest=DIGEST,
        sender_ref="ours",
        occurred_at=at,
        recorded_at=at,
        action=action,
    )


def decide_action(
    state: CaseState, action: Action, context: ActionContext = ActionContext(), *, policy: CityPolicy | None = None
) -> Progressed | Refused:
    """Decide on an action."""
    return decide(state, build_request(state, action, context), policy or default_policy(), context.evidence)


def stored_photos(state: CaseState, *refs: str, holder: str | None = None) -> ActionEvidence:
    """Return that photos were stored for a case when its order was issued, by default by its department."""
    at = state.assignments[-1].dispatched_at if state.assignments else START_TIME
    by = holder or f"department:{state.department}"
    return ActionEvidence([ProofPhoto(ref, state.case_id, by, at) for ref in refs])


def case_after(
    state: CaseState, action: Action, *, minutes: float = 0, actor: str | None = None, policy: CityPolicy | None = None
) -> CaseState:
    """Return the state after an action that must be applied; photos that it names were stored for the case."""
    evidence = (
        stored_photos(state, *action.proof, holder=actor)
        if isinstance(action, Finish | Inspect | Verify | CannotVerify | Settle)
        else NO_EVIDENCE
    )
    result = decide_action(state, action, ActionContext(minutes=minutes, actor=actor, evidence=evidence), policy=policy)
    assert isinstance(result, Progressed), result.refusal
    return result.after


def at_minute(minutes: float) -> datetime:
    """Return a time in minutes after Monday 09:00."""
    return START_TIME + timedelta(minutes=minutes)


def types(step: Opened | Progressed | Refused) -> list[str]:
    """Return the short event types of a decision."""
    assert not isinstance(step, Refused), step.refusal
    return [event.model_dump()["type"].removeprefix("case.").removesuffix(".v1") for event in step.events]


def dispatch_of(step: Opened | Progressed) -> Dispatch | None:
    """Return what the event that opens a case says of its dispatch; None where it tells none."""
    opened = step.events[0]
    assert isinstance(opened, CaseOpened)
    return opened.dispatched


def finished(*, minutes: float = 10) -> CaseState:
    """Return a case that was accepted after five minutes and then finished."""
    return case_after(case_after(opened_case(), Accept(), minutes=5), Finish(text="swept"), minutes=minutes)


def closed(*, minutes: float = 20) -> CaseState:
    """Return a case whose inspection passed."""
    return case_after(finished(), Inspect(passed=True), minutes=minutes)


def timer_due(timer: Timer) -> TimerDue:
    """Build the inbox entry of a due timer."""
    return TimerDue(
        timer_id=timer.id,
        case_id=timer.case_id,
        area=timer.area,
        kind=timer.kind,
        generation=timer.generation,
        due_at=timer.due_at,
    )


def expire(state: CaseState, timer: Timer) -> Progressed | Ignored:
    """Decide on a due timer."""
    return expire_timer(state, timer_due(timer), default_policy())
