"""Where a lane goes on: after the database was set back, after records are missing, when the log is another one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from paidan_chassis import halts
from paidan_chassis.failures import Halted
from paidan_chassis.halts import Anchor
from paidan_chassis.records import Lane
from tests.chassis.stage import Stage, bodies
from tests.polling import poll
from tests.servers import Servers, fresh_database

SAVED = ("entry", "balance", "account", "lane", "outbox", "dead_letter")


@asynccontextmanager
async def admin(stage: Stage) -> AsyncIterator[AIOKafkaAdminClient]:
    """Act as the cluster's operator."""
    client = AIOKafkaAdminClient(bootstrap_servers=stage.orders.kafka)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


async def test_a_restored_copy_replays_to_the_same_numbers_and_bytes(stage: Stage, servers: Servers) -> None:
    """Kafka's own offsets stay where they were; what is said again is said with the same numbers, to the byte."""
    await stage.send(bodies(400))
    async with stage.here():
        await stage.settled(400)
    name = stage.orders.dsn.rpartition("/")[2]
    async with fresh_database(servers, template=name) as copy:
        await stage.send(bodies(400, name="after the copy"))
        async with stage.here():
            await stage.settled(800)

        restored = replace(stage, orders=replace(stage.orders, dsn=copy))
        assert await restored.balance() == 400
        async with restored.here():
            await restored.settled(800)

        await restored.audit()


async def test_a_database_set_back_under_a_running_owner_is_noticed_and_replayed(stage: Stage) -> None:
    """What the owner cached and remembers is void then; it seeks back to where the rows now say."""
    await stage.send(bodies(200))
    async with stage.here():
        await stage.settled(200)
        async with stage.conn() as conn:
            for table in SAVED:
                await conn.execute(f"CREATE TABLE saved_{table} AS TABLE {table}")
        await stage.send(bodies(200, name="undone"))
        await stage.settled(400)
        async with stage.conn() as conn, conn.transaction():
            await conn.execute("LOCK TABLE lane")
            for table in SAVED:
                columns = "" if table != "entry" else "OVERRIDING SYSTEM VALUE"
                await conn.execute(f"DELETE FROM {table}; INSERT INTO {table} {columns} TABLE saved_{table}")

        await stage.send(bodies(100, name="after"))
        await stage.settled(500)

    await stage.audit()


async def test_a_position_moved_back_by_hand_is_sought_back_to(stage: Stage) -> None:
    """Nothing new comes in, and Kafka's own offsets stand at the end: the database's position alone counts."""
    await stage.send(bodies(100))
    async with stage.here():
        await stage.settled(100)
    async with stage.conn() as conn:
        await conn.execute("UPDATE lane SET next_offset = next_offset - 1")

    async with stage.here():
        await stage.settled(103)


async def test_records_that_are_missing_from_the_log_are_looked_for_once_and_then_alarmed(stage: Stage) -> None:
    """The end of another producer's transaction takes an offset that no consumer ever sees."""
    await stage.send(["before"])
    producer = AIOKafkaProducer(bootstrap_servers=stage.orders.kafka, transactional_id=stage.orders.prefix)
    await producer.start()
    for number in range(3):
        async with producer.transaction():
            await producer.send_and_wait(
                stage.orders.cluster().real("in"), f"in a transaction {number}".encode(), partition=0, key=b"k"
            )
        stage.sent.append(f"in a transaction {number}")
    await producer.stop()

    with stage.actor(max_records=1) as actor:
        await stage.settled(4)
        assert "records_missing" in actor.said()

    await stage.audit()


async def test_records_that_a_client_skipped_are_sought_back_to(stage: Stage) -> None:
    """Clients reset themselves to other offsets now and then; what they pass over is not lost and no alarm."""
    await stage.send(bodies(60), keys=1)
    async with stage.here(naps_s=0.5, max_records=10):
        await stage.applied(10)
        (consumer,) = stage.consumers
        (busy,) = [lane for lane in consumer.lanes() if not consumer.caught_up(lane)]
        consumer._parts.source.seek(busy, 45)  # noqa: SLF001 - as aiokafka would by itself
        await stage.settled(60)

        assert consumer.figures().gaps == 0
    await stage.audit()


async def test_a_log_that_ends_with_a_marker_is_read_to_its_end(stage: Stage) -> None:
    """Its last offset is nothing that could ever be applied: no lag, no standstill, timers may fire."""
    await stage.send(["before"])
    producer = AIOKafkaProducer(bootstrap_servers=stage.orders.kafka, transactional_id=stage.orders.prefix)
    await producer.start()
    async with producer.transaction():
        await producer.send_and_wait(stage.orders.cluster().real("in"), b"last", partition=0, key=b"k")
    await producer.stop()
    stage.sent.append("last")

    async with stage.here(stalls_after_s=3.0) as playing:
        await stage.settled(2)
        consumer = stage.consumers[-1]
        await poll(lambda: consumer.caught_up(Lane("in", 0)), within_s=20, what="the end of the log")
        await poll(
            lambda: [each.lag_records for each in consumer.figures().lanes.values()] == [0, 0, 0],
            within_s=20, what="no lag",
        )  # fmt: skip
        await asyncio.wait([playing], timeout=5)
        assert not playing.done()


