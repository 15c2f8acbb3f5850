"""Puts a checked city pack in force: topics, then the pack by its hash, then word of it to every lane."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

import asyncpg

from paidan_chassis.clock import read_scale, real_now
from paidan_chassis.kafka.cloudevents import Attributes, encode
from paidan_chassis.kafka.cluster import Kafka
from paidan_chassis.kafka.producer import Parcel, Publisher
from paidan_contracts.city import Pack, version_of
from paidan_contracts.ids import named
from paidan_contracts.inbox import CityInForce
from paidan_contracts.topics import ANSWERS_PREFIX, INBOX, ORDERS_PREFIX
from paidan_deploy.errors import DeployError

Connection: TypeAlias = "asyncpg.Connection[Any]"

# Services look for the newest, so a version that is put in force again must become the newest again.
KEEP_PACK: Final = """
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
TAKEN_BY_OTHERS: Final = """
    SELECT DISTINCT city, kind, named ->> 'id' AS id
      FROM cities.pack,
           unnest(ARRAY['departments', 'sources']) AS kind,
           jsonb_array_elements(convert_from(content, 'UTF8')::jsonb -> kind) AS named
     WHERE city <> $1
       AND (kind, named ->> 'id') IN (SELECT * FROM unnest($2::text[], $3::text[]))
     ORDER BY city, kind, id
"""
TELL: Final = """
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
    """A city's areas can never change: its cases are named by them, and lie in the lanes that they chose."""


class NameTaken(DeployError):
    """Topics are named by departments, and reports' ids by sources: two cities cannot share either."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was put in force."""

    city: str
    version: str
    lanes: int
    departments: int


async def in_force(connection: Connection, city: str) -> str | None:
    """Name the version that every lane has been told of; None while there is none."""
    version: str | None = await connection.fetchval(IN_FORCE, city)
    return version


async def publish(connection: Connection, kafka: Kafka, pack: Pack) -> Published:
    """Put a checked pack in force. Safe to repeat after it broke off anywhere: every lane is told once more.

    Lanes halt at a version that the database does not have, so the pack is committed before they are told.
    """
    content = pack.canonical()
    version = version_of(content)
    await _refuse_other_areas(connection, pack)
    await _refuse_others_names(connection, pack)
    async with Publisher(kafka, client_id="paidan-city") as publisher:
        await publisher.topology.ensure([INBOX.name, *_topics(pack)])
        lanes = await publisher.topology.partitions(INBOX.name)
        await connection.execute(KEEP_PACK, version, pack.id, content)
        since = await _city_time(connection)
        said = CityInForce(city=pack.id, version=version, in_force_at=since)
        await publisher.carry([_parcel(said, lane) for lane in range(lanes)])
    await connection.execute(TELL, pack.id, version, since)
    return Published(pack.id, version, lanes, len(pack.departments))


async def _refuse_other_areas(connection: Connection, pack: Pack) -> None:
    levels = {row["area_level"] for row in await connection.fetch(AREA_LEVELS, pack.id)}
    if levels - {pack.area_level}:
        raise AreaLevelChanged(
            f"city {pack.id} has been published with areas by {', '.join(sorted(levels))}; its cases are named by"
            f" them, so city.toml must keep that area_level"
        )


async def _refuse_others_names(connection: Connection, pack: Pack) -> None:
    ours = [("departments", each.id) for each in pack.departments] + [("sources", each.id) for each in pack.sources]
    kinds, names = zip(*ours, strict=True)
    taken = [
        f"{row['kind'].removesuffix('s')} {row['id']} of {row['city']}"
        for row in await connection.fetch(TAKEN_BY_OTHERS, pack.id, kinds, names)
    ]
    if taken:
        raise NameTaken(
            f"city {pack.id} may not use what another city here is called by: {', '.join(taken)}; topics are named by"
            " departments, and reports' ids by sources: give them ids of their own in departments.csv and sources.csv"
        )


def _topics(pack: Pack) -> list[str]:
    return [prefix + department.id for department in pack.departments for prefix in (ORDERS_PREFIX, ANSWERS_PREFIX)]


def _parcel(said: CityInForce, lane: int) -> Parcel:
    at = said.in_force_at
    attributes = Attributes(
        id=str(named("city_in_force", said.city, said.version, at.isoformat(), lane)),
        source="urn:paidan:city-publish",
        type=said.type,
        time=at,
        subject=said.city,
    )
    return Parcel(INBOX.name, lane, None, said.model_dump_json().encode(), encode(attributes))


async def _city_time(connection: Connection) -> datetime:
    scale = await read_scale(connection)
    return scale.city_time(real_now()) if scale else real_now()
