"""A log that is not the one it was: the lane halts, and an operator says where it goes on."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from paidan_chassis.consumer import halts
from paidan_chassis.consumer.errors import Halted
from paidan_chassis.consumer.halts import Anchor
from paidan_chassis.consumer.records import Lane
from tests.chassis.consumer_harness import Stage, bodies
from tests.polling import poll


@asynccontextmanager
async def admin(stage: Stage) -> AsyncIterator[AIOKafkaAdminClient]:
    """Act as the cluster's operator."""
    client = AIOKafkaAdminClient(bootstrap_servers=stage.orders.kafka)
    await client.start()
    try:
        yield client
    finally:
        await client.close()


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