async def test_a_lane_has_not_caught_up_before_the_end_that_was_seen_when_it_was_taken_over(stage: Stage) -> None:
    """Until then timers must not fire: what cancels them may still be unread."""
    await stage.send([f"in {number}" for number in range(60)], keys=1)
    async with stage.here(naps_s=0.5, max_records=20):
        await stage.applied(20)
        (consumer,) = stage.consumers
        behind = [lane for lane in consumer.lanes() if not consumer.caught_up(lane)]
        assert len(behind) == 1
        await poll(lambda: all(consumer.caught_up(lane) for lane in consumer.lanes()), within_s=20, what="the end")
        assert await stage.balance() == 60


async def stays_halted(stage: Stage, reason: str) -> None:
    """See it halt, and halt again when started again, for the same reason."""
    for _ in range(2):
        async with stage.here() as playing:
            with pytest.raises(Halted, match=reason):
                await asyncio.wait_for(asyncio.shield(playing), 20)


async def another_cluster(stage: Stage) -> None:
    async with stage.conn() as conn:
        await conn.execute("UPDATE lane SET cluster_id = 'the one before'")


async def another_topic(stage: Stage) -> None:
    """The same name, made anew, with as many records: only the id tells."""
    real = stage.orders.cluster().real("in")
    async with admin(stage) as client:
        await client.delete_topics([real])

        async def gone() -> bool:
            return real not in await client.list_topics()

        await poll(gone, what="the topic's end")
    stage.sent.clear()
    await stage.send(bodies(60, name="another log"))


async def behind_the_end(stage: Stage) -> None:
    async with stage.conn() as conn:
        await conn.execute("UPDATE lane SET next_offset = next_offset + 1000")


async def before_the_start(stage: Stage) -> None:
    """Retention has deleted what was not read yet."""
    await stage.send(bodies(60, name="deleted"))
    async with admin(stage) as client:
        real = stage.orders.cluster().real("in")
        everything = {TopicPartition(real, partition): RecordsToDelete(-1) for partition in range(3)}
        await client.delete_records(everything)
    await stage.send(bodies(60, name="kept"))


@pytest.mark.parametrize(
    ("change", "reason", "anchor", "then"),
    [
        (another_cluster, "cluster_changed", "kept", 60),
        (another_topic, "topic_changed", "start", 120),
        (behind_the_end, "offset_after_log", "end", 60),
        (before_the_start, "offset_before_log", "start", 120),
    ],
)
async def test_a_log_that_is_not_the_one_it_was_halts_until_it_is_lifted(
    stage: Stage, change: Callable[[Stage], Awaitable[None]], reason: str, anchor: Anchor, then: int
) -> None:
    """Offsets mean something else there; only an operator can say where to go on."""
    await stage.send(bodies(60))
    async with stage.here():
        await stage.settled(60)
    await change(stage)

    await stays_halted(stage, reason)
    assert await stage.balance() == 60

    async with stage.conn() as conn:
        await halts.resume(conn, "ledger", anchor=anchor)
    async with stage.here():
        await stage.settled(then)
        await poll(lambda: all_anchored(stage), within_s=30, what="lanes anchored anew")
        await stage.send(["one more"])
        await stage.settled(then + 1)


async def all_anchored(stage: Stage) -> bool:
    return await stage.value("SELECT count(*) FROM lane WHERE next_offset < 0 OR topic_id IS NULL") == 0


async def test_a_topic_made_anew_under_a_running_consumer_halts_it(stage: Stage) -> None:
    """Its new records have old offsets: dropped as repeats, they would be lost without a word."""
    await stage.send(bodies(60))
    async with stage.here() as playing:
        await stage.settled(60)
        await another_topic(stage)
        with pytest.raises(Halted, match=r"topic_changed|offset_after_log"):
            await asyncio.wait_for(asyncio.shield(playing), 60)


async def test_resuming_at_offsets_named_for_single_lanes(stage: Stage) -> None:
    """An operator who knows what was handled elsewhere says where each lane goes on."""
    await stage.send([f"in {number}" for number in range(30)])
    async with stage.here():
        await stage.settled(30)
    async with stage.conn() as conn:
        await halts.keep(conn, "ledger", "by_hand", "")
        rows = await conn.fetch("SELECT partition, next_offset FROM lane")
        offsets = {Lane("in", row["partition"]): max(0, row["next_offset"] - 2) for row in rows}
        again = sum(row["next_offset"] - offsets[Lane("in", row["partition"])] for row in rows)
        assert await halts.resume(conn, "ledger", offsets=offsets) == 1

    async with stage.here():
        await stage.settled(30 + again)
