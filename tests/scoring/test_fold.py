"""Facts and tallies against a recount by other means, on a real PostgreSQL, however records arrive."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paidan_chassis.consumer.records import Record
from paidan_contracts.state import CaseState
from paidan_scoring.city_packs import Packs
from paidan_scoring.handlers import Fold
from tests.scoring import case_histories, database_fixture, oracle

ZONE: Final = "Asia/Shanghai"
PACK: Final = database_fixture.version(database_fixture.pack())
# Around midnight in Shanghai, which is 16:00 UTC: the UTC day and the city's differ for half of them.
NEAR_MIDNIGHT: Final = datetime(2026, 3, 31, 15, 30, tzinfo=UTC)

# Few departments and moves that follow on each other often, so that cases get far and come back to the same department.
MOVES: Final = st.sampled_from(
    [
        case_histories.assign("a"),
        case_histories.assign("a"),
        case_histories.assign("b", hours=None),
        case_histories.accept,
        case_histories.accept,
        case_histories.finish,
        case_histories.finish,
        case_histories.close,
        case_histories.rework,
        case_histories.give_back,
        case_histories.take_away,
        case_histories.run_out,
        case_histories.ask("dissatisfied"),
        case_histories.ask("satisfied"),
        case_histories.reopen,
        case_histories.void,
        case_histories.join,
        case_histories.refile("E0111", None),
    ]
)
LIVES: Final = st.lists(st.tuples(st.booleans(), st.lists(MOVES, min_size=1, max_size=14)), min_size=1, max_size=4)


def versions(lives: list[tuple[bool, list[case_histories.Move]]]) -> list[list[CaseState]]:
    """Give every version of some cases, half of them reported before midnight and half after it."""
    return [
        list(
            case_histories.lived(
                case_histories.opened(number, pack=PACK, at=NEAR_MIDNIGHT + timedelta(hours=late)), moves
            )
        )
        for number, (late, moves) in enumerate(lives)
    ]


@pytest.fixture(autouse=True)
async def published(pool: "asyncpg.Pool[Any]") -> None:
    """Publish the tiny city."""
    await database_fixture.publish(pool, database_fixture.pack())


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(lives=LIVES, data=st.data())
async def test_tables_hold_what_a_recount_finds_however_records_arrive(
    pool: "asyncpg.Pool[Any]", lives: list[tuple[bool, list[case_histories.Move]]], data: st.DataObject
) -> None:
    """Repeats, old versions after newer ones and batch borders are Kafka's business; residents must not notice."""
    await database_fixture.clear(pool)
    states = [state for life in versions(lives) for state in life]
    arriving = data.draw(st.permutations([*states, *data.draw(st.lists(st.sampled_from(states), max_size=8))]))
    numbers = {(state.case_id, state.version): number for number, state in enumerate(states)}
    relayed = numbers if data.draw(st.booleans()) else {}
    handler, cuts = Fold(Packs(pool)), sorted(data.draw(st.lists(st.integers(0, len(arriving)), max_size=4)))

    for begin, end in zip([0, *cuts], [*cuts, len(arriving)], strict=True):
        await database_fixture.fold(pool, handler, placed(arriving[begin:end], relayed))

    expected = sorted(oracle.lines(states, ZONE))
    assert await database_fixture.facts(pool) == expected
    assert await database_fixture.tallies(pool) == oracle.tallied(expected)


def placed(states: list[CaseState], numbers: dict[tuple[str, int], int]) -> list[Record]:
    """Put each case into the one of two partitions that its id chooses, under the number its lane gave the step."""
    return [
        case_histories.record(
            state,
            offset=offset,
            partition=int(state.case_id[-1], 16) % 2,
            sequence=numbers.get((state.case_id, state.version)),
        )
        for offset, state in enumerate(states)
    ]


async def test_a_later_step_that_cannot_be_read_hides_no_earlier_one(pool: "asyncpg.Pool[Any]") -> None:
    """A step of tomorrow's contract goes to the dead letters; what was readable before it still counts."""
    await database_fixture.clear(pool)
    steps = list(
        case_histories.lived(case_histories.opened(1, pack=PACK), [case_histories.assign("a"), case_histories.accept])
    )
    records = [case_histories.record(state, offset=offset, sequence=offset) for offset, state in enumerate(steps)]
    records[2] = records[2]._replace(value=b'{"type": "case.accepted.v2"}')

    work = await database_fixture.fold(pool, Fold(Packs(pool)), records)

    assert [(record.offset, reason) for record, reason, _ in work.buried] == [(2, "unknown_type")]
    assert [line.version for line in await database_fixture.facts(pool)] == [2]


async def test_a_step_under_another_cases_key_is_set_aside(pool: "asyncpg.Pool[Any]") -> None:
    """It could come in by another partition than the rest of its case, and be folded by two owners at once."""
    await database_fixture.clear(pool)
    stray = case_histories.record(case_histories.opened(1, pack=PACK), offset=0)._replace(key=b"tiny-" + b"0" * 32)

    work = await database_fixture.fold(pool, Fold(Packs(pool)), [stray])

    assert [(reason, field) for _, reason, field in work.buried] == [("invalid", "key")]
    assert await database_fixture.facts(pool) == []
