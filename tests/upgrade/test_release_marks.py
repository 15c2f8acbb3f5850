"""Release marks are placed before anything is decided, and on an upgrade only where the older release is drained."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.kafka.record_batch import ProducerRecord
from paidan_contracts.inbox import RELEASE
from paidan_contracts.topics import INBOX, find_topic
from paidan_deploy.provisioning.release import (
    ReleaseNotDrained,
    older_release_decides,
    place_release_marks,
    require_drained,
)
from tests.dispatch import database_fixture
from tests.servers import ServerAddresses

pytestmark = pytest.mark.takes(seconds=12)

ALL = range(INBOX.partitions)


@dataclass(slots=True)
class Inbox:
    """An inbox and dispatch's tables, in which a test says how far dispatch has read."""

    cluster: KafkaCluster
    dsn: str
    conn: "asyncpg.Connection[Any]"
    publisher: Publisher

    async def append(self, *partitions: int, body: bytes = b'{"type":"timer.due.v1"}') -> None:
        """Append a record to each of these partitions."""
        await self.publisher.send_in_order([ProducerRecord(INBOX.name, each, None, body, []) for each in partitions])

    async def read_to(self, offset: int, *, partitions: Collection[int] = ALL, release: int | None = None) -> None:
        """Let dispatch have decided these partitions up to an offset, by its release."""
        for partition in partitions:
            await self.conn.execute(
                "INSERT INTO dispatch.lane (consumer, topic, partition, next_offset) VALUES ('dispatch', $1, $2, $3)"
                " ON CONFLICT (consumer, topic, partition) DO UPDATE SET next_offset = EXCLUDED.next_offset",
                INBOX.name, partition, offset,
            )  # fmt: skip
            if release is not None:
                await self.conn.execute("INSERT INTO dispatch.lane_release VALUES ($1, $2)", partition, release)

    async def types(self) -> list[list[str]]:
        """Return the type of every record, by partition."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.cluster.servers, auto_offset_reset="earliest")
        try:
            await consumer.start()
            partitions = [TopicPartition(self.cluster.prefixed(INBOX.name), each) for each in ALL]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            found: list[list[str]] = [[] for _ in ALL]
            while any([await consumer.position(each) < ends[each] for each in partitions]):
                for partition, records in (await consumer.getmany(timeout_ms=200)).items():
                    found[partition.partition] += [json.loads(each.value)["type"] for each in records]
            return found
        finally:
            await consumer.stop()

    async def place(self, release: int = RELEASE) -> int:
        """Place the marks on a connection of its own, as a command does."""
        conn = await asyncpg.connect(self.dsn)
        try:
            return await place_release_marks(conn, self.cluster, release=release)
        finally:
            await conn.close()


@pytest.fixture
async def inbox(servers: ServerAddresses, topic_prefix: str, database: str) -> AsyncIterator[Inbox]:
    await database_fixture.prepare_database(database)
    cluster = KafkaCluster(servers.kafka, topic_prefix, topic_spec=find_topic)
    conn = await asyncpg.connect(database)
    try:
        async with Publisher(cluster, client_id="test") as publisher:
            await publisher.topic_admin.ensure([INBOX.name])
            yield Inbox(cluster, database, conn, publisher)
    finally:
        await conn.close()


MARK, RECORD = "release.in_force.v1", "timer.due.v1"


async def test_a_new_inbox_begins_with_marks_once(inbox: Inbox) -> None:
    assert await inbox.place() == INBOX.partitions
    assert await inbox.place() == 0
    await inbox.append(*ALL)
    assert await inbox.place() == 0

    assert await inbox.types() == [[MARK, RECORD]] * INBOX.partitions


async def test_concurrent_runs_all_succeed(inbox: Inbox) -> None:
    placed = await asyncio.gather(*[inbox.place() for _ in range(4)])

    assert sum(placed) >= INBOX.partitions
    assert {kind for partition in await inbox.types() for kind in partition} == {MARK}


async def test_an_interrupted_run_is_completed(inbox: Inbox) -> None:
    await inbox.append(0, 2, body=b'{"type":"release.in_force.v1","number":%d}' % RELEASE)

    assert await inbox.place() == 2
    assert await inbox.types() == [[MARK]] * INBOX.partitions


async def test_the_first_mark_follows_what_0_1_has_decided(inbox: Inbox) -> None:
    await inbox.append(*ALL)
    await inbox.read_to(1)

    assert await inbox.place() == INBOX.partitions
    assert await inbox.place() == 0
    assert await inbox.types() == [[RECORD, MARK]] * INBOX.partitions


async def test_what_0_1_has_not_decided_is_named_and_nothing_is_placed(inbox: Inbox) -> None:
    await inbox.append(*ALL)
    await inbox.append(3)
    await inbox.read_to(1, partitions=(0, 1, 3))

    with pytest.raises(ReleaseNotDrained, match=r"paidan\.inbox-2 from 0, paidan\.inbox-3 from 1\. "):
        await inbox.place()

    assert await inbox.types() == [[RECORD], [RECORD], [RECORD], [RECORD, RECORD]]


async def test_a_mark_that_0_1_passed_over_is_placed_again(inbox: Inbox) -> None:
    """It dead-letters what it does not know; the lanes have read no mark, whatever their logs hold."""
    await inbox.append(*ALL)
    await inbox.read_to(1)
    await inbox.place()
    await inbox.read_to(2)

    assert await inbox.place() == INBOX.partitions
    assert await inbox.types() == [[RECORD, MARK, MARK]] * INBOX.partitions


async def test_no_first_mark_while_a_service_that_writes_to_the_inbox_runs(inbox: Inbox) -> None:
    """0.1 would pass the mark over, or append to it what nobody may decide."""
    role, database = "paidan_intake", inbox.dsn.rsplit("/", 1)[1]
    await inbox.conn.execute(
        f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )
    session = await asyncpg.connect(inbox.dsn.replace("postgres@", f"{role}@"), database=database)
    try:
        with pytest.raises(ReleaseNotDrained, match="intake of release 1"):
            await inbox.place()
        assert await inbox.types() == [[]] * INBOX.partitions
    finally:
        await session.close()


@pytest.mark.parametrize(("release", "placed"), [(RELEASE - 1, 0), (RELEASE, 0), (RELEASE + 1, INBOX.partitions)])
async def test_a_later_release_is_marked_while_its_predecessor_runs(inbox: Inbox, release: int, placed: int) -> None:
    """That one reads up to the mark and halts; a mark of a release that has passed is not placed."""
    await inbox.place()
    await inbox.append(*ALL)
    await inbox.read_to(1, partitions=(0, 1, 2), release=RELEASE)  # the mark in the last is still unread

    assert await inbox.place(release) == placed


async def test_what_an_older_release_needs_stays_until_it_has_decided_everything(inbox: Inbox) -> None:
    assert not await older_release_decides(inbox.conn), "a new installation"
    await inbox.read_to(5)
    assert await older_release_decides(inbox.conn), "0.1 has left no mark"
    await inbox.read_to(6, partitions=ALL[1:], release=RELEASE)
    assert await older_release_decides(inbox.conn), "one partition is behind"
    await inbox.read_to(6, partitions=ALL[:1], release=RELEASE)
    assert not await older_release_decides(inbox.conn)


async def test_a_start_is_refused_while_records_wait_for_the_release_before(inbox: Inbox) -> None:
    """Its code cannot start on migrated tables; where it has read all, or up to the mark, nothing is refused."""
    await require_drained(inbox.dsn, inbox.cluster)
    await inbox.append(*ALL)
    await inbox.read_to(1, release=RELEASE - 1)
    await require_drained(inbox.dsn, inbox.cluster)

    await inbox.append(2)
    with pytest.raises(ReleaseNotDrained, match=rf"release {RELEASE - 1} .*: paidan\.inbox-2 from 1\. ") as refused:
        await require_drained(inbox.dsn, inbox.cluster)
    assert "paidan.inbox-2 自 1 起" in str(refused.value)

    await inbox.read_to(2, partitions=(2,))
    assert await inbox.place() == INBOX.partitions
    await inbox.append(*ALL)
    await require_drained(inbox.dsn, inbox.cluster)
