"""Where a lane goes on: after the database was set back, after records are missing, at the log's end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaProducer

from paidan_chassis.consumer.consumer import LaneConsumer
from paidan_chassis.consumer.records import Lane, Record
from paidan_chassis.kafka.producer import Parcel
from tests.chassis.consumer_harness import Stage, bodies
from tests.chassis.foreign_records import put
from tests.polling import poll
from tests.servers import Servers, fresh_database

END_SESSIONS = """
    SELECT pg_terminate_backend(pid)
      FROM pg_stat_activity
     WHERE application_name = 'paidan-ledger'
       AND datname = current_database()
"""
SAVED = ("entry", "balance", "account", "lane", "outbox", "dead_letter")


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
        await copy(stage)
        await stage.send(bodies(200, name="undone"))
        await stage.settled(400)
        await set_back(stage)

        await stage.send(bodies(100, name="after"))
        await stage.settled(500)

    await stage.audit()


async def copy(stage: Stage) -> None:
    """Take a copy of all that a restore would bring back."""
    async with stage.conn() as conn:
        for table in SAVED:
            await conn.execute(f"CREATE TABLE saved_{table} AS TABLE {table}")


async def set_back(stage: Stage, *, ending_sessions: bool = False) -> None:
    """Put the copy in place of what is there, in one moment."""
    async with stage.conn() as conn, conn.transaction():
        await conn.execute("LOCK TABLE lane")
        for table in SAVED:
            columns = "" if table != "entry" else "OVERRIDING SYSTEM VALUE"
            await conn.execute(f"DELETE FROM {table}; INSERT INTO {table} {columns} TABLE saved_{table}")
        if ending_sessions:
            await conn.execute(END_SESSIONS)


@pytest.mark.parametrize(
    ("compare_every_s", "ending_sessions"),
    [(0.2, False), (3600.0, True)],
    ids=["noticed in its time", "noticed at the loss of the session"],
)
async def test_a_database_set_back_is_replayed_on_lanes_that_nothing_comes_to(
    stage: Stage, compare_every_s: float, ending_sessions: bool
) -> None:
    """A quiet lane has no batch that would find its row moved; until one came, all since the copy would be gone."""
    await stage.send(bodies(200))
    async with stage.here(compare_every_s=compare_every_s):
        await stage.settled(200)
        await copy(stage)
        await stage.send(bodies(200, name="undone"))
        await stage.settled(400)
        await set_back(stage, ending_sessions=ending_sessions)

        await stage.settled(400, within_s=20)

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


async def test_the_rest_of_a_halved_batch_is_no_second_look_at_a_gap(stage: Stage) -> None:
    """Another lane's poison cuts the batch into parts; each begins too far on, and nobody has read again meanwhile."""
    async with held(stage) as (consumer, skipped):
        await put(stage, [Parcel("in", 1, b"k", b"nul", [])])

        await consumer._settling.settle([*skipped, *await records(stage, 1)])  # noqa: SLF001 - as one poll

        assert await stage.dead() == 1
        assert (await stage.balance(), consumer.figures().gaps) == (0, 0)
        await consumer_goes_on(stage, consumer)


async def test_a_batch_from_before_a_rebalance_is_no_first_look_at_a_gap(stage: Stage) -> None:
    """Kafka's own offset is above a restored database's, so that each assignment begins with records too far on."""
    async with held(stage) as (consumer, skipped):
        for _ in range(3):
            await consumer._settling.settle(skipped)  # noqa: SLF001
            await consumer._let_go()  # noqa: SLF001 - as each rebalance has it

        assert (await stage.balance(), consumer.figures().gaps) == (0, 0)
        await consumer_goes_on(stage, consumer)


@asynccontextmanager
async def held(stage: Stage) -> AsyncIterator[tuple[LaneConsumer, list[Record]]]:
    """Run a consumer that is kept from its batches; give the latter half of what then waits for it in one lane."""
    async with stage.here():
        await poll(lambda: [len(each.lanes()) for each in stage.consumers] == [3], within_s=20, what="its lanes")
        (consumer,) = stage.consumers
        async with consumer._parts.ownership.turn:  # noqa: SLF001 - nothing else has one
            stage.sent += bodies(20)
            await put(stage, [Parcel("in", 0, b"k", body.encode(), []) for body in stage.sent])
            yield consumer, (await records(stage, 0))[10:]


async def consumer_goes_on(stage: Stage, consumer: LaneConsumer) -> None:
    """Let it have its batches again, and see that it finds all there is."""
    consumer._parts.ownership.turn.release()  # noqa: SLF001
    try:
        await stage.settled(20, within_s=20)
        assert consumer.figures().gaps == 0
    finally:
        await consumer._parts.ownership.turn.acquire()  # noqa: SLF001
    await stage.audit()


async def records(stage: Stage, partition: int) -> list[Record]:
    """Read a lane as the consumer's polls do."""
    return [
        Record(
            "in", partition, each.offset, each.key, each.value, (), datetime.fromtimestamp(each.timestamp / 1000, UTC)
        )
        for each in await stage.read("in")
        if each.partition == partition
    ]


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
