"""What the read model stores of a case follows from its newest state alone."""

from datetime import timedelta

import pytest

from paidan_cockpit.case_events import CockpitCaseEvent
from paidan_cockpit.case_rows import NEVER, ReadModelRow, case_row, number_of
from paidan_cockpit.case_texts import words_of_case
from paidan_contracts.actions import Actor
from paidan_contracts.assignments import Helper, RuleRef
from paidan_contracts.escalations import CaseEscalation, Escalation
from paidan_contracts.places import Place
from paidan_contracts.reports import JoinedReport
from paidan_contracts.state import Answerable, CaseState, StageClock
from paidan_contracts.time_limits import LimitRequest, ReviewStep, TimeLimits
from paidan_contracts.verifications import Verification
from paidan_contracts.wire import AnyTimerKind
from tests.scoring import case_histories
from tests.scoring.case_histories import HOUR, START, CaseMove, accept, assign, close, finish, rework, void

PACK = "0" * 64
HELPER = Helper(
    department="lamps",
    order_id="11111111-1111-5111-8111-111111111111",
    placed_by=RuleRef(rule="r", city_version=PACK),
    dispatched_at=START,
)


def row_of(state: CaseState) -> ReadModelRow:
    """Return the row of a state as it comes over the topic."""
    body = case_histories.case_event(state).model_dump_json()
    return case_row(CockpitCaseEvent.model_validate_json(body))


def state_after(*moves: CaseMove, **changes: object) -> CaseState:
    opened = case_histories.new_case(1, pack=PACK).model_copy(update=changes)
    *_, last = case_histories.history(opened, moves)
    return last


def test_a_dispatched_case_is_due_when_its_next_clock_ends() -> None:
    state = state_after(assign("streets", hours=4), accept)
    limit_end = state.assignments[-1].limits[-1].due_at

    row = row_of(state)

    assert (row.due_kind, row.due_at) == ("handle", limit_end)
    assert (row.department, row.status, row.ended_at) == ("streets", "handling", None)


def test_the_limit_to_accept_is_due_until_the_order_is_accepted() -> None:
    state = state_after(assign("streets", hours=4))
    first = state.assignments[-1].model_copy(update={"accept_by": START + HOUR})
    state = state.model_copy(update={"assignments": (first,)})

    assert row_of(state).due_kind == "accept"
    accepted = state.model_copy(update={"assignments": (first.model_copy(update={"accepted_at": START}),)})
    assert row_of(accepted).due_kind == "handle"


@pytest.mark.parametrize("moves", [(assign("streets"), accept, finish), (assign("streets"), void), ()])
def test_no_clock_of_work_runs_where_nobody_works(moves: tuple[CaseMove, ...]) -> None:
    row = row_of(state_after(*moves))

    assert (row.due_kind, row.due_at) == (None, NEVER)


def test_a_clock_of_a_stage_runs_until_it_ends() -> None:
    clock = StageClock(kind="dispatch", number=1, began_at=START, due_at=START + 2 * HOUR)

    assert row_of(state_after(clocks=(clock,))).due_kind == "dispatch"
    ended = clock.model_copy(update={"ended_at": START + HOUR})
    assert row_of(state_after(clocks=(ended,))).due_kind is None


def test_rework_is_due_again_and_counts_a_round() -> None:
    row = row_of(state_after(assign("streets"), accept, finish, rework))

    assert row.due_kind == "handle"
    assert row.round >= 1


def test_an_import_has_no_clocks() -> None:
    assert row_of(state_after(assign("streets", hours=1)).model_copy(update={"past": True})).due_kind is None


def test_a_closed_case_ends_when_it_was_closed_and_awaits_the_calls_that_are_left() -> None:
    closed = state_after(assign("streets"), accept, finish, close)

    assert row_of(closed).ended_at == closed.closed_at
    assert not row_of(closed).awaits_call
    waiting = closed.model_copy(update={"callbacks_awaited": (closed.opened_by,)})
    assert row_of(waiting).awaits_call


