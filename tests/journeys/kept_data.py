"""Where an installation keeps data: its tables, topics and files, read as text."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from tests.journeys.installation import CommandRunner

_NOT_OURS: Final = ("secrets", "cache", "photos")
_TABLES: Final = """
    SELECT format('%I.%I', table_schema, table_name)
      FROM information_schema.tables
     WHERE table_schema IN ('intake', 'dispatch', 'scoring', 'cockpit', 'cities')
       AND table_type = 'BASE TABLE'
"""


async def places_of(installation: CommandRunner, *secrets: str) -> list[str]:
    """Return the tables, topics and files in which one of these texts stands."""
    return [each async for each in _places(installation, [each.encode() for each in secrets])]


async def _places(installation: CommandRunner, secrets: Sequence[bytes]) -> AsyncIterator[str]:
    async for each in _tables_with(installation.environment["PAIDAN_DATABASE"], secrets):
        yield each
    async for each in _topics_with(installation, secrets):
        yield each
    for path in sorted(installation.home.rglob("*")):
        if _is_ours(path.relative_to(installation.home)) and path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if any(secret in content for secret in secrets):
                yield f"file {path.name}"


async def _tables_with(dsn: str, secrets: Sequence[bytes]) -> AsyncIterator[str]:
    # Bytes are shown in hexadecimal.
    patterns = [f"%{text}%" for secret in secrets for text in (secret.decode(), secret.hex())]
    conn = await asyncpg.connect(dsn)
    try:
        for (table,) in await conn.fetch(_TABLES):
            if await conn.fetchval(
                f"SELECT EXISTS (SELECT FROM {table} AS kept WHERE kept::text LIKE ANY($1))", patterns
            ):
                yield f"table {table}"
    finally:
        await conn.close()


async def _topics_with(installation: CommandRunner, secrets: Sequence[bytes]) -> AsyncIterator[str]:
    prefix = installation.environment["PAIDAN_TOPIC_PREFIX"]
    kafka = installation.environment["PAIDAN_KAFKA"]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        topics = await admin.describe_topics([each for each in await admin.list_topics() if each.startswith(prefix)])
    finally:
        await admin.close()
    async with AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False) as consumer:
        consumer.assign(
            [TopicPartition(topic["topic"], at["partition"]) for topic in topics for at in topic["partitions"]]
        )
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(consumer.assignment())
        found: set[str] = set()
        while any([await consumer.position(each) < end for each, end in ends.items()]):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    parts = [record.key, record.value, *(value for _, value in record.headers)]
                    if any(secret in part for part in parts if part for secret in secrets):
                        found.add(record.topic)
        for topic in sorted(found):
            yield f"topic {topic.removeprefix(prefix)}"


def _is_ours(path: Path) -> bool:
    return path.parts[:1] != () and path.parts[0] not in _NOT_OURS
