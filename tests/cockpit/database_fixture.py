"""A database with the cockpit's schema and a published pack, persons in it, and cases as a lane would store them."""

import hashlib
import secrets
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
from pydantic import SecretStr

from paidan_chassis import database
from paidan_chassis.consumer.batch import Batch, Record
from paidan_chassis.migrations import CHASSIS_MIGRATIONS, CITIES_MIGRATIONS, migrate
from paidan_cockpit.handlers import ReadModel
from tests.scoring.database_fixture import pack_bytes, publish_pack


@asynccontextmanager
async def open_pool(dsn: str) -> AsyncIterator["asyncpg.Pool[Any]"]:
    """Migrate an empty database, publish the tiny city, and open a pool in schema cockpit."""
    connection = await asyncpg.connect(dsn)
    try:
        await migrate(connection, "cities", (CITIES_MIGRATIONS,))
        await migrate(connection, "cockpit", (CHASSIS_MIGRATIONS, "paidan_cockpit.migrations"))
    finally:
        await connection.close()
    async with database.open_pool(SecretStr(dsn), schema="cockpit", size=4) as pool:
        await publish_pack(pool, pack_bytes())
        yield pool


async def apply_records(pool: "asyncpg.Pool[Any]", records: Sequence[Record]) -> Batch:
    """Apply a batch as a lane would, in a transaction of its own."""
    async with pool.acquire() as connection, connection.transaction():
        batch = Batch(cast("asyncpg.Connection[Any]", connection), records, max_message_bytes=1_000_000)
        await ReadModel().apply(batch)
    return batch


async def add_person(
    pool: "asyncpg.Pool[Any]", *scopes: str, city: str = "tiny", post: str = "dispatcher"
) -> uuid.UUID:
    """Store a person."""
    person_id = uuid.uuid4()
    await pool.execute(
        "INSERT INTO person (person_id, name, city, post, scopes, created_by) VALUES ($1, '王敏', $2, $3, $4, 'test')",
        person_id,
        city,
        post,
        list(scopes),
    )
    return person_id


async def add_link(pool: "asyncpg.Pool[Any]", person_id: uuid.UUID, *, minutes: int = 10) -> str:
    """Store a sign-in link and return its secret."""
    secret = secrets.token_urlsafe(32)
    await pool.execute(
        "INSERT INTO sign_in_link (hash, person_id, created_by, expires_at)"
        " VALUES ($1, $2, 'test', now() + make_interval(mins => $3))",
        hashlib.sha256(secret.encode()).digest(),
        person_id,
        minutes,
    )
    return secret
