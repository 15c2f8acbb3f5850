"""SQL for published city packs (schema ``cities``): versions, and content as bytes, which contracts decode."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from paidan_chassis.database import Connection, Executor

_SELECT_CONTENT: Final = """
    SELECT content
      FROM cities.pack
     WHERE version = $1
"""
_SELECT_NEWEST_CONTENT: Final = """
    SELECT content
      FROM cities.pack
     WHERE city = $1
     ORDER BY published_at DESC, version
     LIMIT 1
"""
_SELECT_NEWEST_VERSION: Final = """
    SELECT version
      FROM cities.pack
     WHERE city = $1
     ORDER BY published_at DESC, version
     LIMIT 1
"""
_SELECT_NEWEST_VERSIONS: Final = """
    SELECT DISTINCT ON (city) city, version
      FROM cities.pack
     ORDER BY city, published_at DESC, version
"""
# A city may have gone back to an older pack.
_SELECT_CURRENT_VERSIONS: Final = """
    SELECT DISTINCT ON (p.city) p.city, COALESCE(f.version, p.version) AS version
      FROM cities.pack p
      LEFT JOIN cities.in_force f USING (city)
     ORDER BY p.city, p.published_at DESC, p.version
"""
_SELECT_VERSIONS: Final = """
    SELECT version, published_at
      FROM cities.pack
     WHERE city = $1
     ORDER BY published_at DESC, version
     LIMIT $2
"""
_SELECT_DEFINITIONS: Final = """
    SELECT convert_from(content, 'UTF8')::jsonb #>> '{indicators,version}' AS definitions, published_at
      FROM cities.pack
     WHERE city = $1
     ORDER BY published_at DESC, version
     LIMIT $2
"""
_SELECT_VERSION_IN_FORCE: Final = """
    SELECT version
      FROM cities.in_force
     WHERE city = $1
"""
_SELECT_VALUES: Final = """
    SELECT DISTINCT convert_from(content, 'UTF8')::jsonb ->> $2 AS value
      FROM cities.pack
     WHERE city = $1
"""
_SELECT_ITEM_IDS: Final = """
    SELECT DISTINCT city, list_name, item ->> 'id' AS id
      FROM cities.pack,
           unnest($1::text[]) AS list_name,
           jsonb_array_elements(convert_from(content, 'UTF8')::jsonb -> list_name) AS item
"""
# Services look for the newest, so a version that is put in force again must become the newest again.
_UPSERT_PACK: Final = """
    INSERT INTO cities.pack (version, city, content)
    VALUES ($1, $2, $3)
        ON CONFLICT (version) DO UPDATE
       SET published_at = clock_timestamp()
"""
_UPSERT_IN_FORCE: Final = """
    INSERT INTO cities.in_force (city, version, since)
    VALUES ($1, $2, $3)
        ON CONFLICT (city) DO UPDATE
       SET version = EXCLUDED.version,
           since = EXCLUDED.since
"""


class PublishedVersion(NamedTuple):
    """A version of a city's pack, and when it was published last."""

    version: str
    published_at: datetime


class PublishedDefinitions(NamedTuple):
    """The version of the definitions of indicators in a city's pack, and when the pack was published last."""

    definitions: str | None
    published_at: datetime


class ItemId(NamedTuple):
    """The id of an item in one of a pack's lists."""

    city: str
    list_name: str
    id: str


async def find_content(executor: Executor, version: str, *, timeout_s: float | None = None) -> bytes | None:
    """Return the pack of this version; None when none was published."""
    content: bytes | None = await executor.fetchval(_SELECT_CONTENT, version, timeout=timeout_s)
    return content


async def find_newest_content(conn: Connection, city: str) -> bytes | None:
    """Return the pack of a city that was published last; None for an unknown city."""
    content: bytes | None = await conn.fetchval(_SELECT_NEWEST_CONTENT, city)
    return content


async def find_newest_version(conn: Connection, city: str) -> str | None:
    """Return the version of a city's pack that was published last; None for an unknown city."""
    version: str | None = await conn.fetchval(_SELECT_NEWEST_VERSION, city)
    return version


async def load_newest_versions(conn: Connection) -> dict[str, str]:
    """Return, by city, the version that was published last."""
    return {row["city"]: row["version"] for row in await conn.fetch(_SELECT_NEWEST_VERSIONS)}


async def load_current_versions(executor: Executor, *, timeout_s: float | None = None) -> dict[str, str]:
    """Return, by city, the version in force, or the one published last where none is in force yet."""
    rows = await executor.fetch(_SELECT_CURRENT_VERSIONS, timeout=timeout_s)
    return {row["city"]: row["version"] for row in rows}


async def list_versions(executor: Executor, city: str, limit: int, *, timeout_s: float) -> list[PublishedVersion]:
    """Return the versions of a city's pack, those that were published last first."""
    rows = await executor.fetch(_SELECT_VERSIONS, city, limit, timeout=timeout_s)
    return [PublishedVersion(**row) for row in rows]


async def list_definitions(
    executor: Executor, city: str, limit: int, *, timeout_s: float
) -> list[PublishedDefinitions]:
    """Return which definitions of indicators a city's packs have, those that were published last first."""
    rows = await executor.fetch(_SELECT_DEFINITIONS, city, limit, timeout=timeout_s)
    return [PublishedDefinitions(**row) for row in rows]


async def find_version_in_force(conn: Connection, city: str) -> str | None:
    """Return the version that every lane has been sent; None while there is none."""
    version: str | None = await conn.fetchval(_SELECT_VERSION_IN_FORCE, city)
    return version


async def load_values(conn: Connection, city: str, key: str) -> set[str | None]:
    """Return every value that the versions of a city's pack hold under a top-level key."""
    return {row["value"] for row in await conn.fetch(_SELECT_VALUES, city, key)}


async def load_item_ids(conn: Connection, list_names: Sequence[str]) -> set[ItemId]:
    """Return the ids of all items in these top-level lists of every version of every pack."""
    return {ItemId(**row) for row in await conn.fetch(_SELECT_ITEM_IDS, list_names)}


async def save(conn: Connection, version: str, city: str, content: bytes) -> None:
    """Store a pack and make it its city's newest. Idempotent but for the time of publication."""
    await conn.execute(_UPSERT_PACK, version, city, content)


async def put_in_force(conn: Connection, city: str, version: str, since: datetime) -> None:
    """Record that every lane has been sent this version."""
    await conn.execute(_UPSERT_IN_FORCE, city, version, since)