def test_words_of_merged_reports_are_kept_and_change_the_digest() -> None:
    state = state_after(text="井盖松动", place=Place(address="泉城路 1 号"))
    joined = JoinedReport(
        report_id=state.opened_by, source="12345", channel="hotline", text="车辆通过有异响", recorded_at=START
    )

    alone, merged = row_of(state), row_of(state.model_copy(update={"joined": (joined,), "reports": 2}))

    assert merged.more_text == "车辆通过有异响"
    assert alone.text_digest != merged.text_digest
    later = state.model_copy(update={"version": 9, "reported_at": START - timedelta(days=1)})
    assert row_of(later).text_digest == alone.text_digest


@pytest.mark.parametrize(
    "change",
    [
        {"text": "other"},
        {"place": Place(address="1")},
        {"place": Place(district="1")},
        {"place": Place(street="1")},
        {"class_code": "E0999"},
        {"source": "patrol"},
        {"department": "lamps"},
        {"helpers": (HELPER,)},
        {"status": "voided", "ended_at": START},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_changes_what_a_case_is_found_by_changes_the_digest(change: dict[str, object]) -> None:
    before = row_of(state_after(assign("streets"), accept))
    after = row_of(state_after(assign("streets"), accept).model_copy(update=change))

    assert words_of_case(before) != words_of_case(after)
    assert before.text_digest != after.text_digest


def test_the_number_of_a_case_is_short() -> None:
    row = row_of(state_after())

    assert number_of(row.case_id) == row.number == row.case_id.rpartition("-")[2][:10]


@pytest.mark.parametrize(
    ("status", "kind", "changes", "marks"),
    [
        ("received", "verify", {}, ["verifier=lane-7"]),
        ("received", "verify", {"verification": Verification(post="lane-7", answer="true")}, []),
        ("received", "verify", {"verification": Verification()}, []),
        ("received", "verify", {"verification": None}, []),
        ("received", "verify", {"ended_at": START}, []),
        ("dispatched", "verify", {}, []),
        ("filed", "construction", {"verification": None}, ["planned"]),
        ("filed", "construction", {"verification": None, "ended_at": START}, []),
        ("filed", "dispatch", {"verification": None}, []),
    ],
)
def test_the_task_of_a_patrol_and_the_construction_plan_are_marks_while_their_clock_runs(
    status: str, kind: AnyTimerKind, changes: dict[str, object], marks: list[str]
) -> None:
    clock = StageClock(
        kind=kind, number=1, began_at=START, due_at=START + HOUR, verification=Verification(post="lane-7")
    ).model_copy(update=changes)

    state = state_after().model_copy(update={"status": status, "clocks": (clock,)})

    assert row_of(state).marks == marks


def test_a_case_is_marked_by_what_few_cases_have() -> None:
    at = {"asked_at": START, "asked_by": Actor(kind="department", id="streets"), "assignment": 1}
    asked = LimitRequest.model_validate(
        {"number": 1, "kind": "extension", "reason": "frost", "chain": ("department_chief", "dispatcher"), **at}
    )
    by = {"duty": "department_chief", "approved": True, "by": at["asked_by"], "at": START}
    half = asked.model_copy(update={"steps": (ReviewStep.model_validate(by),)})
    raised = Escalation(level="listed", rank=2, since=START)
    ended = Escalation(level="leader", rank=1, since=START, ended_at=START)
    state = state_after(assign("streets"), accept).model_copy(
        update={
            "time_limits": TimeLimits(requests=(half,)),
            "escalation": CaseEscalation(entries=(ended, raised)),
            "answerable": Answerable(named_by=RuleRef(rule="a", city_version="0" * 64), leader="mayor", unit="lamps"),
            "complained_of": "lamps",
        }
    )

    row = row_of(state)
    assert row.marks == ["complaint=lamps", "decides=dispatcher", "escalated", "leader=mayor", "level=listed",
                         "request=extension", "unit=lamps"]  # fmt: skip
    assert row.asks
    granted = half.model_copy(update={"outcome": "approved"})
    assert not row_of(state.model_copy(update={"time_limits": TimeLimits(requests=(granted,))})).asks
    assert row_of(state_after(assign("streets"))).marks == []
