"""Owners of two partitions of the inbox at work at once: what they contend for is decided once, and nobody is ended."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from paidan_chassis.consumer.batch import Batch, Lane
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.connection import HeldConnection
from paidan_chassis.consumer.fence import Fence
from paidan_chassis.consumer.lane_state import LaneState, LogBounds
from paidan_chassis.consumer.outbox_chunks import ChunkWriter
from paidan_chassis.consumer.owned_lanes import LaneWriter, OwnedLanes
from paidan_chassis.consumer.relay import Relay
from paidan_chassis.consumer.writes import Write
from paidan_chassis.kafka.record_batch import RecordBatch
from paidan_chassis.observability import logs
from paidan_contracts.actions import Urge
from paidan_contracts.topics import INBOX
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.handlers import InboxHandler
from tests import vault
from tests.dispatch.applied_inbox import InboxRecords
from tests.dispatch.inbox_entries import build_action, build_report, case_id_of, city_in_force
from tests.polling import poll

TOPICS = ("paidan.cases", "paidan.outcomes", "paidan.dead-letters", "paidan.orders.streets")

COUNT_WAITING_TRANSACTIONS = """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE datname = current_database()
       AND wait_event_type = 'Lock'
       AND xact_start < query_start
"""
"""Sessions that wait in a later statement of a transaction, not in one that is a transaction of its own."""


class UnusedSender:
    """A sender of a relay that does not run."""

    async def send_batches(self, batches: Sequence[RecordBatch]) -> None: ...

    async def partitions(self, topic: str) -> int:
        return len(topic)


class OvertakenHandler(InboxHandler):
    """A handler that another owner overtakes between its decision and its statement."""

    def __init__(self) -> None:
        super().__init__(PackCache())
        self.overtake: Any = None

    async def prepare(self, batch: Batch) -> Sequence[Write] | None:
        writes = await super().prepare(batch)
        if self.overtake is not None:
            overtake, self.overtake = self.overtake, None
            await overtake()
        return writes


@dataclass(slots=True)
class Owner:
    """The owner of one partition."""

    handler: OvertakenHandler
    connection: HeldConnection
    fence: Fence


@asynccontextmanager
async def owner_of(pool: "asyncpg.Pool[Any]", partition: int, *, lock_wait_s: float = 0.3) -> AsyncIterator[Owner]:
    log, lane = logs.get_logger(), Lane(INBOX.name, partition)
    await pool.execute(
        "INSERT INTO lane (consumer, topic, partition, next_offset) VALUES ('dispatch', $1, $2, 0)"
        " ON CONFLICT (consumer, topic, partition) DO UPDATE SET next_offset = 0, seq = 0, relayed_seq = 0",
        *lane,
    )
    await pool.execute("DELETE FROM outbox")
    lanes, relay, handler = OwnedLanes(), Relay("dispatch", UnusedSender(), log), OvertakenHandler()
    lanes.add(lane, LaneState(0, 0, LogBounds("cluster", "topic", 0, 99)))
    relay.take_over(lane, relayed_seq=0, previous={}, chunks=[])
    connection = HeldConnection(pool, log, lock_wait_s=lock_wait_s)
    fence = Fence(
        Subscription("dispatch", topics=(INBOX.name,), cipher=vault.build_cipher()),
        handler,
        connection=connection,
        lanes=lanes,
        lane_writer=LaneWriter(lanes, relay, ChunkWriter("dispatch", dict.fromkeys(TOPICS, 4))),
    )
    try:
        yield Owner(handler, connection, fence)
    finally:
        await connection.discard()


@pytest.fixture(autouse=True)
async def _no_dead_letters(pool: "asyncpg.Pool[Any]") -> None:
    await pool.execute("DELETE FROM dead_letter")


async def test_an_action_that_was_dead_lettered_is_applied_by_one_partition(pool: "asyncpg.Pool[Any]") -> None:
    here, there = build_report("here"), build_report("there", east_m=9000)
    one, other = (build_action(case_id_of(each), Urge(), by="operator:olga", ref="same") for each in (here, there))
    unreadable = one.model_dump_json().encode().replace(b'"digest":"', b'"digest":"zz')
    log = InboxRecords().append(city_in_force(), here, unreadable, one, partition=0)
    log.append(city_in_force(), there, other, partition=1)
    records = {(each.partition, each.offset): each for each in log.records}
    async with owner_of(pool, 0) as first, owner_of(pool, 1) as second:
        for owner, place in ((first, (0, 0)), (first, (0, 1)), (first, (0, 2)), (second, (1, 0)), (second, (1, 1))):
            await owner.fence.apply([records[place]], {})
        assert await pool.fetchval("SELECT result FROM outcome WHERE about = 'action'") == "dead_lettered"

        second.handler.overtake = lambda: first.fence.apply([records[0, 3]], {})
        result = await second.fence.apply([records[1, 2]], {})

        assert dict(result.counts) == {}  # a repeat, by the digest
        versions = dict(await pool.fetch("SELECT case_id, version FROM case_now"))
        assert versions == {case_id_of(here): 2, case_id_of(there): 1}


async def test_a_session_that_works_is_waited_for_and_not_ended(pool: "asyncpg.Pool[Any]") -> None:
    """It holds no lane of ours: another partition's batch has decided the same id and is not committed."""
    report = build_report("contended")
    log = InboxRecords().append(city_in_force(), report)
    async with owner_of(pool, 0) as owner, pool.acquire() as other:
        await owner.fence.apply(log.records[:1], {})
        transaction = other.transaction()
        await transaction.start()
        await other.execute(
            "INSERT INTO outcome (id, about, result, decided_at) VALUES ($1, 'report', 'noted', now())",
            report.report_id,
        )
        applying = asyncio.ensure_future(owner.fence.apply(log.records[1:], {}))
        await poll(lambda: pool.fetchval(COUNT_WAITING_TRANSACTIONS), what="the statement gave up")

        await transaction.rollback()  # raises if the session was ended
        await applying

    assert owner.connection.terminated == 0
