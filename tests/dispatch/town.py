"""A small city, and reports and actions in it, for tests of decisions: ids are short, edge cases easy to say."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Literal

from paidan_contracts import ids
from paidan_contracts.actions import Action, ActionRequested, Actor
from paidan_contracts.city import City, Pack
from paidan_contracts.inbox import TimerDue
from paidan_contracts.reports import Past, ReportReceived
from paidan_contracts.state import CaseState
from paidan_dispatch.bylaws import Bylaws
from paidan_dispatch.lifecycle import Ignored, Moved, Opened, Refused, decide, run_out, take_in
from paidan_dispatch.matching import Nearby, sighting
from paidan_dispatch.timers import Timer

MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""09:00 in the city, a working day."""
DIGEST = "d" * 64
HOLIDAYS_2026 = ["01-01", "01-02", "01-03", *(f"02-{day}" for day in range(15, 24)), "04-04", "04-05", "04-06"]
MADE_UP_2026 = ["01-04", "02-14", "02-28"]
FIRST_DAY, LAST_DAY = datetime(2025, 12, 29, tzinfo=UTC), datetime(2026, 4, 30, tzinfo=UTC)


def _names(word: str) -> dict[str, str]:
    return {"zh": word, "en": word}


def _days() -> list[dict[str, Any]]:
    days = [FIRST_DAY + timedelta(days=number) for number in range((LAST_DAY - FIRST_DAY).days + 1)]
    return [{"date": day.date().isoformat(), "working": _is_worked(day)} for day in days]


def _is_worked(day: datetime) -> bool:
    short = f"{day:%m-%d}"
    if day.year == 2026 and short in HOLIDAYS_2026 + MADE_UP_2026:
        return short in MADE_UP_2026
    return day.weekday() < 5


def _row(class_code: str, condition: str, limit: str | None, **more: object) -> dict[str, Any]:
    amount, _, unit = (limit or "").partition(" ")
    return {
        "id": f"{class_code}-{condition}",
        "class_code": class_code,
        "condition": condition,
        "filing": _names("filing"),
        "closing": _names("closing"),
        "limit": {"amount": int(amount), "unit": unit} if limit else None,
        **more,
    }


def _department(id_: str, kind: str = "office", **more: object) -> dict[str, Any]:
    return {"id": id_, "names": _names(id_), "kind": kind, **more}


def _source(id_: str, kind: str, *, trusted: bool, **more: object) -> dict[str, Any]:
    return {"id": id_, "names": _names(id_), "kind": kind, "trusted": trusted, **more}


def _class(code: str) -> dict[str, Any]:
    return {"code": code, "names": _names(code), "big": _names("big")}


def document() -> dict[str, Any]:
    """Write the city down as a pack; a test that needs another one changes it first."""
    return {
        "id": "town",
        "names": _names("town"),
        "zone": "Asia/Shanghai",
        "area_level": "city",
        "departments": [
            _department("north", "street", district="1"),
            _department("south", "street", district="2"),
            _department("roads"),
            _department("night"),
            _department("water"),
        ],
        "sources": [
            _source("hotline", "hotline", trusted=True),
            _source("app", "photo", trusted=False),
            _source("camera", "camera", trusted=False, min_confidence=0.8),
            _source("records", "import", trusted=True),
        ],
        "catalogue": {
            "generation": "made up",
            "classes": [_class(code) for code in ("E0110", "E0111", "C0101", "E0505", "E0601", "E0602")],
            "rows": [
                _row("E0110", "1", "4 working_hour", default=True),
                _row("E0110", "2", "1 working_day", evidence=["photo_after"]),
                _row("E0111", "1", "5 working_day", default=True),
                _row("C0101", "1", "2 urgent_hour", default=True),
                _row("E0505", "1", None, default=True),
                _row("E0601", "1", "4 working_hour", default=True),
            ],
        },
        "routing": [
            {"id": "at-night", "classes": ["E0110"], "when": {"hours": ["22:00-06:00"]}, "lead": "night"},
            {"id": "owner-first", "classes": ["C*"], "lead": "owner"},
            {"id": "big-heaps", "classes": ["E0110"], "conditions": ["2"], "lead": "roads"},
            {"id": "streets", "classes": ["E01*"], "lead": "district:street"},
            {"id": "rest", "classes": ["E0*", "C*"], "places": ["1", "2"], "lead": "roads"},
        ],
        "calendar": {
            "first": FIRST_DAY.date().isoformat(),
            "last": LAST_DAY.date().isoformat(),
            "shifts": [{"begin": "08:00", "end": "12:00"}, {"begin": "14:00", "end": "18:00"}],
            "source": "State Council's notice, cut short",
            "days": _days(),
        },
        "clocks": {
            **{stage: {"amount": 15, "unit": "urgent_minute"} for stage in ("dispatch", "verify", "inspect")},
            "accept": {"amount": 30, "unit": "urgent_minute"},
            "callback": {"amount": 1, "unit": "working_day"},
            "reopening": {
                "times": 1,
                "within": {"amount": 10, "unit": "urgent_day"},
                "limit": {"amount": 2, "unit": "urgent_hour"},
            },
        },
        "matching": {
            "radius_m": 50,
            "window_h": 72,
            "recurrence": {"amount": 2, "unit": "urgent_day"},
            "channels": ["hotline", "photo", "camera", "import"],
            "by_class": [{"classes": ["E0111"], "radius_m": 5}, {"classes": ["E0505"], "off": True}],
        },
        "screening": {"refire_s": 60, "report_at": 0.8, "review_at": 0.5},
        "indicators": {"version": "1", "basis": "made up", "counts": [], "rates": []},
        "geography": {
            "places": [
                {"code": "1", "level": "district", "names": _names("one")},
                {"code": "2", "level": "district", "names": _names("two")},
            ]
        },
    }


def bylaws_of(pack: dict[str, Any]) -> Bylaws:
    """Make a pack ready."""
    return Bylaws.of(City.of(Pack.model_validate(pack)))


@cache
def bylaws() -> Bylaws:
    """Make the city ready once for all tests."""
    return bylaws_of(document())


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
