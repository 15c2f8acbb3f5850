"""What a case's state says to the counts, example by example."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from paidan_contracts.city.conditions import KNOWN
from paidan_contracts.places import Place
from paidan_contracts.state import CaseState
from paidan_scoring.case_events import StepSeen
from paidan_scoring.fact_bits import (
    BIT,
    ORDER,
    packed,
    unpacked,
)
from paidan_scoring.tally import Row, rows_of
from tests.scoring import case_histories
from tests.scoring.case_histories import (
    accept,
    ask,
    assign,
    close,
    finish,
    give_back,
    not_accept,
    reopen,
    rework,
    run_out,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
PACK = "0" * 64


def rows(state: CaseState, zone: ZoneInfo = SHANGHAI) -> list[Row]:
    step = StepSeen.model_validate_json(case_histories.event(state).model_dump_json())
    return list(rows_of(step, zone=zone, partition=0))


def after(*moves: case_histories.Move, **changes: object) -> list[Row]:
    *_, last = case_histories.lived(case_histories.opened(1, pack=PACK, **changes), moves)  # type: ignore[arg-type]
    return rows(last)


def held(row: Row) -> set[str]:
    return set(unpacked(row.facts))


def test_every_fact_that_a_pack_may_speak_of_has_a_bit_of_its_own() -> None:
    assert set(ORDER) == KNOWN
    assert len(set(BIT.values())) == len(ORDER)
    assert unpacked(packed(ORDER)) == KNOWN


def test_a_stored_bit_never_changes_its_meaning() -> None:
    """Facts in tables are numbers; a fact that moved would silently turn voided cases into something else."""
    assert ORDER[:8] == ("current", "voided", "not_accepted", "filed", "dispatched", "accepted", "handled", "limited")
    assert ORDER.index("open") == 14
    assert ORDER.index("imported") == 27


def test_a_case_never_assigned_has_one_row_in_the_unknown_bucket() -> None:
    [row] = after()

    assert (row.assignment, row.department) == (1, "unknown")
    assert held(row) == {"current", "filed", "open"}


def test_an_import_that_was_not_accepted_counts_under_its_recorded_owner() -> None:
    [row] = after(not_accept, department="bos", past=True)

    assert row.department == "bos"
    assert held(row) == {"current", "filed", "not_accepted", "imported"}


def test_what_is_nowhere_known_is_a_bucket() -> None:
    [row] = after(class_code=None, row_id=None, place=Place())

    assert (row.district, row.street, row.class_code) == ("unknown", "unknown", "unknown")
    assert "filed" not in held(row)


def test_each_departments_turn_keeps_what_happened_under_it() -> None:
    first, second = after(assign("a"), accept, run_out, give_back, assign("b"), accept, finish, close)

    assert (first.department, second.department) == ("a", "b")
    assert held(first) == {"dispatched", "limited", "accepted", "overdue", "returned"}
    assert held(second) == {*("current", "filed", "closed", "dispatched", "limited", "accepted", "handled", "on_time")}


def test_a_finish_that_failed_inspection_does_not_stand() -> None:
    [failed] = after(assign("a"), accept, finish, rework)
    [mended] = after(assign("a"), accept, finish, rework, finish)

    assert {"reworked", "open"} <= held(failed)
    assert "handled" not in held(failed)
    assert {"reworked", "handled", "on_time"} <= held(mended)


def test_a_late_first_round_stays_overdue_when_the_second_is_on_time() -> None:
    [row] = after(assign("a", hours=1), accept, finish, close, ask("dissatisfied"), reopen, finish, close)

    assert {"overdue", "on_time", "handled", "reopened", "closed", "dissatisfied", "rated"} <= held(row)
    assert "late" not in held(row)


def test_handled_without_a_limit_is_neither_on_time_nor_late() -> None:
    [row] = after(assign("a", hours=None), accept, finish)

    assert "handled" in held(row)
    assert not {"on_time", "late", "limited"} & held(row)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (["satisfied"], {"rated", "satisfied"}),
        (["dissatisfied", "basically_satisfied"], {"rated", "basically_satisfied"}),
        (["satisfied", "no_answer"], set()),
    ],
)
def test_the_last_word_of_the_resident_counts(said: list[str], found: set[str]) -> None:
    [row] = after(assign("a"), accept, finish, close, *map(ask, said))

    assert held(row) & {"rated", "satisfied", "basically_satisfied", "dissatisfied"} == found


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
    [row] = rows(case_histories.opened(1, pack=PACK, at=reported_at), ZoneInfo(zone))

    assert row.day.isoformat() == day
