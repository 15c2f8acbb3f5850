"""What a lane's owner left in its outbox reaches Kafka in order: also after an upgrade, or a change of the topic."""

import json
import os
import signal
import struct
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from operator import ne

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.codec import lz4_encode

from paidan_chassis.consumer.batch import Lane
from paidan_chassis.consumer.outbox_chunks import OutboxChunk, unpack
from paidan_chassis.consumer.outbox_format_2 import OUTBOX_FORMAT_2
from paidan_chassis.kafka.record_batch import ProducerRecord
from tests.chassis.consumer_harness import ConsumerHarness, Echo, make_bodies
from tests.chassis.consumer_options import ECHO_PARTITIONS, PARTITIONS
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=25)


async def leave_unrelayed(harness: ConsumerHarness) -> None:
    """Send records, and let an owner die that has committed some of them and published nothing."""
    await harness.send(make_bodies(300))
    with harness.start_process(kill_point="before_send", kill_after=0) as process:
        await poll(lambda: process.exit_code() == -signal.SIGKILL, within_s=30, what="the process is killed")
    assert await harness.unrelayed_count() > 0


@asynccontextmanager
async def admin_client(harness: ConsumerHarness) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=harness.options.kafka)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def outbox_chunks(harness: ConsumerHarness) -> list[OutboxChunk]:
    async with harness.conn() as conn:
        rows = await conn.fetch("SELECT topic, partition, first_seq, last_seq, body FROM outbox ORDER BY first_seq")
    return [unpack(Lane(topic, partition), *rest) for topic, partition, *rest in rows]


def pack_format_2(chunk: OutboxChunk) -> bytes:
    """Return a chunk's messages as releases before 0.2 stored them: not addressed, without their place."""
    records = sorted((each for batch in chunk.batches for each in batch.records()), key=sequence)
    parts: list[bytes] = []
    for topic, _, key, value, headers in records:
        parts += (topic.encode(), key or b"", value or b"")
        for name, header in headers[:-3]:
            parts += (name.encode(), header or b"")
    counts = [len(each.headers) - 3 for each in records]
    lengths = struct.pack(f"<I{len(counts)}I{len(parts)}I", len(counts), *counts, *map(len, parts))
    packed: bytes = lz4_encode(b"".join((lengths, *parts)))
    return OUTBOX_FORMAT_2 + packed


def sequence(record: ProducerRecord) -> int:
    return int(dict(record.headers)["ce_sequence"] or 0)


@pytest.mark.parametrize("relayed", [0, 3], ids=["none of it relayed", "relayed in part"])
async def test_rows_of_an_earlier_release_are_relayed_before_any_new_one(
    harness: ConsumerHarness, relayed: int
) -> None:
    """They hold no partitions, and an earlier release may have saved its progress in the midst of a row."""
    await leave_unrelayed(harness)
    async with harness.conn() as conn:
        for chunk in await outbox_chunks(harness):
            await conn.execute(
                "UPDATE outbox SET body = $1 WHERE partition = $2 AND first_seq = $3",
                pack_format_2(chunk), chunk.lane.partition, chunk.first_seq,
            )  # fmt: skip
    if relayed:
        with harness.start_process(kill_point="after_send", kill_after=0) as process:
            await poll(lambda: process.exit_code() == -signal.SIGKILL, within_s=30, what="the process is killed")
        async with harness.conn() as conn:
            await save_progress(harness, conn, relayed)

    with harness.start_process():
        await harness.wait_settled(300)

    await harness.audit()


async def save_progress(harness: ConsumerHarness, conn: asyncpg.Connection, relayed: int) -> None:
    """Record that the first messages of each lane are relayed, as a release before 0.2 did after a part of a row."""
    previous: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for echo in sorted(await harness.read_echoes(), key=lambda each: each.sequence):
        if echo.sequence <= relayed:
            previous[echo.origin][f"echo-{echo.partition}"] = echo.sequence
    for origin, last_seqs in previous.items():
        await conn.execute(
            "UPDATE lane SET relayed_seq = $1, previous = $2 WHERE consumer || '/' || topic || '-' || partition = $3",
            max(last_seqs.values()), json.dumps(last_seqs), origin,
        )  # fmt: skip


