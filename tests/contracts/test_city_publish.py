"""Publishing a city pack: it is stored, then announced to every partition of the inbox."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from paidan_chassis import city_packs, migrations
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_contracts.city import City, Pack
from paidan_contracts.inbox import CityInForce
from paidan_contracts.topics import INBOX, find_topic
from paidan_deploy.citypacks.check import check_folder
from paidan_deploy.citypacks.new_pack import create_pack
from paidan_deploy.citypacks.publish import AreaLevelChanged, IdTaken, publish
from paidan_deploy.citypacks.queries import cities_in_force
from tests.contracts.city_packs import TINY
from tests.servers import ServerAddresses

pytestmark = pytest.mark.takes(seconds=8)


@pytest.fixture
def pack() -> Pack:
    return check_folder(TINY).valid_pack()


@pytest.fixture
def kafka(servers: ServerAddresses, topic_prefix: str) -> KafkaCluster:
    return KafkaCluster(servers.kafka, topic_prefix, topic_spec=find_topic)


@pytest.fixture
async def connection(database: str) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    connection = await asyncpg.connect(database)
    await migrations.migrate(connection, "cities", [migrations.CITIES_MIGRATIONS])
    await migrations.migrate(connection, "dispatch", [migrations.CHASSIS_MIGRATIONS, "paidan_dispatch.migrations"])
    yield connection
    await connection.close()


async def read_inbox(kafka: KafkaCluster) -> list[ConsumerRecord[bytes, bytes]]:
    """Return the announcements of packs, without the release marks that precede the first."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.servers, auto_offset_reset="earliest")
    try:
        await consumer.start()
        partitions = [TopicPartition(kafka.prefixed(INBOX.name), partition) for partition in range(INBOX.partitions)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        return [
            record
            for partition in partitions
            if ends[partition]
            for record in (await consumer.getmany(partition, timeout_ms=5000)).get(partition, [])
            if dict(record.headers)["ce_type"] == b"city.in_force.v1"
        ]
    finally:
        await consumer.stop()


async def test_published_pack_is_stored_by_hash_and_announced_to_every_partition(
    connection: "asyncpg.Connection[asyncpg.Record]", kafka: KafkaCluster, pack: Pack
) -> None:
    published = await publish(connection, kafka, pack)

    content = await connection.fetchval("SELECT content FROM cities.pack WHERE version = $1", published.version)
    assert hashlib.sha256(content).hexdigest() == published.version
    assert City.from_canonical(content).pack == pack
    records = await read_inbox(kafka)
    assert sorted(record.partition for record in records) == list(range(INBOX.partitions))
    for record in records:
        assert record.value is not None
        event = CityInForce.model_validate_json(record.value)
        assert (event.city, event.version, record.key) == ("tiny", published.version, None)
        headers = dict(record.headers)
        assert (headers["ce_type"], headers["ce_subject"]) == (b"city.in_force.v1", b"tiny")
    assert await city_packs.find_version_in_force(connection, "tiny") == published.version


async def test_department_topics_are_created(
    connection: "asyncpg.Connection[asyncpg.Record]", kafka: KafkaCluster, pack: Pack
) -> None:
    await publish(connection, kafka, pack)

    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.servers)
    try:
        await admin.start()
        topics = {kafka.unprefixed(name) for name in await admin.list_topics() if name.startswith(kafka.prefix)}
    finally:
        await admin.close()
    expected = {
        f"paidan.{direction}.{department}" for direction in ("orders", "answers") for department in ("lamps", "streets")
    }
    assert expected <= topics


async def test_republished_version_becomes_the_newest(
    connection: "asyncpg.Connection[asyncpg.Record]", kafka: KafkaCluster, pack: Pack
) -> None:
    """Intake uses the pack that was published last; publishing an older one again must reach it."""
    first = await publish(connection, kafka, pack)
    await publish(connection, kafka, pack.model_copy(update={"note": "another"}))

    await publish(connection, kafka, pack)

    newest = await connection.fetchval("SELECT version FROM cities.pack ORDER BY published_at DESC LIMIT 1")
    assert newest == first.version
    ids = [dict(record.headers)["ce_id"] for record in await read_inbox(kafka)]
    assert len(set(ids)) == len(ids) == 3 * INBOX.partitions


