"""API keys: tokens are looked up until their key is revoked, and cannot be read from the database."""

import asyncio
from collections.abc import Callable

import asyncpg
import pytest
from pydantic import SecretStr

from paidan_chassis import migrations
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.edge import api_keys
from paidan_chassis.edge.api_keys import KeyRing, Principal
from paidan_deploy.servers.postgres import PostgresServer
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=15)


async def add_test_key(pool: Pool, *scopes: str, city: str = "quancheng") -> tuple[str, str]:
    """Store a new key and return its token and its id."""
    token, key = api_keys.generate_key(name="a hotline", city=city, scopes=scopes)
    async with pool.acquire() as conn:
        await api_keys.add_key(conn, "library", key)
    return token, key.key_id


async def test_token_resolves_to_its_principal(pool: Pool) -> None:
    token, key_id = await add_test_key(pool, "role:librarian", "branch:east")

    principal = await KeyRing(pool).find(token)

    assert principal == Principal(key_id, "a hotline", "quancheng", frozenset({"role:librarian", "branch:east"}))


@pytest.mark.parametrize("token", ["", "pdk_", "pdk_" + "a" * 43, "x" * 5000, "pdk_\x00" + "a" * 42, "泉"])
async def test_unknown_token_has_no_principal(pool: Pool, token: str) -> None:
    await add_test_key(pool, "role:monitor")

    assert await KeyRing(pool).find(token) is None


async def test_the_token_is_not_in_the_database(pool: Pool) -> None:
    """A reader of a backup must not be able to act as a department."""
    token, _ = await add_test_key(pool, "department:water")

    stored = str(await pool.fetch("SELECT api_key::text FROM api_key"))

    secret = token.removeprefix(api_keys.TOKEN_PREFIX)
    for piece in (secret[start : start + 8] for start in range(len(secret) - 7)):
        assert piece not in stored
        assert piece.encode().hex() not in stored  # the text format of bytes


async def test_revoked_key_stops_working_within_the_cache_time(pool: Pool) -> None:
    ring = KeyRing(pool, ttl_s=0.05)
    token, key_id = await add_test_key(pool, "role:operator")
    assert await ring.find(token) is not None

    async with pool.acquire() as conn:
        revoked = await api_keys.revoke_key(conn, "library", key_id)

    async def gone() -> bool:
        return await ring.find(token) is None

    assert revoked
    await poll(gone, what="the revoked key opens nothing")


async def test_new_key_works_soon_after_a_cached_miss(pool: Pool) -> None:
    """Invalid tokens are cached no longer than valid ones."""
    token, key = api_keys.generate_key(name="early", city="quancheng", scopes=["role:monitor"])
    ring = KeyRing(pool, ttl_s=0.05)
    assert await ring.find(token) is None

    async with pool.acquire() as conn:
        await api_keys.add_key(conn, "library", key)

    async def known() -> bool:
        return await ring.find(token) is not None

    await poll(known, what="the new key opens")


async def test_key_lookup_is_cached(pool: Pool) -> None:
    ring = KeyRing(pool, ttl_s=60)
    token, _ = await add_test_key(pool, "role:monitor")
    await ring.find(token)

    await pool.execute("DELETE FROM api_key")

    assert await ring.find(token) is not None


async def test_key_lookup_on_a_frozen_server_times_out(start_postgres: Callable[..., PostgresServer]) -> None:
    """Also where the look-up would have to wait for a connection first."""
    server = await asyncio.to_thread(start_postgres)
    connection = await asyncpg.connect(server.dsn)
    await migrations.migrate(connection, "library", [migrations.CHASSIS_MIGRATIONS])
    await connection.close()
    async with open_pool(SecretStr(server.dsn), schema="library", size=2) as pool:
        ring = KeyRing(pool, query_timeout_s=1)
        tokens = [api_keys.generate_key(name="x", city="x", scopes=["backdate"])[0] for _ in range(8)]
        await asyncio.to_thread(server.pause)
        try:
            async with asyncio.timeout(20):
                answers = await asyncio.gather(*(ring.find(token) for token in tokens), return_exceptions=True)
        finally:
            await asyncio.to_thread(server.resume)

    assert [type(answer) for answer in answers] == [TimeoutError] * 8


async def test_failed_lookups_are_bounded_in_memory(pool: Pool) -> None:
    ring = KeyRing(pool, ttl_s=60, max_entries=10)

    for _ in range(35):
        await ring.find(api_keys.generate_key(name="x", city="x", scopes=["backdate"])[0])

    assert len(ring.cache) <= 10


async def test_failed_lookups_do_not_evict_valid_keys(pool: Pool) -> None:
    ring = KeyRing(pool, ttl_s=60, max_entries=10)
    token, _ = await add_test_key(pool, "role:monitor")
    await ring.find(token)
    await pool.execute("DELETE FROM api_key")

    for _ in range(35):
        await ring.find(api_keys.generate_key(name="x", city="x", scopes=["backdate"])[0])

    assert await ring.find(token) is not None


async def test_one_key_is_added_to_several_schemas_and_listed_without_its_hash(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await migrations.migrate(conn, "museum", [migrations.CHASSIS_MIGRATIONS])
        _, key = api_keys.generate_key(
            name="both", city="quancheng", scopes=["role:monitor", "role:caller", "role:monitor"]
        )
        for schema in ("library", "museum", "museum"):
            await api_keys.add_key(conn, schema, key)
        listed = [await api_keys.list_keys(conn, schema) for schema in ("library", "museum")]

    assert [[each.key_id for each in found] for found in listed] == [[key.key_id], [key.key_id]]
    assert listed[0][0].scopes == ("role:caller", "role:monitor")
    assert not hasattr(listed[0][0], "token_hash")


async def test_revoking_an_unknown_key_returns_false(pool: Pool) -> None:
    async with pool.acquire() as conn:
        assert not await api_keys.revoke_key(conn, "library", "key_unknown")
