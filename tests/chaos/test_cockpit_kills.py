"""The cockpit is killed at every window of its transactions; its read model is a fold of the log all the same."""

import random
import signal
import uuid
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from paidan_cockpit.case_events import CockpitCaseEvent
from paidan_cockpit.case_rows import CountedReport, ReadModelRow, case_row, report_rows
from paidan_cockpit.case_texts import words_of_case
from paidan_cockpit.check_queries import KEPT
from paidan_contracts.checks import ConservationChecked
from paidan_contracts.outcomes import OutcomeDecided
from paidan_contracts.scores import ScoreUpdated
from paidan_contracts.state import CaseState
from tests import servers as real
from tests.chaos.counted_outcomes import noted_reports, shuffled_outcomes, tally
from tests.chaos.published_scores import city_rows, shuffled_scores
from tests.chaos.statement_kill_points import COCKPIT_WINDOWS
from tests.cockpit.cockpit_service import ACTIVE_COLUMNS, READ_MODEL, CockpitService, running_service
from tests.polling import poll
from tests.scoring import case_histories
from tests.scoring.case_histories import accept, assign, close, finish, join, return_case, rework
from tests.scoring.database_fixture import pack_bytes, pack_version
from tests.scoring.scoring_service import await_exit

pytestmark = pytest.mark.takes(seconds=25)

SETTINGS: Final = {"COCKPIT_SESSION_TIMEOUT_MS": "1500", "COCKPIT_BATCH_RECORDS": "30"}
"""A killed process's lanes are given to the next one after 1.5 s instead of 6 s; and there are many batches."""
CASE_MOVES: Final = (
    (assign("a"), accept, finish, close),
    (assign("a"), accept, return_case, assign("b"), accept, finish, rework, finish, close),
    (join,),
    (),
)
QUEUE_EVERY_CASE: Final = """
    WITH forgotten AS (UPDATE case_words SET words = '{}')
  INSERT INTO word_queue (case_id)
  SELECT case_id
    FROM case_row
"""
"""As a migration does that changes what cases are found by."""
# In this order: one process dies in each, and the next one finds what it left.
WORST_WINDOWS: Final = ("before_positions", "before_commit", "after_commit", "words_taken", "takeover")
WORST_OF_REBUILD: Final = ("rebuild_truncated", "rebuild_before_indexes")
OF_REBUILD: Final = tuple(each for each in COCKPIT_WINDOWS if each.startswith("rebuild_"))
OF_CONSUMER: Final = tuple(each for each in COCKPIT_WINDOWS if each not in OF_REBUILD)
OF_BATCHES: Final = ("before_lock", "before_rows", "before_positions", "before_commit", "after_commit")