@pytest.mark.parametrize(
    ("shared", "expected_message"),
    [
        ({"departments"}, "department lamps of tiny, department streets of tiny"),
        ({"sources"}, "source hotline of tiny"),
    ],
    ids=["departments", "sources"],
)
async def test_two_cities_share_neither_departments_nor_sources(
    connection: "asyncpg.Connection[asyncpg.Record]",
    kafka: KafkaCluster,
    pack: Pack,
    shared: set[str],
    expected_message: str,
) -> None:
    """A department would receive the other city's orders; a ticket would be refused as another with the same id."""
    theirs = {
        kind: tuple(each.model_copy(update={"id": f"their-{each.id}"}) for each in getattr(pack, kind))
        for kind in ("departments", "sources")
    }
    other = pack.model_copy(update={"id": "other", **theirs})
    await publish(connection, kafka, pack)

    with pytest.raises(IdTaken, match=expected_message):
        await publish(connection, kafka, other.model_copy(update={kind: getattr(pack, kind) for kind in shared}))

    assert await connection.fetchval("SELECT count(*) FROM cities.pack WHERE city = 'other'") == 0
    assert (await publish(connection, kafka, other)).city == "other"


async def test_area_level_cannot_change(
    connection: "asyncpg.Connection[asyncpg.Record]", kafka: KafkaCluster, pack: Pack
) -> None:
    """Case ids begin with the area, which also determines the partition: open cases would be lost."""
    await publish(connection, kafka, pack)

    with pytest.raises(AreaLevelChanged, match="district"):
        await publish(connection, kafka, pack.model_copy(update={"area_level": "city"}))

    assert len(await read_inbox(kafka)) == INBOX.partitions


async def test_pack_is_stored_before_it_is_announced(
    connection: "asyncpg.Connection[asyncpg.Record]", kafka: KafkaCluster, pack: Pack
) -> None:
    """Dispatch stops at a version that is not stored, so the announcement is sent last."""
    await publish(connection, kafka, pack)
    broken = pack.model_copy(update={"note": "another"})
    await connection.execute("ALTER TABLE cities.pack ADD CHECK (length(content) < 10) NOT VALID")

    with pytest.raises(asyncpg.CheckViolationError):
        await publish(connection, kafka, broken)

    assert len(await read_inbox(kafka)) == INBOX.partitions


async def test_interrupted_publish_is_not_in_force(
    connection: "asyncpg.Connection[asyncpg.Record]", kafka: KafkaCluster, pack: Pack
) -> None:
    unreachable = replace(kafka, servers="127.0.0.1:1")

    with pytest.raises(Exception, match=r"127\.0\.0\.1|KafkaConnectionError|Unable to bootstrap"):
        await publish(connection, unreachable, pack)

    assert await city_packs.find_version_in_force(connection, "tiny") is None
    assert (await publish(connection, kafka, pack)).partitions == INBOX.partitions


def test_canonical_bytes_are_plain_sorted_json() -> None:
    """Any JSON reader can decode a published pack, and the same pack has the same bytes on every machine."""
    content = check_folder(Path(TINY)).valid_pack().canonical_bytes()

    document = json.loads(content)
    assert list(document) == sorted(document)
    assert json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() == content


async def test_a_pack_made_from_a_published_one_is_published_beside_it(
    connection: "asyncpg.Connection[asyncpg.Record]", kafka: KafkaCluster, pack: Pack, tmp_path: Path
) -> None:
    await publish(connection, kafka, pack)
    await publish(connection, kafka, create_pack("mine", TINY, tmp_path / "mine"))
    older = await publish(connection, kafka, pack.model_copy(update={"note": "another"}))

    cities = await cities_in_force(connection)

    assert [each.id for each in cities] == ["mine", "tiny"]
    assert cities[1].version == older.version
