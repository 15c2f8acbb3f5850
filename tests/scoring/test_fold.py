"""Facts and tallies agree with the oracle, on a real PostgreSQL, in whatever order records arrive."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paidan_chassis.consumer.batch import Batch, Record
from paidan_contracts.state import CaseState
from paidan_scoring.city_packs import PackCache
from paidan_scoring.handlers import Fold
from tests.scoring import case_histories, database_fixture, oracle

ZONE: Final = "Asia/Shanghai"
PACK: Final = database_fixture.pack_version(database_fixture.pack_bytes())
# Around midnight in Shanghai, which is 16:00 UTC: the UTC day and the city's differ for half of them.
NEAR_MIDNIGHT: Final = datetime(2026, 3, 31, 15, 30, tzinfo=UTC)

# Few departments and moves that follow on each other often, so that cases get far and come back to the same department.
ALL_MOVES: Final = st.sampled_from(
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
        case_histories.return_case,
        case_histories.withdraw,
        case_histories.expire,
        case_histories.call_back("dissatisfied"),
        case_histories.call_back("satisfied"),
        case_histories.rate("satisfied", "dissatisfied"),
        case_histories.rate(None, "dissatisfied"),
        case_histories.move_back,
        case_histories.reopen,
        case_histories.void,
        case_histories.join,
        case_histories.exempt,
        case_histories.refile("E0111", None),
    ]
)
HISTORIES: Final = st.lists(
    st.tuples(st.booleans(), st.lists(ALL_MOVES, min_size=1, max_size=14)), min_size=1, max_size=4
)


def versions(histories: list[tuple[bool, list[case_histories.CaseMove]]]) -> list[list[CaseState]]:
    """Return every version of some cases, half of them reported before midnight and half after it."""
    return [
        list(
            case_histories.history(
                case_histories.new_case(number, pack=PACK, at=NEAR_MIDNIGHT + timedelta(hours=late)), moves
            )
        )
        for number, (late, moves) in enumerate(histories)
    ]


@pytest.fixture(autouse=True)
async def publish_packs(pool: "asyncpg.Pool[Any]") -> None:
    """Publish the tiny city."""
    await database_fixture.publish_pack(pool, database_fixture.pack_bytes())


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(histories=HISTORIES, data=st.data())
async def test_tables_agree_with_the_oracle_in_any_arrival_order(
    pool: "asyncpg.Pool[Any]", histories: list[tuple[bool, list[case_histories.CaseMove]]], data: st.DataObject
) -> None:
    """Repeats, old versions after newer ones and the bounds of batches must not change any count."""
    await database_fixture.clear_tables(pool)
    states = [state for case_versions in versions(histories) for state in case_versions]
    arriving = data.draw(st.permutations([*states, *data.draw(st.lists(st.sampled_from(states), max_size=8))]))
    numbers = {(state.case_id, state.version): number for number, state in enumerate(states)}
    relayed = numbers if data.draw(st.booleans()) else {}
    handler, cuts = Fold(PackCache(pool)), sorted(data.draw(st.lists(st.integers(0, len(arriving)), max_size=4)))

    for begin, end in zip([0, *cuts], [*cuts, len(arriving)], strict=True):
        await database_fixture.apply_records(pool, handler, records_of(arriving[begin:end], relayed))

    expected = sorted(oracle.expected_facts(states, ZONE))
    assert await database_fixture.read_facts(pool) == expected
    assert await database_fixture.read_tallies(pool) == oracle.expected_tallies(expected)


def records_of(states: list[CaseState], numbers: dict[tuple[str, int], int]) -> list[Record]:
    """Assign each case to one of two partitions by its id, and each step its sequence number."""
    return [
        case_histories.case_record(
            state,
            offset=offset,
            partition=int(state.case_id[-1], 16) % 2,
            sequence=numbers.get((state.case_id, state.version)),
        )
        for offset, state in enumerate(states)
    ]


async def test_an_undecodable_later_step_hides_no_earlier_one(pool: "asyncpg.Pool[Any]") -> None:
    """A step of a later contract is dead-lettered; the decodable ones before it still count."""
    await database_fixture.clear_tables(pool)
    steps = list(
        case_histories.history(
            case_histories.new_case(1, pack=PACK), [case_histories.assign("a"), case_histories.accept]
        )
    )
    records = [case_histories.case_record(state, offset=offset, sequence=offset) for offset, state in enumerate(steps)]
    records[2] = records[2]._replace(value=b'{"type": "case.accepted.v2"}')

    work = await database_fixture.apply_records(pool, Fold(PackCache(pool)), records)

    assert [(record.offset, reason) for record, reason, _ in work.dead_letters] == [(2, "unknown_type")]
    assert [line.version for line in await database_fixture.read_facts(pool)] == [2]


async def test_event_under_another_cases_key_is_dead_lettered(pool: "asyncpg.Pool[Any]") -> None:
    """It could come in by another partition than the rest of its case, and be folded by two owners at once."""
    await database_fixture.clear_tables(pool)
    stray = case_histories.case_record(case_histories.new_case(1, pack=PACK), offset=0)._replace(
        key=b"tiny-" + b"0" * 32
    )

    work = await database_fixture.apply_records(pool, Fold(PackCache(pool)), [stray])

    assert [(reason, field) for _, reason, field in work.dead_letters] == [("invalid_field", "key")]
    assert await database_fixture.read_facts(pool) == []


async def test_a_session_keeps_the_planners_options_and_gets_them_again_after_a_rollback(
    pool: "asyncpg.Pool[Any]",
) -> None:
    """Without them, a large batch on a large table could be folded by reading all of it, row by row."""
    handler = Fold(PackCache(pool))
    record = case_histories.case_record(case_histories.new_case(1, pack=PACK), offset=0)
    async with pool.acquire() as acquired:
        connection = cast("asyncpg.Connection[Any]", acquired)

        async def options_during_a_batch(*, committed: bool) -> tuple[str, str]:
            transaction = connection.transaction()
            await transaction.start()
            await handler.apply(Batch(connection, [record], max_message_bytes=1_000_000))
            in_force = (
                await connection.fetchval("SHOW enable_seqscan"),
                await connection.fetchval("SHOW plan_cache_mode"),
            )
            await (transaction.commit() if committed else transaction.rollback())
            return in_force

        without_planning = ("off", "force_generic_plan")
        assert await options_during_a_batch(committed=False) == without_planning
        handler.clear_cache()
        assert await options_during_a_batch(committed=True) == without_planning
        assert await options_during_a_batch(committed=True) == without_planning
