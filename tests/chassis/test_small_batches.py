"""A small batch is written by one statement: it changes nothing unless its lanes stand where this process left them."""

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import pytest
from pydantic import SecretStr

from paidan_chassis.consumer import positions
from paidan_chassis.consumer.batch import Batch, Lane, Record
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.connection import HeldConnection
from paidan_chassis.consumer.errors import LanesMoved
from paidan_chassis.consumer.fence import Fence
from paidan_chassis.consumer.lane_state import LaneState, LogBounds
from paidan_chassis.consumer.outbox_chunks import ChunkWriter
from paidan_chassis.consumer.owned_lanes import LaneWriter, OwnedLanes
from paidan_chassis.consumer.positions import LaneAdvance, LanePosition
from paidan_chassis.consumer.relay import Relay
from paidan_chassis.consumer.writes import Write, combine
from paidan_chassis.database import Connection, open_pool
from paidan_chassis.errors import Halt
from paidan_chassis.kafka.record_batch import RecordBatch
from paidan_chassis.observability import logs
from tests import vault
from tests.chassis.commit_proxy import CutPoint, commit_proxy
from tests.chassis.consumer_harness import ConsumerHarness, make_bodies
from tests.chassis.consumer_options import SCHEMA, KillPoint
from tests.chassis.test_consumer_kills import wait_killed
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=30)

FIRST, SECOND = Lane("in", 0), Lane("in", 1)
ADVANCES = [LaneAdvance(lane, LanePosition(0, 0), 5, 0, None) for lane in (FIRST, SECOND)]
INSERT_WORD = "INSERT INTO late SELECT unnest($1::text[])"


def test_parameters_of_combined_statements_do_not_collide() -> None:
    one = Write("one", "INSERT INTO a VALUES ($1, $2)", (1, 2))
    other = Write("other", "UPDATE b SET c = $2 WHERE d = $1 AND $2 < $11", tuple(range(11)))

    combined = combine([one, Write("third", "DELETE FROM e"), other], "SELECT count(*) FROM one")

    assert combined.sql == (
        "WITH one AS (INSERT INTO a VALUES ($1, $2)), third AS (DELETE FROM e),"
        " other AS (UPDATE b SET c = $4 WHERE d = $3 AND $4 < $13) SELECT count(*) FROM one"
    )
    assert combined.arguments == [1, 2, *range(11)]


@asynccontextmanager
async def connected(harness: ConsumerHarness) -> AsyncIterator[Connection]:
    """Connect, with rows for two lanes."""
    async with harness.conn() as conn:
        for lane in (FIRST, SECOND):
            await conn.execute(
                "INSERT INTO lane (consumer, topic, partition, next_offset) VALUES ('ledger', $1, $2, 0)", *lane
            )
        yield conn


async def written(conn: Connection) -> tuple[int, list[int]]:
    """Return how many words are stored, and where the lanes stand."""
    offsets = await conn.fetch("SELECT next_offset FROM lane ORDER BY partition")
    return await conn.fetchval("SELECT count(*) FROM late"), [row["next_offset"] for row in offsets]


async def test_nothing_is_written_when_one_lane_of_several_has_moved(harness: ConsumerHarness) -> None:
    async with connected(harness) as conn:
        await conn.execute("UPDATE lane SET seq = 1 WHERE partition = 1")

        with pytest.raises(LanesMoved):
            await positions.write_if_unmoved(conn, "ledger", ADVANCES, [], [Write("words", INSERT_WORD, (["a"],))])

        assert await written(conn) == (0, [0, 0])


async def test_lanes_are_compared_before_anything_else_is_written(harness: ConsumerHarness) -> None:
    """Another owner's rows are no conflict: it has applied these records."""
    async with connected(harness) as conn:
        await conn.execute("CREATE TABLE word (word text PRIMARY KEY)")
        await conn.execute("INSERT INTO word VALUES ('a')")
        await conn.execute("UPDATE lane SET next_offset = 1")
        words = Write("words", "INSERT INTO word SELECT unnest($1::text[])", (["a"],))

        with pytest.raises(LanesMoved):
            await positions.write_if_unmoved(conn, "ledger", ADVANCES, [], [words])


@pytest.mark.parametrize("moves", [True, False])
async def test_an_owner_in_its_transaction_is_waited_for(harness: ConsumerHarness, *, moves: bool) -> None:
    words = Write("words", INSERT_WORD, (["a"],))
    async with connected(harness) as conn, harness.conn() as other:
        transaction = other.transaction()
        await transaction.start()
        await positions.lock_lanes(other, "ledger", [SECOND])
        statement = asyncio.ensure_future(positions.write_if_unmoved(conn, "ledger", ADVANCES, [], [words]))
        waiting = partial(harness.fetch_number, COUNT_LOCK_WAITS, conn.get_server_pid())
        await poll(waiting, what="the statement waits")
        if moves:
            await positions.write_if_unmoved(other, "ledger", [ADVANCES[1]], [])
        await transaction.commit()

        if moves:
            with pytest.raises(LanesMoved):
                await statement
            assert await written(conn) == (0, [0, 5])
        else:
            await statement
            assert await written(conn) == (1, [5, 5])


