"""Where a lane resumes: after a restore of the database, after missing records, at the log's end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from paidan_chassis.consumer.batch import Lane, Record
from paidan_chassis.consumer.consumer import LaneConsumer
from paidan_chassis.kafka.record_batch import ProducerRecord
from tests.chassis.consumer_harness import ConsumerHarness, make_bodies
from tests.chassis.foreign_records import append_records
from tests.polling import poll
from tests.servers import ServerAddresses, fresh_database

pytestmark = pytest.mark.takes(seconds=30)

TERMINATE_SESSIONS = """
    SELECT pg_terminate_backend(pid)
      FROM pg_stat_activity
     WHERE application_name = 'paidan-ledger'
       AND datname = current_database()
"""
SAVED_POSITIONS = ("entry", "balance", "account", "lane", "outbox", "dead_letter")


async def test_restored_backup_replays_to_identical_messages(
    harness: ConsumerHarness, servers: ServerAddresses
) -> None:
    """Kafka's own offsets stay where they were; messages published again are identical, numbers included."""
    await harness.send(make_bodies(400))
    async with harness.run_in_process():
        await harness.wait_settled(400)
    name = harness.options.dsn.rpartition("/")[2]
    async with fresh_database(servers, template=name) as copy:
        await harness.send(make_bodies(400, name="after the copy"))
        async with harness.run_in_process():
            await harness.wait_settled(800)

        restored = replace(harness, options=replace(harness.options, dsn=copy))
        assert await restored.balance() == 400
        async with restored.run_in_process():
            await restored.wait_settled(800)

        await restored.audit()


async def test_restore_under_a_running_consumer_is_detected_and_replayed(harness: ConsumerHarness) -> None:
    """The owner drops its cache and state, and seeks back to the restored positions."""
    await harness.send(make_bodies(200))
    async with harness.run_in_process():
        await harness.wait_settled(200)
        await copy_database(harness)
        await harness.send(make_bodies(200, name="undone"))
        await harness.wait_settled(400)
        await restore_copy(harness)

        await harness.send(make_bodies(100, name="after"))
        await harness.wait_settled(500)

    await harness.audit()


async def copy_database(harness: ConsumerHarness) -> None:
    """Copy all tables that a restore brings back."""
    async with harness.conn() as conn:
        for table in SAVED_POSITIONS:
            await conn.execute(f"CREATE TABLE saved_{table} AS TABLE {table}")


async def restore_copy(harness: ConsumerHarness, *, ending_sessions: bool = False) -> None:
    """Replace the tables by the copy in one transaction."""
    async with harness.conn() as conn, conn.transaction():
        await conn.execute("LOCK TABLE lane")
        for table in SAVED_POSITIONS:
            columns = "" if table != "entry" else "OVERRIDING SYSTEM VALUE"
            await conn.execute(f"DELETE FROM {table}; INSERT INTO {table} {columns} TABLE saved_{table}")
        if ending_sessions:
            await conn.execute(TERMINATE_SESSIONS)


@pytest.mark.parametrize(
    ("compare_every_s", "ending_sessions"),
    [(0.2, False), (3600.0, True)],
    ids=["noticed in its time", "noticed at the loss of the session"],
)
async def test_restore_is_replayed_on_idle_lanes(
    harness: ConsumerHarness, compare_every_s: float, ending_sessions: bool
) -> None:
    """An idle lane has no batch that would find its row moved, so its row is compared periodically."""
    await harness.send(make_bodies(200))
    async with harness.run_in_process(compare_every_s=compare_every_s):
        await harness.wait_settled(200)
        await copy_database(harness)
        await harness.send(make_bodies(200, name="undone"))
        await harness.wait_settled(400)
        await restore_copy(harness, ending_sessions=ending_sessions)

        await harness.wait_settled(400, within_s=30)

    await harness.audit()


async def test_manually_lowered_position_is_followed(harness: ConsumerHarness) -> None:
    """No records arrive, and Kafka's own offsets are at the end: the database's position alone counts."""
    await harness.send(make_bodies(100))
    async with harness.run_in_process():
        await harness.wait_settled(100)
    async with harness.conn() as conn:
        await conn.execute("UPDATE lane SET next_offset = next_offset - 1")

    async with harness.run_in_process():
        await harness.wait_settled(103)


async def test_missing_records_are_sought_once_and_then_logged(harness: ConsumerHarness) -> None:
    """The end of another producer's transaction takes an offset that no consumer ever sees."""
    await harness.send(["before"])
    producer = AIOKafkaProducer(bootstrap_servers=harness.options.kafka, transactional_id=harness.options.prefix)
    await producer.start()
    for number in range(3):
        async with producer.transaction():
            await producer.send_and_wait(
                harness.options.cluster().prefixed("in"), f"in a transaction {number}".encode(), partition=0, key=b"k"
            )
        harness.sent.append(f"in a transaction {number}")
    await producer.stop()

    with harness.start_process(max_records=1) as actor:
        await harness.wait_settled(4)
        assert "records_missing" in actor.log_text()

    await harness.audit()


