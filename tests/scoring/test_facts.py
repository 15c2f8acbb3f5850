"""The facts of a case's state, example by example."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from paidan_contracts.actions import Rating
from paidan_contracts.city.conditions import KNOWN_FACTS
from paidan_contracts.places import Place
from paidan_contracts.state import CaseState
from paidan_scoring.case_events import ScoringCaseEvent
from paidan_scoring.fact_bits import FACT_BIT, FACT_ORDER, pack_facts, unpack_facts
from paidan_scoring.facts import FactRow, fact_rows
from tests.scoring import case_histories
from tests.scoring.case_histories import (
    accept,
    assign,
    call_back,
    close,
    expire,
    finish,
    not_accept,
    reopen,
    return_case,
    rework,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
PACK = "0" * 64


def rows_for_states(state: CaseState, zone: ZoneInfo = SHANGHAI) -> list[FactRow]:
    step = ScoringCaseEvent.model_validate_json(case_histories.case_event(state).model_dump_json())
    return list(fact_rows(step, zone=zone, partition=0))


def rows_after(*moves: case_histories.CaseMove, **changes: object) -> list[FactRow]:
    *_, last = case_histories.history(case_histories.new_case(1, pack=PACK, **changes), moves)  # type: ignore[arg-type]
    return rows_for_states(last)


def facts_of(row: FactRow) -> set[str]:
    return set(unpack_facts(row.facts))


def test_every_fact_that_packs_may_use_has_its_own_bit() -> None:
    assert set(FACT_ORDER) == KNOWN_FACTS
    assert len(set(FACT_BIT.values())) == len(FACT_ORDER)
    assert unpack_facts(pack_facts(FACT_ORDER)) == KNOWN_FACTS


def test_a_stored_bit_never_changes_its_meaning() -> None:
    """Stored facts are numbers; a fact that moved would silently turn voided cases into something else."""
    assert FACT_ORDER[:8] == (
        "current",
        "voided",
        "not_accepted",
        "filed",
        "dispatched",
        "accepted",
        "handled",
        "limited",
    )
    assert FACT_ORDER.index("open") == 14
    assert FACT_ORDER.index("imported") == 27


def test_a_case_never_assigned_has_one_row_under_unknown() -> None:
    [row] = rows_after()

    assert (row.assignment, row.department) == (1, "unknown")
    assert facts_of(row) == {"current", "filed", "open"}


def test_an_import_that_was_not_accepted_counts_under_its_recorded_owner() -> None:
    [row] = rows_after(not_accept, department="bos", past=True)

    assert row.department == "bos"
    assert facts_of(row) == {"current", "filed", "not_accepted", "imported"}


def test_what_is_missing_is_counted_under_unknown() -> None:
    [row] = rows_after(class_code=None, row_id=None, place=Place())

    assert (row.district, row.street, row.class_code) == ("unknown", "unknown", "unknown")
    assert "filed" not in facts_of(row)


def test_each_assignment_keeps_its_own_facts() -> None:
    first, second = rows_after(assign("a"), accept, expire, return_case, assign("b"), accept, finish, close)

    assert (first.department, second.department) == ("a", "b")
    assert facts_of(first) == {"dispatched", "limited", "accepted", "overdue", "returned"}
    assert facts_of(second) == {
        *("current", "filed", "closed", "dispatched", "limited", "accepted", "handled", "on_time")
    }


def test_a_finish_that_failed_inspection_does_not_count() -> None:
    [failed] = rows_after(assign("a"), accept, finish, rework)
    [mended] = rows_after(assign("a"), accept, finish, rework, finish)

    assert {"reworked", "open"} <= facts_of(failed)
    assert "handled" not in facts_of(failed)
    assert {"reworked", "handled", "on_time"} <= facts_of(mended)


def test_a_late_first_round_stays_overdue_when_the_second_is_on_time() -> None:
    [row] = rows_after(assign("a", hours=1), accept, finish, close, call_back("dissatisfied"), reopen, finish, close)

    assert {"overdue", "on_time", "handled", "reopened", "closed", "dissatisfied", "rated"} <= facts_of(row)
    assert "late" not in facts_of(row)


def test_handled_without_a_limit_is_neither_on_time_nor_late() -> None:
    [row] = rows_after(assign("a", hours=None), accept, finish)

    assert "handled" in facts_of(row)
    assert not {"on_time", "late", "limited"} & facts_of(row)


@pytest.mark.parametrize(
    ("ratings", "found"),
    [
        (["satisfied"], {"rated", "satisfied"}),
        (["dissatisfied", "basically_satisfied"], {"rated", "basically_satisfied"}),
        (["satisfied", "no_answer"], set()),
    ],
)
def test_last_rating_counts(ratings: list[str], found: set[str]) -> None:
    [row] = rows_after(assign("a"), accept, finish, close, *map(call_back, ratings))

    assert facts_of(row) & {"rated", "satisfied", "basically_satisfied", "dissatisfied"} == found


@pytest.mark.parametrize(
    ("rating", "raw_rating", "found"),
    [
        ("satisfied", "dissatisfied", {"rated", "satisfied", "rated_raw", "dissatisfied_raw"}),
        (None, "dissatisfied", {"rated_raw", "dissatisfied_raw"}),
        (
            "basically_satisfied",
            "basically_satisfied",
            {"rated", "basically_satisfied", "rated_raw", "basically_satisfied_raw"},
        ),
        (None, None, set()),
    ],
)
def test_rating_by_the_packs_rule_counts_beside_the_raw_one(
    rating: Rating | None, raw_rating: Rating | None, found: set[str]
) -> None:
    [row] = rows_after(assign("a"), accept, finish, close, case_histories.rate(rating, raw_rating))

    assert {fact for fact in facts_of(row) if "rated" in fact or "satisfied" in fact} == found


@pytest.mark.parametrize(
    ("reported_at", "zone", "day"),
    [
        (datetime(2026, 3, 31, 15, 59, tzinfo=UTC), "Asia/Shanghai", "2026-03-31"),
        (datetime(2026, 3, 31, 16, 0, tzinfo=UTC), "Asia/Shanghai", "2026-04-01"),
        (datetime(2020, 2, 1, 7, 59, tzinfo=UTC), "America/Los_Angeles", "2020-01-31"),
        (datetime(2020, 2, 1, 8, 0, tzinfo=UTC), "America/Los_Angeles", "2020-02-01"),
    ],
)
def test_a_report_counts_on_the_citys_day(reported_at: datetime, zone: str, day: str) -> None:
    [row] = rows_for_states(case_histories.new_case(1, pack=PACK, at=reported_at), ZoneInfo(zone))

    assert row.day.isoformat() == day