async def test_grown_topic_gets_the_rows_of_before_where_they_were_addressed(harness: ConsumerHarness) -> None:
    """A key's records of before stay together, in the partition of before; those of after are in the new one."""
    await leave_unrelayed(harness)
    addressed = {
        (f"ledger/{chunk.lane}", sequence(each)): each.partition
        for chunk in await outbox_chunks(harness)
        for batch in chunk.batches
        for each in batch.records()
    }
    async with admin_client(harness) as admin:
        await admin.create_partitions({harness.options.cluster().prefixed("echo"): NewPartitions(total_count=11)})
    await harness.send(make_bodies(200, name="after"))

    with harness.start_process():
        await harness.wait_settled(500)

    echoes = await harness.read_echoes()
    assert addressed.items() <= {(each.origin, each.sequence): each.partition for each in echoes}.items()
    assert max(each.partition for each in echoes) >= ECHO_PARTITIONS
    check_partitions_of_keys(echoes)
    assert await harness.balance() == len(harness.sent) == len(echoes)


async def test_owner_learns_how_many_partitions_topics_have_when_it_takes_lanes_over(harness: ConsumerHarness) -> None:
    """It looks up the topics its lanes have sent to, so that no batch has to be rolled back for one of them."""
    await harness.send(make_bodies(20))
    async with harness.run_in_process():
        await harness.wait_settled(20)
    async with harness.run_in_process(), admin_client(harness) as admin:
        await poll(lambda: len(harness.consumers[-1].lanes()) == PARTITIONS, what="its lanes")
        run, counts = harness.consumers[-1]._run, harness.consumers[-1].publisher.topic_admin.partition_counts  # noqa: SLF001
        assert counts["echo"] == ECHO_PARTITIONS
        await admin.create_partitions({harness.options.cluster().prefixed("echo"): NewPartitions(total_count=11)})

        async with run._rebalance.batch_lock:  # noqa: SLF001
            await run._release_lanes()  # noqa: SLF001 - as each rebalance has it
        await poll(lambda: counts["echo"] == 11, what="the new number")


def check_partitions_of_keys(echoes: Sequence[Echo]) -> None:
    """Check that each key moved at most once, was in order in each partition, and that no number is missing."""
    last_sequences: defaultdict[tuple[str, int], int] = defaultdict(int)
    versions: defaultdict[str, list[int]] = defaultdict(list)
    partitions: defaultdict[str, list[int]] = defaultdict(list)
    for each in sorted(echoes, key=lambda each: each.version):
        versions[each.key].append(each.version)
        partitions[each.key].append(each.partition)
    for each in echoes:
        assert each.previous == last_sequences[each.origin, each.partition]
        last_sequences[each.origin, each.partition] = each.sequence
    assert all(found == list(range(1, len(found) + 1)) for found in versions.values())
    assert all(sum(map(ne, found, found[1:])) <= 1 for found in partitions.values())


async def test_topic_created_again_with_fewer_partitions_gets_everything(harness: ConsumerHarness) -> None:
    """The partitions that the rows name do not exist any more; the lane must not wait for them for ever."""
    await leave_unrelayed(harness)
    name = harness.options.cluster().prefixed("echo")
    async with admin_client(harness) as admin:
        await admin.delete_topics([name])

        async def is_gone() -> bool:
            return name not in await admin.list_topics()

        await poll(is_gone, what="the topic is gone")
        await admin.create_topics([NewTopic(name, 1, 1)])

    with harness.start_process():
        await harness.wait_settled(300)

    echoes = await harness.read_echoes()
    assert {each.body for each in echoes} == set(harness.sent)
    assert len(echoes) == 300


async def test_batch_that_its_topic_refuses_for_its_size_is_sent_in_parts(harness: ConsumerHarness) -> None:
    async with admin_client(harness) as admin:
        settings = {"max.message.bytes": "4000", "message.timestamp.type": "LogAppendTime"}
        await admin.create_topics([NewTopic(harness.options.cluster().prefixed("echo"), 3, 1, topic_configs=settings)])
    await harness.send([os.urandom(500).hex() for _ in range(100)])

    async with harness.run_in_process():
        await harness.wait_settled(100)

    await harness.audit()