async def test_skipped_records_are_fetched_again(harness: ConsumerHarness) -> None:
    """A client may reset itself to another offset; skipped records are fetched again, and no gap is reported."""
    await harness.send(make_bodies(60), keys=1)
    async with harness.run_in_process(sleep_s=0.5, max_records=10):
        await harness.wait_applied(10)
        (consumer,) = harness.consumers
        (busy,) = [lane for lane in consumer.lanes() if not consumer.has_caught_up(lane)]
        consumer._run._subscriber.seek(busy, 45)  # noqa: SLF001 - as aiokafka would by itself
        await harness.wait_settled(60)

        assert consumer.metrics().gaps == 0
    await harness.audit()


async def test_split_batch_does_not_count_as_second_gap_check(harness: ConsumerHarness) -> None:
    """Another lane's poison record splits the batch; each part begins too far on, and nothing was read in between."""
    async with hold_lane(harness) as (consumer, skipped):
        await append_records(harness, [ProducerRecord("in", 1, b"k", b"nul", [])])

        await consumer._run._batch_runner.run([*skipped, *await records(harness, 1)])  # noqa: SLF001 - as one poll

        assert await harness.dead_letter_count() == 1
        assert (await harness.balance(), consumer.metrics().gaps) == (0, 0)
        await consumer_advances(harness, consumer)


async def test_batch_from_before_a_rebalance_does_not_count_as_gap_check(harness: ConsumerHarness) -> None:
    """The offset in Kafka is above that of a restored database, so each assignment begins with records too far on."""
    async with hold_lane(harness) as (consumer, skipped):
        for _ in range(3):
            await consumer._run._batch_runner.run(skipped)  # noqa: SLF001
            await consumer._run._release_lanes()  # noqa: SLF001 - as each rebalance has it

        assert (await harness.balance(), consumer.metrics().gaps) == (0, 0)
        await consumer_advances(harness, consumer)


@asynccontextmanager
async def hold_lane(harness: ConsumerHarness) -> AsyncIterator[tuple[LaneConsumer, list[Record]]]:
    """Run a consumer whose batches are blocked; yield the second half of the records that wait in one lane."""
    async with harness.run_in_process():
        await poll(lambda: [len(each.lanes()) for each in harness.consumers] == [3], what="its lanes")
        (consumer,) = harness.consumers
        async with consumer._run._rebalance.batch_lock:  # noqa: SLF001 - nothing else has one
            harness.sent += make_bodies(20)
            await append_records(harness, [ProducerRecord("in", 0, b"k", body.encode(), []) for body in harness.sent])
            yield consumer, (await records(harness, 0))[10:]


async def consumer_advances(harness: ConsumerHarness, consumer: LaneConsumer) -> None:
    """Release the consumer's batches, and check that it applies everything."""
    consumer._run._rebalance.batch_lock.release()  # noqa: SLF001
    try:
        await harness.wait_settled(20, within_s=30)
        assert consumer.metrics().gaps == 0
    finally:
        await consumer._run._rebalance.batch_lock.acquire()  # noqa: SLF001
    await harness.audit()


async def records(harness: ConsumerHarness, partition: int) -> list[Record]:
    """Return a lane's records as the consumer's polls do."""
    return [
        Record(
            "in", partition, each.offset, each.key, each.value, (), datetime.fromtimestamp(each.timestamp / 1000, UTC)
        )
        for each in await harness.read_topic("in")
        if each.partition == partition
    ]


async def test_log_ending_with_a_control_record_is_read_to_its_end(harness: ConsumerHarness) -> None:
    """Its last offset can never be applied: no lag, no stall, timers may fire."""
    await harness.send(["before"])
    producer = AIOKafkaProducer(bootstrap_servers=harness.options.kafka, transactional_id=harness.options.prefix)
    await producer.start()
    async with producer.transaction():
        await producer.send_and_wait(harness.options.cluster().prefixed("in"), b"last", partition=0, key=b"k")
    await producer.stop()
    harness.sent.append("last")

    async with harness.run_in_process(stalls_after_s=3.0) as task:
        await harness.wait_settled(2)
        consumer = harness.consumers[-1]
        await poll(lambda: consumer.has_caught_up(Lane("in", 0)), what="the end of the log")
        await poll(
            lambda: [each.lag_records for each in consumer.metrics().lanes.values()] == [0, 0, 0],
            what="no lag",
        )  # fmt: skip
        await asyncio.wait([task], timeout=5)
        assert not task.done()


async def test_lane_catches_up_only_at_the_end_seen_on_takeover(harness: ConsumerHarness) -> None:
    """Until then timers must not fire: what cancels them may still be unread."""
    await harness.send([f"in {number}" for number in range(60)], keys=1)
    async with harness.run_in_process(sleep_s=0.5, max_records=20):
        await harness.wait_applied(20)
        (consumer,) = harness.consumers
        behind = [lane for lane in consumer.lanes() if not consumer.has_caught_up(lane)]
        assert len(behind) == 1
        await poll(lambda: all(consumer.has_caught_up(lane) for lane in consumer.lanes()), what="the end")
        assert await harness.balance() == 60
