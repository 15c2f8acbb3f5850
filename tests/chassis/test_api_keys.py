"""A token opens what its key says, for as long as the key stands, and the database gives no token away."""

import asyncio
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest
from pydantic import SecretStr

from paidan_chassis import migrations
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.edge import api_keys
from paidan_chassis.edge.api_keys import BadKey, KeyRing
from paidan_deploy.servers.postgres import PostgresServer
from tests.polling import poll


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """Give a service's pool over its migrated schema."""
    connection = await asyncpg.connect(database)
    await migrations.migrate(connection, "library", [migrations.OWN])
    await connection.close()
    async with open_pool(SecretStr(database), schema="library") as opened:
        yield opened


async def added(pool: Pool, *scopes: str, city: str = "quancheng") -> tuple[str, str]:
    """Store a new key and give its token and its id."""
    token, key = api_keys.mint(name="a hotline", city=city, scopes=scopes)
    async with pool.acquire() as conn:
        await api_keys.add_key(conn, "library", key)
    return token, key.key_id


async def test_a_token_names_its_principal(pool: Pool) -> None:
    token, _ = await added(pool, "source:hotline", "backdate")

    who = await KeyRing(pool).find(token)

    assert who is not None
    assert (who.source, who.department, who.backdates, who.city) == ("hotline", None, True, "quancheng")
    assert not who.is_a("operator")


async def test_an_admin_holds_every_role_and_speaks_for_no_department(pool: Pool) -> None:
    token, _ = await added(pool, "role:admin", city="*")

    who = await KeyRing(pool).find(token)

    assert who is not None
    assert who.is_a("inspector")
    assert who.covers("quancheng")
    assert who.department is None


@pytest.mark.parametrize("token", ["", "pdk_", "pdk_" + "a" * 43, "x" * 5000, "pdk_\x00" + "a" * 42, "泉"])
async def test_a_strangers_token_names_nobody(pool: Pool, token: str) -> None:
    await added(pool, "role:monitor")

    assert await KeyRing(pool).find(token) is None


async def test_the_token_is_not_in_the_database(pool: Pool) -> None:
    """Whoever reads a backup must not be able to speak as a department."""
    token, _ = await added(pool, "department:water")

    kept = str(await pool.fetch("SELECT api_key::text FROM api_key"))

    secret = token.removeprefix(api_keys.SHOWN_AS)
    for piece in (secret[start : start + 8] for start in range(len(secret) - 7)):
        assert piece not in kept
        assert piece.encode().hex() not in kept  # as text shows bytes


async def test_a_revoked_key_opens_nothing_soon_after(pool: Pool) -> None:
    ring = KeyRing(pool, expires_after_s=0.05)
    token, key_id = await added(pool, "role:operator")
    assert await ring.find(token) is not None

    async with pool.acquire() as conn:
        revoked = await api_keys.revoke_key(conn, "library", key_id)

    async def gone() -> bool:
        return await ring.find(token) is None

    assert revoked
    await poll(gone, within_s=5, what="the revoked key opens nothing")


async def test_a_new_key_opens_soon_after_a_try_that_came_too_early(pool: Pool) -> None:
    """That nobody holds a token is remembered as shortly as that somebody does."""
    token, key = api_keys.mint(name="early", city="quancheng", scopes=["role:monitor"])
    ring = KeyRing(pool, expires_after_s=0.05)
    assert await ring.find(token) is None

    async with pool.acquire() as conn:
        await api_keys.add_key(conn, "library", key)

    async def known() -> bool:
        return await ring.find(token) is not None

    await poll(known, within_s=5, what="the new key opens")


async def test_a_hot_route_asks_the_database_once(pool: Pool) -> None:
    ring = KeyRing(pool, expires_after_s=60)
    token, _ = await added(pool, "role:monitor")
    await ring.find(token)

    await pool.execute("DELETE FROM api_key")

    assert await ring.find(token) is not None


async def test_nobody_waits_for_ever_on_a_frozen_server(start_postgres: Callable[..., PostgresServer]) -> None:
    """Not even those who would have to wait for a connection first."""
    server = await asyncio.to_thread(start_postgres)
    connection = await asyncpg.connect(server.dsn)
    await migrations.migrate(connection, "library", [migrations.OWN])
    await connection.close()
    async with open_pool(SecretStr(server.dsn), schema="library", size=2) as pool:
        ring = KeyRing(pool, answers_within_s=1)
        tokens = [api_keys.mint(name="x", city="x", scopes=["backdate"])[0] for _ in range(8)]
        await asyncio.to_thread(server.pause)
        try:
            async with asyncio.timeout(20):
                answers = await asyncio.gather(*(ring.find(token) for token in tokens), return_exceptions=True)
        finally:
            await asyncio.to_thread(server.resume)

    assert [type(answer) for answer in answers] == [TimeoutError] * 8


async def test_guesses_do_not_fill_the_memory(pool: Pool) -> None:
    ring = KeyRing(pool, expires_after_s=60, remembers=10)

    for _ in range(35):
        await ring.find(api_keys.mint(name="x", city="x", scopes=["backdate"])[0])

    assert ring.remembered <= 10


async def test_guesses_do_not_push_out_who_holds_a_key(pool: Pool) -> None:
    ring = KeyRing(pool, expires_after_s=60, remembers=10)
    token, _ = await added(pool, "role:monitor")
    await ring.find(token)
    await pool.execute("DELETE FROM api_key")

    for _ in range(35):
        await ring.find(api_keys.mint(name="x", city="x", scopes=["backdate"])[0])

    assert await ring.find(token) is not None


async def test_one_key_is_added_to_several_schemas_and_listed_without_its_hash(pool: Pool) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await migrations.migrate(conn, "museum", [migrations.OWN])
        _, key = api_keys.mint(name="both", city="quancheng", scopes=["role:monitor", "role:caller", "role:monitor"])
        for schema in ("library", "museum", "museum"):
            await api_keys.add_key(conn, schema, key)
        listed = [await api_keys.list_keys(conn, schema) for schema in ("library", "museum")]

    assert [[each.key_id for each in found] for found in listed] == [[key.key_id], [key.key_id]]
    assert listed[0][0].scopes == ("role:caller", "role:monitor")
    assert not hasattr(listed[0][0], "token_hash")


async def test_revoking_an_unknown_key_says_so(pool: Pool) -> None:
    async with pool.acquire() as conn:
        assert not await api_keys.revoke_key(conn, "library", "key_unknown")


@pytest.mark.parametrize(
    "scopes",
    [[], ["role:mayor"], ["source:"], ["department:水务"], ["source:a", "source:b"], ["everything"], ["source:a\n"]],
)
def test_refuses_scopes_that_mean_nothing_or_too_much(scopes: list[str]) -> None:
    with pytest.raises(BadKey):
        api_keys.mint(name="x", city="quancheng", scopes=scopes)
