"""When timers fire: once due, in own partitions that have caught up, again after a fault; never twice needlessly."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
import pytest

from paidan_chassis.clock import RealClock, real_now
from paidan_chassis.consumer.batch import Lane
from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.message import Message
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_contracts.inbox import TimerDue
from paidan_contracts.state import CaseState
from paidan_contracts.topics import INBOX
from paidan_dispatch.cases.timers import next_due_at
from paidan_dispatch.inbox.timer_loop import SELECT_DUE, SELECT_NEXT_DUE, TimerScheduler
from paidan_dispatch.inbox.unit_of_work import StoredEvent
from tests import servers as real
from tests.dispatch.builders import opened_case
from tests.dispatch.database_fixture import clear_tables, open_pool
from tests.polling import poll

DAY: Final = timedelta(days=1)


@pytest.fixture(scope="module")
async def module_pool(servers: real.ServerAddresses) -> AsyncIterator["asyncpg.Pool[Any]"]:
    async with real.fresh_database(servers) as dsn, open_pool(dsn) as opened:
        yield opened


@pytest.fixture
async def pool(module_pool: "asyncpg.Pool[Any]") -> "asyncpg.Pool[Any]":
    await clear_tables(module_pool)
    return module_pool


@dataclass
class StubLog:
    """A lane owner in memory: owns lanes, stores what is appended, may be unavailable."""

    own: Collection[int] = (0, 1)
    behind: Collection[int] = ()
    faults: int = 0
    polls: int = 0
    appended: list[TimerDue] = field(default_factory=list)

    def lanes(self) -> list[Lane]:
        self.polls += 1
        return [Lane(INBOX.name, each) for each in self.own]

    def has_caught_up(self, lane: Lane) -> bool:
        return lane.partition not in self.behind

    async def send_unsequenced(self, messages: Sequence[Message]) -> None:
        if self.faults:
            self.faults -= 1
            raise Unacknowledged("Kafka is unavailable")
        self.appended += [TimerDue.model_validate_json(message.value) for message in messages]


async def set_timers(
    pool: "asyncpg.Pool[Any]", count: int, *, partition: int, due_at: datetime, handle_after: timedelta = DAY
) -> None:
    """Insert so many cases of one partition that wait to be accepted, due one millisecond apart in pairs."""
    states = [
        waiting_case(f"tiny-{partition:016x}{n:016x}", due_at + timedelta(milliseconds=n // 2), handle_after)
        for n in range(count)
    ]
    events = [(state.case_id, 1, StoredEvent(state=state).model_dump_json().encode(), bytes(32)) for state in states]
    await pool.copy_records_to_table("history", records=events)
    await pool.executemany(
        "INSERT INTO case_now (case_id, lane, version, city, area, status, channel, past, reported_at, recurs_until,"
        " next_due_at, chain) VALUES ($1, $2, 1, 'tiny', 'tiny', 'dispatched', 'hotline', false, $3, 'infinity',"
        " $4, sha256(''))",
        [(state.case_id, partition, state.reported_at, next_due_at(state)) for state in states],
    )


def waiting_case(case_id: str, accept_by: datetime, handle_after: timedelta) -> CaseState:
    """Build a case that a department is to accept, and later to handle."""
    state = opened_case()
    [assignment] = state.assignments
    [limit] = assignment.limits
    limits = (limit.model_copy(update={"due_at": accept_by + handle_after}),)
    assigned = assignment.model_copy(update={"accept_by": accept_by, "limits": limits})
    return state.model_copy(update={"case_id": case_id, "assignments": (assigned,)})


@asynccontextmanager
async def running_scheduler(
    pool: "asyncpg.Pool[Any]", log: StubLog, *, per_claim: int = 3
) -> AsyncIterator[TimerScheduler]:
    timers, stop = TimerScheduler(pool, RealClock(), batch_size=per_claim), asyncio.Event()
    progress = Health(Metrics("test")).register_loop("timers")
    running = asyncio.create_task(timers.run(log, progress, stop))
    try:
        yield timers
    finally:
        stop.set()
        await running


async def test_every_due_timer_of_our_lanes_is_appended_once(pool: "asyncpg.Pool[Any]") -> None:
    """More than one claim holds, with equal times across the border between two claims; they stay in the table."""
    past, log = real_now() - timedelta(minutes=1), StubLog()
    await set_timers(pool, 10, partition=0, due_at=past)
    await set_timers(pool, 4, partition=1, due_at=past)
    await set_timers(pool, 5, partition=2, due_at=past)
    await set_timers(pool, 5, partition=1 << 20, due_at=past)

    async with running_scheduler(pool, log) as timers:
        await poll(lambda: len(log.appended) >= 14, what="all appended")
        polled = log.polls
        timers.notify(past)  # reads the table at once, and finds the timers that are not consumed yet
        await poll(lambda: log.polls >= polled + 2, what="another poll, and one after it")

    assert len({timer.timer_id for timer in log.appended}) == len(log.appended) == 14
    assert [timer.due_at for timer in log.appended] == sorted(timer.due_at for timer in log.appended)
    assert await pool.fetchval("SELECT count(*) FROM case_now WHERE next_due_at <= $1", real_now()) == 24


async def test_several_clocks_of_a_case_that_are_due_at_once_all_fire(pool: "asyncpg.Pool[Any]") -> None:
    """As after a night without dispatch; one that is due later waits."""
    past, log = real_now() - timedelta(minutes=1), StubLog()
    await set_timers(pool, 5, partition=0, due_at=past, handle_after=timedelta(seconds=10))
    await set_timers(pool, 1, partition=1, due_at=past)

    async with running_scheduler(pool, log):
        await poll(lambda: len(log.appended) >= 11, what="both clocks of five cases, and one")

    assert Counter(timer.kind for timer in log.appended) == {"accept": 6, "handle": 5}


async def test_a_case_whose_clocks_are_not_due_yet_is_left_alone(pool: "asyncpg.Pool[Any]") -> None:
    """A row may be due too early: release 0.1 kept clocks that follow from no state."""
    past, log = real_now() - timedelta(minutes=1), StubLog()
    await set_timers(pool, 1, partition=0, due_at=real_now() + DAY)
    await pool.execute("UPDATE case_now SET next_due_at = $1", past)
    await set_timers(pool, 1, partition=1, due_at=past)

    async with running_scheduler(pool, log):
        await poll(lambda: log.appended, what="the other case's clock")

    assert [timer.case_id[-17] for timer in log.appended] == ["1"]


async def test_a_clock_fires_although_its_case_was_read_before_it_was_due(pool: "asyncpg.Pool[Any]") -> None:
    """The state in which the row was due too early is the one whose next clock runs on."""
    log, soon = StubLog(), real_now() + timedelta(seconds=1)
    await set_timers(pool, 1, partition=0, due_at=soon)
    await pool.execute("UPDATE case_now SET next_due_at = $1", real_now() - timedelta(minutes=1))

    async with running_scheduler(pool, log):
        await poll(lambda: log.appended, what="appended when due")

    assert [timer.due_at for timer in log.appended] == [soon]


async def test_no_timer_fires_before_its_lane_has_read_what_was_in_the_log(pool: "asyncpg.Pool[Any]") -> None:
    """What cancels a timer may be unread in the log: after a restore, everything since the copy."""
    past, log = real_now() - timedelta(minutes=1), StubLog(behind={1})
    await set_timers(pool, 2, partition=0, due_at=past)
    await set_timers(pool, 2, partition=1, due_at=past)

    async with running_scheduler(pool, log) as timers:
        await poll(lambda: len(log.appended) >= 2, what="the lane that has caught up")
        assert {timer.case_id[-17] for timer in log.appended} == {"0"}
        log.behind = ()
        timers.notify(past)
        await poll(lambda: len(log.appended) >= 4, what="the other lane")


async def test_a_timer_that_kafka_did_not_take_is_appended_again(pool: "asyncpg.Pool[Any]") -> None:
    log = StubLog(faults=1)
    await set_timers(pool, 2, partition=0, due_at=real_now() - timedelta(minutes=1))

    async with running_scheduler(pool, log):
        await poll(lambda: len(log.appended) >= 2, what="appended after the fault")

    assert log.faults == 0


async def test_the_sleep_ends_when_the_next_timer_is_due_or_an_earlier_one_is_set(pool: "asyncpg.Pool[Any]") -> None:
    log, soon = StubLog(), real_now() + timedelta(milliseconds=400)
    await set_timers(pool, 1, partition=0, due_at=soon)

    async with running_scheduler(pool, log):
        await poll(lambda: log.appended, what="appended when due")

    assert log.appended[0].due_at == soon


async def test_next_timers_are_found_by_index(pool: "asyncpg.Pool[Any]") -> None:
    """It is queried after every batch; a city has hundreds of thousands of timers."""
    now = real_now()
    for partition in range(3):
        await set_timers(pool, 3000, partition=partition, due_at=now + timedelta(minutes=1 + partition))
    await set_timers(pool, 1, partition=7, due_at=now + timedelta(seconds=1))
    await pool.execute("ANALYZE case_now")

    found = await pool.fetchval(SELECT_NEXT_DUE, [2, 1], now)
    plan = json.loads(await pool.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {SELECT_NEXT_DUE}", [2, 1], now))

    assert found == now + timedelta(minutes=2)
    assert plan_rows_read("case_now", plan[0]["Plan"]) == 2

    page = [0, 1, 2], now + DAY, now + timedelta(minutes=1, seconds=1), "", 10
    plan = json.loads(await pool.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {SELECT_DUE}", *page))
    assert plan[0]["Plan"]["Actual Rows"] == 10
    assert plan_rows_read("case_now", plan[0]["Plan"]) < 200, "of 9,000 that are due"


def plan_rows_read(table: str, node: dict[str, Any]) -> float:
    """Return how many rows of a table a plan has read, those it filtered out included."""
    seen = node["Actual Rows"] + node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    own: float = seen * node["Actual Loops"] if node.get("Relation Name") == table else 0
    return own + sum(plan_rows_read(table, each) for each in node.get("Plans", ()))