def shuffled_histories(number: int, seed: int) -> list[CaseState]:
    """Return every version of so many cases in random order, a fifth of them twice."""
    rng = random.Random(seed)  # noqa: S311 - a test has to be repeatable, not secret
    pack = pack_version(pack_bytes())
    states = [
        state
        for each in range(number)
        for state in case_histories.history(
            case_histories.new_case(
                each, pack=pack, text=f"井盖松动 {each}", at=case_histories.START + timedelta(hours=each)
            ),
            CASE_MOVES[each % len(CASE_MOVES)],
        )
    ]
    again = rng.sample(states, len(states) // 5)
    return rng.sample([*states, *again], len(states) + len(again))


def new_check(number: int) -> ConservationChecked:
    """Build the result of the check of an hour."""
    at = case_histories.START + timedelta(hours=number)
    check_id, holds = str(uuid.UUID(int=number)), number % 2 == 0
    return ConservationChecked(check_id=check_id, checked_at=at, took_ms=1, holds=holds, received=number)


def fold(
    states: Sequence[CaseState],
    checks: Sequence[ConservationChecked],
    outcomes: Sequence[OutcomeDecided],
    scores: Sequence[ScoreUpdated],
) -> dict[str, list[tuple[Any, ...]]]:
    """Return what every table must hold: a pure function of the log."""
    rows: dict[str, ReadModelRow] = {}
    reports: set[CountedReport] = set()
    for state in states:
        event = CockpitCaseEvent.model_validate_json(case_histories.case_event(state).model_dump_json())
        reports.update(report_rows(event))
        if event.case_id not in rows or rows[event.case_id].version < event.version:
            rows[event.case_id] = case_row(event)
    in_order = [rows[each] for each in sorted(rows)]
    newest = sorted({each.check_id: each for each in checks}.values(), key=lambda each: each.checked_at)[-KEPT:]
    return {
        "case_row": [tuple(row) for row in in_order],
        "report_row": [tuple(report) for report in sorted(reports)],
        "active_case": [
            tuple(getattr(row, name) for name in ACTIVE_COLUMNS)
            for row in in_order
            if row.ended_at is None or row.awaits_call
        ],
        "case_words": [(row.case_id, row.city, row.reported_at, words_of_case(row).split(" ")) for row in in_order],
        "conservation_check": [(each.check_id, each.checked_at, each.holds, each.model_dump_json()) for each in newest],
        "noted_report": [tuple(each) for each in sorted(set(noted_reports(outcomes)))],
        "suppressed_alarm": sorted({(each.id, each.recorded_at) for each in outcomes if each.result == "suppressed"}),
        "suppressed_tally": tally(outcomes),
        "city_score": city_rows(scores),
        "word_queue": [],
    }


async def assert_folded(service: CockpitService, expected: dict[str, list[tuple[Any, ...]]]) -> None:
    """Wait until every table is the fold, and tell which one is not."""
    found: dict[str, list[tuple[object, ...]]] = {}

    async def is_folded() -> bool:
        found.update(await service.read_tables())
        return found == expected

    try:
        await poll(is_folded, within_s=60, what="the fold of the log")
    except AssertionError:
        for table in READ_MODEL:
            assert found[table] == expected[table], f"{table}\n{service.log_text()}"
        raise


async def die_at(service: CockpitService, kill_point: str, *arguments: str) -> None:
    """Run a process that kills itself there."""
    process = service.start(*arguments, kill_point=kill_point, **SETTINGS)
    assert await await_exit(process, within_s=60) == -signal.SIGKILL, f"{kill_point}: {service.log_text()}"


async def test_the_read_model_is_a_fold_of_the_log_wherever_it_is_killed(
    short_session_servers: real.ServerAddresses, topic_prefix: str, tmp_path: Path, *, full_run: bool
) -> None:
    points = [f"{each}:0" for each in (OF_CONSUMER if full_run else WORST_WINDOWS)]
    points += [f"{each}:3" for each in OF_BATCHES] if full_run else []
    rebuilds = [f"{each}:0" for each in (OF_REBUILD if full_run else WORST_OF_REBUILD)]
    states = shuffled_histories(400, seed=1)
    checks = [new_check(at) for at in range(KEPT + 3)]
    outcomes, scores = shuffled_outcomes(300, seed=2), shuffled_scores(20, seed=3)
    async with running_service(short_session_servers, topic_prefix, tmp_path) as service:
        share = len(states) // len(points) + 1
        for at, kill_point in enumerate(points):
            await service.publish_states(states[at * share : (at + 1) * share])
            await service.publish_checks(checks[at :: len(points)])
            await service.publish_outcomes(outcomes[at :: len(points)])
            await service.publish_scores(scores[at :: len(points)])
            await service.pool.execute(QUEUE_EVERY_CASE)
            await die_at(service, kill_point, "--only", "loop")
        await service.publish_checks(checks[-1:])
        running = service.start("--only", "loop", **SETTINGS)
        expected = fold(states, checks, outcomes, scores)
        await assert_folded(service, expected)
        indexes = await service.index_names()

        for kill_point in rebuilds:
            await service.pool.execute("UPDATE case_row SET status = 'planted' WHERE version = 1")
            await service.pool.execute("UPDATE conservation_check SET holds = NOT holds")
            await die_at(service, kill_point, "--rebuild")
        rebuilding = service.start("--rebuild", **SETTINGS)
        # What is polled while its lane is rewound must not be taken for all that compaction left.
        late = shuffled_scores(1000, seed=4)
        sent = 0
        while rebuilding.poll() is None and sent < len(late):
            await service.publish_scores([late[sent]])
            sent += 1
        assert await await_exit(rebuilding, within_s=60) == 0, service.log_text()
        expected = fold(states, checks, outcomes, [*scores, *late[:sent]])

        await assert_folded(service, expected)
        assert await service.index_names() == indexes
        assert running.poll() is None, service.log_text()
