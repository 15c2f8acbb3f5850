"""Reports and actions in a small city, for tests of decisions: what usually is said is said for you."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from paidan_contracts import ids
from paidan_contracts.actions import Accept, Action, ActionRequested, Actor, Finish, Inspect
from paidan_contracts.inbox import TimerDue
from paidan_contracts.reports import Past, ReportReceived
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.deadlines import Timer
from paidan_dispatch.cases.decide import (
    Ignored,
    Moved,
    Opened,
    Refused,
    decide,
    run_out,
    take_in,
)
from paidan_dispatch.cases.policy import Bylaws
from paidan_dispatch.matching.match import Nearby, sighting
from tests.dispatch.sample_pack import bylaws

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""09:00 in the city, a working day."""
DIGEST = "d" * 64


def report(ref: str = "1", *, minutes: float = 0, east_m: float = 0, **more: object) -> ReportReceived:
    """Report a heap of rubbish: so many minutes after Monday 09:00, so many metres east of the corner."""
    at = MONDAY + timedelta(minutes=minutes)
    source = str(more.get("source", "hotline"))
    place = more.pop("place", {"latitude": 36.0, "longitude": 117.0 + east_m / 90_000, "district": "1"})
    said: dict[str, Any] = {
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
        "occurred_at": at,
        "recorded_at": at,
    }
    return ReportReceived.model_validate(said | more)


def past_report(ref: str = "1", *, past: Past, minutes: float = 0) -> ReportReceived:
    """Report what an import says."""
    return report(ref, minutes=minutes, source="records", past=past)


def taken(*reports: ReportReceived, by: Bylaws | None = None) -> list[Opened | Moved | Refused]:
    """Take reports in one after another, as one lane does."""
    rules = by or bylaws()
    states: dict[str, CaseState] = {}
    nearby = Nearby()
    done = []
    for each in reports:
        result = take_in(each, nearby=nearby, case_of=states.__getitem__, bylaws=rules)
        done.append(result)
        if not isinstance(result, Refused):
            follow(states, nearby, result, rules)
    return done


def follow(states: dict[str, CaseState], nearby: Nearby, step: Opened | Moved, by: Bylaws) -> None:
    """Do what the shell does after each step."""
    before = step.before if isinstance(step, Moved) else None
    states[step.after.case_id] = step.after
    nearby.note(sighting(before, step.after, by))


def opened(said: ReportReceived | None = None, *, by: Bylaws | None = None) -> CaseState:
    """Open a case."""
    (result,) = taken(said or report(), by=by)
    assert isinstance(result, Opened)
    return result.after


DOERS = {
    "verify": "inspector:ivy",
    "inspect": "inspector:ivy",
    "call_back": "caller:carl",
    **dict.fromkeys(("file", "assign", "redispatch", "void", "urge"), "operator:olga"),
}
"""Who usually asks for an action; all others are the department's."""


@dataclass(frozen=True, kw_only=True)
class How:
    """When an action is asked for (minutes after Monday 09:00), by whom (``role:id``), and through which report."""

    minutes: float = 0
    actor: str | None = None
    of_report: str | None = None
    door: Literal["kafka", "http", "import"] = "http"


def request(state: CaseState, action: Action, how: How = How()) -> ActionRequested:
    """Ask for an action, by whoever usually does."""
    at = MONDAY + timedelta(minutes=how.minutes)
    usual = DOERS.get(action.kind, f"department:{state.department or 'north'}")
    kind, name = (how.actor or usual).split(":")
    return ActionRequested(
        action_id=ids.action_id(name, f"{state.case_id} {state.version} {action.kind} {how.minutes}"),
        case_id=state.case_id,
        of_report=how.of_report,
        area=state.area,
        actor=Actor.model_validate({"kind": kind, "id": name}),
        door=how.door,
        digest=DIGEST,
        sender_ref="ours",
        occurred_at=at,
        recorded_at=at,
        action=action,
    )


def judged(state: CaseState, action: Action, how: How = How(), *, by: Bylaws | None = None) -> Moved | Refused:
    """Ask and decide."""
    return decide(state, request(state, action, how), by or bylaws())


def moved(
    state: CaseState, action: Action, *, minutes: float = 0, actor: str | None = None, by: Bylaws | None = None
) -> CaseState:
    """Ask, and expect it to be done."""
    result = judged(state, action, How(minutes=minutes, actor=actor), by=by)
    assert isinstance(result, Moved), result.why
    return result.after


def at(minutes: float) -> datetime:
    """Name a time in minutes after Monday 09:00."""
    return MONDAY + timedelta(minutes=minutes)


def types(step: Opened | Moved | Refused) -> list[str]:
    """Name the steps that were taken."""
    assert not isinstance(step, Refused), step.why
    return [event.model_dump()["type"].removeprefix("case.").removesuffix(".v1") for event in step.events]


def finished(*, minutes: float = 10) -> CaseState:
    """Let the department finish, five minutes after it accepted or later."""
    return moved(moved(opened(), Accept(), minutes=5), Finish(text="swept"), minutes=minutes)


def closed(*, minutes: float = 20) -> CaseState:
    """Let the inspection pass."""
    return moved(finished(), Inspect(passed=True), minutes=minutes)


def due(timer: Timer) -> TimerDue:
    """Let a timer run out."""
    return TimerDue(
        timer_id=timer.id,
        case_id=timer.case_id,
        area=timer.area,
        kind=timer.kind,
        generation=timer.generation,
        due_at=timer.due_at,
    )


def rung(state: CaseState, timer: Timer) -> Moved | Ignored:
    """Let a timer run out and see what comes of it."""
    return run_out(state, due(timer), bylaws())
