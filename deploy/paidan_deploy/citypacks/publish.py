"""Puts a checked city pack in force: topics, then the pack under its hash, then an event to every inbox partition."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import asyncpg

from paidan_chassis.clock import read_scale, real_now
from paidan_chassis.kafka.cloudevents import CloudEventAttributes, encode
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.producer import ProducerRecord, Publisher
from paidan_contracts.city import Pack, pack_version
from paidan_contracts.ids import cause_id
from paidan_contracts.inbox import CityInForce
from paidan_contracts.topics import ANSWERS_PREFIX, INBOX, ORDERS_PREFIX
from paidan_deploy.errors import DeployError

Connection: TypeAlias = "asyncpg.Connection[Any]"

# Services look for the newest, so a version that is put in force again must become the newest again.
UPSERT_PACK: Final = """
    INSERT INTO cities.pack (version, city, content)
    VALUES ($1, $2, $3)
        ON CONFLICT (version) DO UPDATE
       SET published_at = clock_timestamp()
"""
AREA_LEVELS: Final = """
    SELECT DISTINCT convert_from(content, 'UTF8')::jsonb ->> 'area_level' AS area_level
      FROM cities.pack
     WHERE city = $1
"""
IDS_OF_OTHER_CITIES: Final = """
    SELECT DISTINCT city, kind, named ->> 'id' AS id
      FROM cities.pack,
           unnest(ARRAY['departments', 'sources']) AS kind,
           jsonb_array_elements(convert_from(content, 'UTF8')::jsonb -> kind) AS named
     WHERE city <> $1
       AND (kind, named ->> 'id') IN (SELECT * FROM unnest($2::text[], $3::text[]))
     ORDER BY city, kind, id
"""
SET_IN_FORCE: Final = """
    INSERT INTO cities.in_force (city, version, since)
    VALUES ($1, $2, $3)
        ON CONFLICT (city) DO UPDATE
       SET version = EXCLUDED.version,
           since = EXCLUDED.since
"""
IN_FORCE: Final = """
    SELECT version
      FROM cities.in_force
     WHERE city = $1
"""


class AreaLevelChanged(DeployError):
    """A city's area level can never change: case ids begin with the area, which also determines the partition."""


class IdTaken(DeployError):
    """Department ids name topics, and source ids make report ids: two cities cannot share either."""


@dataclass(frozen=True, slots=True)
class PublishedPack:
    """What was put in force."""

    city: str
    version: str
    lanes: int
    departments: int


async def version_in_force(connection: Connection, city: str) -> str | None:
    """Name the version that every lane has been told of; None while there is none."""
    version: str | None = await connection.fetchval(IN_FORCE, city)
    return version


async def publish(connection: Connection, kafka: KafkaCluster, pack: Pack) -> PublishedPack:
    """Put a checked pack in force. Safe to repeat after an interruption anywhere: every partition gets the event again.

    A consumer halts at a version that is not in the database, so the pack is committed before the event is sent.
    """
    content = pack.canonical_bytes()
    version = pack_version(content)
    await _check_area_level(connection, pack)
    await _check_unique_ids(connection, pack)
    async with Publisher(kafka, client_id="paidan-city") as publisher:
        await publisher.topic_admin.ensure([INBOX.name, *_topics(pack)])
        lanes = await publisher.topic_admin.partitions(INBOX.name)
        await connection.execute(UPSERT_PACK, version, pack.id, content)
        since = await _current_city_time(connection)
        event = CityInForce(city=pack.id, version=version, in_force_at=since)
        await publisher.send_in_order([_record_for(event, lane) for lane in range(lanes)])
    await connection.execute(SET_IN_FORCE, pack.id, version, since)
    return PublishedPack(pack.id, version, lanes, len(pack.departments))


async def _check_area_level(connection: Connection, pack: Pack) -> None:
    levels = {row["area_level"] for row in await connection.fetch(AREA_LEVELS, pack.id)}
    if levels - {pack.area_level}:
        raise AreaLevelChanged(
            f"city {pack.id} has been published with area_level {', '.join(sorted(levels))}; case ids begin"
            f" with the area, so city.toml must keep that area_level"
        )


async def _check_unique_ids(connection: Connection, pack: Pack) -> None:
    own_ids = [("departments", each.id) for each in pack.departments] + [("sources", each.id) for each in pack.sources]
    kinds, ids = zip(*own_ids, strict=True)
    conflicts = [
        f"{row['kind'].removesuffix('s')} {row['id']} of {row['city']}"
        for row in await connection.fetch(IDS_OF_OTHER_CITIES, pack.id, kinds, ids)
    ]
    if conflicts:
        raise IdTaken(
            f"city {pack.id} may not use ids of another city of this installation: {', '.join(conflicts)};"
            " department ids name topics, and source ids make report ids: change them in departments.csv or sources.csv"
        )


def _topics(pack: Pack) -> list[str]:
    return [prefix + department.id for department in pack.departments for prefix in (ORDERS_PREFIX, ANSWERS_PREFIX)]


def _record_for(event: CityInForce, lane: int) -> ProducerRecord:
    in_force_at = event.in_force_at
    attributes = CloudEventAttributes(
        id=str(cause_id("city_in_force", event.city, event.version, in_force_at.isoformat(), lane)),
        source="urn:paidan:city-publish",
        type=event.type,
        time=in_force_at,
        subject=event.city,
    )
    return ProducerRecord(INBOX.name, lane, None, event.model_dump_json().encode(), encode(attributes))


async def _current_city_time(connection: Connection) -> datetime:
    scale = await read_scale(connection)
    return scale.city_time(real_now()) if scale else real_now()
