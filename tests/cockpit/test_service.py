"""The consumer on real servers: kills, repeats and disorder change nothing, and a rebuild gives the same rows."""

import random
import uuid
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from paidan_cockpit.case_events import CockpitCaseEvent
from paidan_cockpit.case_rows import ReadModelRow, case_row
from paidan_cockpit.check_queries import KEPT
from paidan_cockpit.words import words_of
from paidan_contracts.checks import ConservationChecked
from paidan_contracts.outcomes import OutcomeDecided, Refusal
from paidan_contracts.state import CaseState
from tests import servers as real
from tests.cockpit.cockpit_service import CockpitService, running_service
from tests.polling import poll
from tests.scoring import case_histories
from tests.scoring.case_histories import accept, assign, close, finish, join, return_case, rework
from tests.scoring.database_fixture import pack_bytes, pack_version
from tests.scoring.scoring_service import await_exit, await_value, kill_process

pytestmark = pytest.mark.takes(seconds=25)

CASE_MOVES: Final = (
    (assign("a"), accept, finish, close),
    (assign("a"), accept, return_case, assign("b"), accept, finish, rework, finish, close),
    (join,),
    (),
)


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


def folded(states: Sequence[CaseState]) -> dict[str, ReadModelRow]:
    """Return what the read model must hold: the row of each case's highest version."""
    newest: dict[str, CaseState] = {}
    for state in states:
        if state.case_id not in newest or newest[state.case_id].version < state.version:
            newest[state.case_id] = state
    events = (case_histories.case_event(state).model_dump_json() for state in newest.values())
    rows = (case_row(CockpitCaseEvent.model_validate_json(event)) for event in events)
    return {row.case_id: row for row in rows}


def new_check(number: int) -> ConservationChecked:
    """Build the result of the check of an hour."""
    at = case_histories.START + timedelta(hours=number)
    check_id, holds = str(uuid.UUID(int=number)), number % 2 == 0
    return ConservationChecked(check_id=check_id, checked_at=at, took_ms=1, holds=holds, received=number)


def shuffled_outcomes(number: int, seed: int) -> list[OutcomeDecided]:
    """Return outcomes of alarms, every fourth of them noted, in random order, a fifth of them twice."""
    rng = random.Random(seed)  # noqa: S311 - a test has to be repeatable, not secret
    outcomes = [new_outcome(each) for each in range(number)]
    again = rng.sample(outcomes, number // 5)
    return rng.sample([*outcomes, *again], number + len(again))


def new_outcome(number: int) -> OutcomeDecided:
    """Build the outcome of a report that opens no case, one a minute."""
    at = case_histories.START + timedelta(minutes=number)
    why = Refusal(code=("alarm_refired", "alarm_too_brief")[number % 2], message="m", message_zh="m")
    return OutcomeDecided(
        id=str(uuid.uuid5(uuid.NAMESPACE_OID, str(number))),
        about="report",
        result="noted" if number % 4 == 0 else "suppressed",
        why=None if number % 4 == 0 else why,
        area="tiny.990101",
        source="camera",
        recorded_at=at,
        decided_at=at,
    )


async def suppressed(service: CockpitService) -> int:
    return int(await service.pool.fetchval("SELECT COALESCE(sum(alarms), 0)::bigint FROM suppressed_tally"))


async def stored(service: CockpitService) -> dict[str, ReadModelRow]:
    rows = await service.pool.fetch("SELECT * FROM case_row")
    return {row["case_id"]: ReadModelRow(**row) for row in rows}


async def counted_reports(service: CockpitService) -> set[str]:
    rows = await service.pool.fetch("SELECT report_id::text FROM report_row")
    assert len(rows) == len({row["report_id"] for row in rows})
    return {row["report_id"] for row in rows}


async def indexed(service: CockpitService) -> dict[str, list[str]]:
    return {row["case_id"]: row["words"] for row in await service.pool.fetch("SELECT case_id, words FROM case_words")}


async def test_the_read_model_is_a_fold_of_the_log_whatever_is_killed(
    servers: real.ServerAddresses, topic_prefix: str, tmp_path: Path
) -> None:
    states = shuffled_histories(400, seed=1)
    expected = folded(states)
    words = {case_id: words_of(f"{row.text}\n{row.more_text}") for case_id, row in expected.items()}
    async with running_service(servers, topic_prefix, tmp_path) as service:
        checks = [new_check(at) for at in range(KEPT + 3)]
        await service.publish_checks([*checks, checks[-1]])
        running = service.start("--only", "loop")
        outcomes = shuffled_outcomes(200, seed=2)
        for number, begin in enumerate(range(0, len(states), 500)):
            await service.publish_outcomes(outcomes[number::3])
            await service.publish_states(states[begin : begin + 500])
            kill_process(running)
            running = service.start("--only", "loop")
        version_sum = sum(row.version for row in expected.values())
        await await_value(service.version_sum, version_sum, within_s=60, what="every case at its last version")

        kept = [each.check_id for each in reversed(checks)][:KEPT]
        await await_value(service.check_ids, kept, within_s=20, what="the newest checks, each once")
        assert await stored(service) == expected
        noted = {each.id for each in outcomes if each.result == "noted"}
        await await_value(lambda: suppressed(service), 200 - len(noted), within_s=20, what="each alarm, once")
        later = [new_outcome(200 + 4 * each + 1) for each in range(20)]
        await service.publish_outcomes([*outcomes, *later])
        alarms = 200 - len(noted) + len(later)
        await await_value(lambda: suppressed(service), alarms, within_s=20, what="each alarm, once, after repeats")
        assert await counted_reports(service) == {state.opened_by for state in states} | noted
        await poll(lambda: _equals(service, words), within_s=20, what="the words of every case")
        before = await service.dump_tables()
        indexes = await service.index_names()
        await service.pool.execute("UPDATE case_row SET status = 'planted' WHERE version = 1")
        await service.pool.execute("UPDATE conservation_check SET holds = NOT holds")
        assert await await_exit(service.start("--rebuild"), within_s=60) == 0, service.log_text()

        await await_value(service.dump_tables, before, within_s=20, what="the same rows as before")
        assert await service.index_names() == indexes
        assert running.poll() is None, service.log_text()


async def _equals(service: CockpitService, words: dict[str, list[str]]) -> bool:
    return await indexed(service) == words
