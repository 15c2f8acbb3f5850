"""Restores a release's recorded installation onto a Kafka and a PostgreSQL, as an operator would from a backup."""

import asyncio
import json
import lzma
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from paidan_chassis.database import Connection
from paidan_chassis.kafka.cluster import KafkaCluster, TopicSpec
from paidan_chassis.kafka.metadata_v12 import ClusterMetadata
from paidan_chassis.kafka.topic_admin import TopicAdmin
from paidan_deploy.paths import StackPaths

SCHEMAS: Final = ("intake", "dispatch", "scoring")
ROLES: Final = tuple(f"paidan_{schema}{suffix}" for schema in (*SCHEMAS, "cockpit") for suffix in ("", "_owner"))


class RecordedRecord(NamedTuple):
    """A Kafka record as it was in its log."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class RecordedRelease:
    """An installation as a release left it: its database, its topics, its secrets and photos."""

    recorded_at: datetime
    topics: Mapping[str, TopicSpec]
    records: Sequence[RecordedRecord]
    database: str
    files: Mapping[str, bytes]
    """Relative to the installation's home."""
    statements: Mapping[str, Mapping[str, str]]
    """The SQL of that release's services, by schema and by the name of its constant; not of 0.1.0."""


def read_release(archive: Path) -> RecordedRelease:
    """Read a recording; the README beside this module describes its format."""
    with lzma.open(archive) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
        members = {each.name: file.read() for each in tar if (file := tar.extractfile(each)) is not None}
    manifest = json.loads(members["manifest.json"])
    return RecordedRelease(
        recorded_at=datetime.fromisoformat(manifest["recorded_at"]),
        topics={name: TopicSpec(each["partitions"], each["config"]) for name, each in manifest["topics"].items()},
        records=[_parse_record(line) for line in members["topics.jsonl"].splitlines()],
        database=members["database.sql"].decode(),
        files={name.removeprefix("home/"): each for name, each in members.items() if name.startswith("home/")},
        statements=json.loads(members.get("statements.json", b"{}")),
    )


def _parse_record(line: bytes) -> RecordedRecord:
    topic, partition, offset, timestamp_ms, key, value, headers = json.loads(line)
    return RecordedRecord(
        topic,
        partition,
        offset,
        timestamp_ms,
        None if key is None else bytes.fromhex(key),
        None if value is None else bytes.fromhex(value),
        tuple((name, bytes.fromhex(header)) for name, header in headers),
    )


@dataclass(frozen=True, slots=True)
class RestoreTarget:
    """Where an installation is restored to: a broker, an empty database for its superuser, an empty home."""

    kafka: str
    topic_prefix: str
    dsn: str
    home: StackPaths


async def restore(release: RecordedRelease, target: RestoreTarget) -> None:
    """Restore everything; services started next continue at the recorded positions."""
    _write_files(release, target.home)
    cluster = KafkaCluster(target.kafka, target.topic_prefix, topic_spec=release.topics.__getitem__)
    async with TopicAdmin(cluster, client_id="restore") as topic_admin:
        await topic_admin.ensure(release.topics)
    await append_records(release.records, cluster)
    await restore_backup(release, target)


async def restore_backup(release: RecordedRelease, target: RestoreTarget) -> None:
    """Restore the database alone, whatever its topics hold by now."""
    cluster = KafkaCluster(target.kafka, target.topic_prefix, topic_spec=release.topics.__getitem__)
    async with TopicAdmin(cluster, client_id="restore") as topic_admin:
        metadata = await topic_admin.describe(release.topics)
    conn = await asyncpg.connect(target.dsn, timeout=10)
    try:
        await restore_tables(conn, release)
        await _adopt_cluster(conn, cluster, metadata)
        await _continue_clock(conn, release.recorded_at)
    finally:
        await conn.close()


def _write_files(release: RecordedRelease, home: StackPaths) -> None:
    for folder in (home.log, home.photos, home.secrets):
        folder.mkdir(parents=True, exist_ok=True)
    for name, content in release.files.items():
        path = home.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)


async def append_records(records: Sequence[RecordedRecord], cluster: KafkaCluster) -> None:
    """Append records to empty topics, each at its recorded offset. Raises ``AssertionError`` where it differs.

    The broker assigns new timestamps: with the recorded ones, its retention would delete them while the tests run.
    """
    async with AIOKafkaProducer(
        acks="all", enable_idempotence=True, max_request_size=2_000_000, **cluster.client_options()
    ) as producer:
        appended = [await _send(producer, cluster, record) for record in records]
        for record, metadata in zip(records, await asyncio.gather(*appended), strict=True):
            assert metadata.offset == record.offset, f"{record.topic}-{record.partition}@{record.offset}"


async def _send(
    producer: AIOKafkaProducer, cluster: KafkaCluster, record: RecordedRecord
) -> "asyncio.Future[RecordMetadata]":
    future: asyncio.Future[RecordMetadata] = await producer.send(
        cluster.prefixed(record.topic),
        record.value,
        key=record.key,
        partition=record.partition,
        headers=list(record.headers),
    )
    return future


async def restore_tables(conn: Connection, release: RecordedRelease) -> None:
    """Restore roles, tables and rows in an empty database, with positions in the logs of the former cluster."""
    # Roles belong to the whole server, where another installation may have created them.
    for role in ROLES:
        login = "NOLOGIN" if role.endswith("_owner") else "LOGIN"
        await conn.execute(
            f"DO $$ BEGIN CREATE ROLE {role} {login};"
            " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
        )
        await conn.execute(f"GRANT {role} TO CURRENT_USER")
    await conn.execute(release.database)


async def _adopt_cluster(conn: Connection, cluster: KafkaCluster, metadata: ClusterMetadata) -> None:
    """Move every position to the new cluster and topics, whose offsets equal the recorded ones."""
    topics = [cluster.unprefixed(name) for name in metadata.topics]
    topic_ids = [each.topic_id for each in metadata.topics.values()]
    for schema in SCHEMAS:
        await conn.execute(
            f"""
            UPDATE {schema}.lane
               SET cluster_id = $1,
                   topic_id = restored.topic_id
              FROM unnest($2::text[], $3::text[]) AS restored (topic, topic_id)
             WHERE lane.topic = restored.topic
            """,
            metadata.cluster_id,
            topics,
            topic_ids,
        )


async def _continue_clock(conn: Connection, recorded_at: datetime) -> None:
    """Continue the city's clock from the time of the recording: its calendars end in 2026."""
    await conn.execute("ALTER TABLE cities.clock DISABLE TRIGGER clock_never_set_back")
    await conn.execute("UPDATE cities.clock SET anchor_real = anchor_real + (clock_timestamp() - $1)", recorded_at)
    await conn.execute("ALTER TABLE cities.clock ENABLE TRIGGER clock_never_set_back")