class HaltingHandler:
    """A handler that finds something that must not be, as one may that reads another owner's state."""

    async def prepare(self, batch: Batch) -> Sequence[Write] | None:
        raise Halt("pack_missing", f"after {batch.records[0].offset}")

    async def apply(self, batch: Batch) -> None: ...

    def clear_cache(self) -> None: ...


class UnusedSender:
    """A sender of a relay that does not run."""

    async def send_batches(self, batches: Sequence[RecordBatch]) -> None: ...

    async def partitions(self, topic: str) -> int:
        return len(topic)


@pytest.mark.parametrize(("next_offset", "raised"), [(0, Halt), (1, LanesMoved)])
async def test_what_a_handler_finds_in_another_owners_state_does_not_halt(
    harness: ConsumerHarness, next_offset: int, raised: type[Exception]
) -> None:
    log = logs.get_logger()
    async with connected(harness) as conn, open_pool(SecretStr(harness.options.dsn), schema=SCHEMA, size=2) as pool:
        await conn.execute("UPDATE lane SET next_offset = $1", next_offset)
        lanes, relay = OwnedLanes(), Relay("ledger", UnusedSender(), log)
        lanes.add(FIRST, LaneState(0, 0, LogBounds("cluster", "topic", 0, 3)))
        connection = HeldConnection(pool, log, lock_wait_s=2.0)
        fence = Fence(
            Subscription("ledger", topics=("in",), cipher=vault.build_cipher()),
            HaltingHandler(),
            connection=connection,
            lanes=lanes,
            lane_writer=LaneWriter(lanes, relay, ChunkWriter("ledger", {})),
        )
        try:
            with pytest.raises(raised):
                await fence.apply([Record("in", 0, 0, b"key", b"body", (), datetime.now(UTC))], {})
        finally:
            await connection.discard()


@pytest.mark.parametrize("window", ["applying", "before_send"])
async def test_kill_before_the_statement_or_before_sending_neither_loses_nor_duplicates(
    harness: ConsumerHarness, window: KillPoint
) -> None:
    await harness.send(make_bodies(1500))
    with harness.start_process(prepares=True, kill_point=window, kill_after=700) as process:
        await wait_killed(process)

    with harness.start_process(prepares=True):
        await harness.wait_settled(1500)

    await harness.audit()


@pytest.mark.parametrize("cut", CutPoint)
async def test_statement_of_unknown_outcome_is_looked_up(harness: ConsumerHarness, cut: CutPoint) -> None:
    """The connection is lost at the statement, before or after the server has it."""
    await harness.send(make_bodies(600))
    statement = b'[["echo",'  # the index of the outbox's row
    async with (
        commit_proxy(harness.options.dsn, cut, every=3, statement=statement) as proxy,
        harness.run_in_process(dsn=proxy.dsn, prepares=True),
    ):
        await harness.wait_settled(600)
        assert proxy.cut_count > 0

    await harness.audit()


async def test_owner_that_decided_before_it_was_frozen_writes_nothing(harness: ConsumerHarness) -> None:
    """It has read and decided, holds no lock, and wakes after another owner has applied the same records."""
    await harness.send(make_bodies(40), keys=1)
    with harness.start_process(prepares=True, sleep_s=3.0) as frozen:
        await poll(lambda: "lanes_assigned" in frozen.log_text(), within_s=30, what="its lanes")
        await poll(lambda: harness.fetch_number(COUNT_IDLE_READERS), what="its decision")
        frozen.send_signal(signal.SIGSTOP)
        with harness.start_process(prepares=True):
            await harness.wait_settled(40)
            frozen.send_signal(signal.SIGCONT)
            await poll(lambda: "lanes_moved_by_another" in frozen.log_text(), within_s=30, what="its discovery")
            await harness.send(make_bodies(20, name="later"), keys=1)
            await harness.wait_settled(60)

    await harness.audit()


COUNT_LOCK_WAITS = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'"
# A session that has read the accounts, and idles outside of a transaction while its owner decides.
COUNT_IDLE_READERS = """
    SELECT count(*)
      FROM pg_stat_activity
     WHERE application_name = 'paidan-ledger'
       AND datname = current_database()
       AND state = 'idle'
       AND query LIKE '%FROM account%'
"""
