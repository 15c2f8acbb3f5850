"""Prepares a database with scoring's schema and published packs, and reads its tables."""

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import asyncpg
from pydantic import SecretStr

from paidan_chassis import database
from paidan_chassis.consumer.batch import Batch, Record
from paidan_chassis.edge import api_keys
from paidan_chassis.migrations import CHASSIS_MIGRATIONS, CITIES_MIGRATIONS, migrate
from paidan_contracts.city.loader import load_city
from paidan_scoring.fact_bits import unpack_facts
from paidan_scoring.handlers import Fold
from tests.scoring.oracle import FactLine

TINY: Final = Path(__file__).parents[1] / "cities" / "tiny"


@cache
def pack_bytes(*, zone: str = "Asia/Shanghai", city: str = "tiny", version: str = "tiny-1") -> bytes:
    """Return the tiny city's pack, optionally in another zone or under another name."""
    content = json.loads(load_city(TINY).pack.canonical_bytes())
    content["id"], content["zone"], content["indicators"]["version"] = city, zone, version
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode()


def pack_version(content: bytes) -> str:
    """Return a pack's version."""
    return hashlib.sha256(content).hexdigest()


@asynccontextmanager
async def open_pool(dsn: str) -> AsyncIterator["asyncpg.Pool[Any]"]:
    """Migrate an empty database and open a pool in schema scoring."""
    connection = await asyncpg.connect(dsn)
    try:
        await migrate(connection, "cities", (CITIES_MIGRATIONS,))
        await migrate(connection, "scoring", (CHASSIS_MIGRATIONS, "paidan_scoring.migrations"))
    finally:
        await connection.close()
    async with database.open_pool(SecretStr(dsn), schema="scoring", size=4) as pool:
        yield pool


async def publish_pack(pool: "asyncpg.Pool[Any]", content: bytes) -> str:
    """Publish a pack and return its version."""
    await pool.execute(
        "INSERT INTO cities.pack (version, city, content) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        pack_version(content),
        json.loads(content)["id"],
        content,
    )
    return pack_version(content)


async def create_key(pool: "asyncpg.Pool[Any]", *scopes: str, city: str = "tiny") -> dict[str, str]:
    """Create an API key and return the header that carries it."""
    token, new = api_keys.generate_key(name="test", city=city, scopes=scopes)
    async with pool.acquire() as connection:
        await api_keys.add_key(connection, "scoring", new)
    return {"authorization": f"Bearer {token}"}


async def clear_tables(pool: "asyncpg.Pool[Any]") -> None:
    """Delete every case."""
    await pool.execute("TRUNCATE fact, tally, mark, score")


async def apply_records(pool: "asyncpg.Pool[Any]", handler: Fold, records: Sequence[Record]) -> Batch:
    """Apply a batch as a lane would, in a transaction of its own."""
    async with pool.acquire() as connection, connection.transaction():
        batch = Batch(cast("asyncpg.Connection[Any]", connection), records, max_message_bytes=1_000_000)
        await handler.apply(batch)
        return batch


async def read_facts(pool: "asyncpg.Pool[Any]") -> list[FactLine]:
    """Read the facts in the oracle's form."""
    rows = await pool.fetch(
        "SELECT case_id, assignment, version, city, day, department, district, street, class_code, source, facts"
        " FROM fact ORDER BY case_id, assignment"
    )
    return [FactLine(**{**dict(row), "facts": unpack_facts(row["facts"])}) for row in rows]


async def read_tallies(pool: "asyncpg.Pool[Any]") -> Counter[tuple[str, date, str, str, frozenset[str]]]:
    """Read the tallies in the oracle's form, summed over partitions."""
    rows = await pool.fetch("SELECT city, day, dimension, key, facts, number FROM tally")
    found: Counter[tuple[str, date, str, str, frozenset[str]]] = Counter()
    for row in rows:
        found[row["city"], row["day"], row["dimension"], row["key"], unpack_facts(row["facts"])] += row["number"]
    return Counter({key: number for key, number in found.items() if number})
