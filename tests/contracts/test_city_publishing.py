"""Publishing a city pack: every lane hears of it, and only of what the database has."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from paidan_chassis import migrations
from paidan_chassis.kafka.cloudevents import Attributes, decode
from paidan_chassis.kafka.cluster import Kafka
from paidan_contracts.city import City, Pack
from paidan_contracts.inbox import CityInForce
from paidan_contracts.topics import INBOX
from paidan_deploy.citypacks.check import check_folder
from paidan_deploy.citypacks.publish import (
    AreaLevelChanged,
    NameTaken,
    in_force,
    publish,
)
from paidan_deploy.provisioning.database import shape
from tests.contracts.city_packs import TINY
from tests.servers import Servers


@pytest.fixture
def pack() -> Pack:
    return check_folder(TINY).fit()


@pytest.fixture
def kafka(servers: Servers, topic_prefix: str) -> Kafka:
    return Kafka(servers.kafka, topic_prefix, shape=shape)


@pytest.fixture
async def connection(database: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    opened = await asyncpg.connect(database)
    await migrations.migrate(opened, "cities", [migrations.CITIES])
    yield opened
    await opened.close()


async def inbox_of(kafka: Kafka) -> list[ConsumerRecord[bytes, bytes]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        lanes = [TopicPartition(kafka.real(INBOX.name), lane) for lane in range(INBOX.partitions)]
        consumer.assign(lanes)
        ends = await consumer.end_offsets(lanes)
        return [
            record
            for lane in lanes
            if ends[lane]
            for record in (await consumer.getmany(lane, timeout_ms=5000)).get(lane, [])
        ]
    finally:
        await consumer.stop()


async def test_a_published_pack_is_kept_under_its_hash_and_every_lane_is_told(
    connection: "asyncpg.Connection[asyncpg.Record]", kafka: Kafka, pack: Pack
) -> None:
    done = await publish(connection, kafka, pack)

    content = await connection.fetchval("SELECT content FROM cities.pack WHERE version = $1", done.version)
    assert hashlib.sha256(content).hexdigest() == done.version
    assert City.from_canonical(content).pack == pack
    records = await inbox_of(kafka)
    assert sorted(record.partition for record in records) == list(range(INBOX.partitions))
    for record in records:
        assert record.value is not None
        said = CityInForce.model_validate_json(record.value)
        assert (said.city, said.version, record.key) == ("tiny", done.version, None)
        about = decode(record.headers)
        assert isinstance(about, Attributes)
        assert (about.type, about.subject) == ("city.in_force.v1", "tiny")
    assert await in_force(connection, "tiny") == done.version


async def test_departments_find_their_topics(
    connection: "asyncpg.Connection[asyncpg.Record]", kafka: Kafka, pack: Pack
) -> None:
    await publish(connection, kafka, pack)

    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.servers)
    await admin.start()
    try:
        topics = {kafka.plain(name) for name in await admin.list_topics() if name.startswith(kafka.prefix)}
    finally:
        await admin.close()
    wanted = {f"paidan.{way}.{department}" for way in ("orders", "answers") for department in ("lamps", "streets")}
    assert wanted <= topics


async def test_a_version_that_comes_back_is_the_newest_again(
    connection: "asyncpg.Connection[asyncpg.Record]", kafka: Kafka, pack: Pack
) -> None:
    """Intake reads reports with the newest pack; going back to the old one must reach it."""
    first = await publish(connection, kafka, pack)
    await publish(connection, kafka, pack.model_copy(update={"note": "another"}))

    await publish(connection, kafka, pack)

    newest = await connection.fetchval("SELECT version FROM cities.pack ORDER BY published_at DESC LIMIT 1")
    assert newest == first.version
    ids = [dict(record.headers)["ce_id"] for record in await inbox_of(kafka)]
    assert len(set(ids)) == len(ids) == 3 * INBOX.partitions


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        ({"departments"}, "department lamps of tiny, department streets of tiny"),
        ({"sources"}, "source hotline of tiny"),
    ],
    ids=["departments", "sources"],
)
async def test_two_cities_share_neither_departments_nor_sources(
    connection: "asyncpg.Connection[asyncpg.Record]", kafka: Kafka, pack: Pack, shared: set[str], said: str
) -> None:
    """One's department would get the other's orders; one's ticket would be refused as the other's with another text."""
    theirs = {
        kind: tuple(each.model_copy(update={"id": f"their-{each.id}"}) for each in getattr(pack, kind))
        for kind in ("departments", "sources")
    }
    other = pack.model_copy(update={"id": "other", **theirs})
    await publish(connection, kafka, pack)

    with pytest.raises(NameTaken, match=said):
        await publish(connection, kafka, other.model_copy(update={kind: getattr(pack, kind) for kind in shared}))

    assert await connection.fetchval("SELECT count(*) FROM cities.pack WHERE city = 'other'") == 0
    assert (await publish(connection, kafka, other)).city == "other"


async def test_a_city_keeps_its_areas_for_ever(
    connection: "asyncpg.Connection[asyncpg.Record]", kafka: Kafka, pack: Pack
) -> None:
    """Case ids begin with the area, and lanes were chosen by it: another level would strand every open case."""
    await publish(connection, kafka, pack)

    with pytest.raises(AreaLevelChanged, match="district"):
        await publish(connection, kafka, pack.model_copy(update={"area_level": "city"}))

    assert len(await inbox_of(kafka)) == INBOX.partitions


async def test_lanes_are_told_only_of_what_the_database_has(
    connection: "asyncpg.Connection[asyncpg.Record]", kafka: Kafka, pack: Pack
) -> None:
    """A lane halts at a hash that nobody has, so the word goes out last."""
    await publish(connection, kafka, pack)
    broken = pack.model_copy(update={"note": "another"})
    await connection.execute("ALTER TABLE cities.pack ADD CHECK (length(content) < 10) NOT VALID")

    with pytest.raises(asyncpg.CheckViolationError):
        await publish(connection, kafka, broken)

    assert len(await inbox_of(kafka)) == INBOX.partitions


async def test_a_publishing_that_breaks_off_is_seen_as_not_done(
    connection: "asyncpg.Connection[asyncpg.Record]", kafka: Kafka, pack: Pack
) -> None:
    nowhere = replace(kafka, servers="127.0.0.1:1")

    with pytest.raises(Exception, match=r"127\.0\.0\.1|KafkaConnectionError|Unable to bootstrap"):
        await publish(connection, nowhere, pack)

    assert await in_force(connection, "tiny") is None
    assert (await publish(connection, kafka, pack)).lanes == INBOX.partitions


def test_canonical_bytes_are_plain_sorted_json() -> None:
    """Anybody can read a published pack, and the same pack has the same bytes on every machine."""
    content = check_folder(Path(TINY)).fit().canonical()

    read = json.loads(content)
    assert list(read) == sorted(read)
    assert json.dumps(read, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() == content
