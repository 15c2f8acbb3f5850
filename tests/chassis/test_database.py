"""What every connection is told, and what is tried again."""

import asyncio
import time
from collections.abc import Callable

import asyncpg
import pytest
from pydantic import SecretStr

from paidan_chassis.database import FAULTS, is_transient, open_pool, retrying
from paidan_deploy.servers.postgres import PostgresServer
from tests.polling import poll


async def prepared(dsn: str) -> SecretStr:
    """Make the schema that the tests work in."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE SCHEMA library CREATE TABLE shelf (n int PRIMARY KEY)")
    await connection.close()
    return SecretStr(dsn)


async def test_statements_name_no_schema_and_times_are_utc(database: str) -> None:
    async with open_pool(await prepared(database), schema="library") as pool:
        await pool.execute("INSERT INTO shelf VALUES (1)")

        assert await pool.fetchval("SELECT count(*) FROM library.shelf") == 1
        assert await pool.fetchval("SHOW timezone") == "UTC"
        assert await pool.fetchval("SHOW application_name") == "paidan-library"


async def test_the_settings_hold_for_a_connection_that_was_used_before(database: str) -> None:
    """The pool resets a connection between two users; the fence must survive that."""
    async with open_pool(await prepared(database), schema="library", size=2) as pool:
        for _ in range(5):
            async with pool.acquire() as conn:
                assert await conn.fetchval("SHOW idle_in_transaction_session_timeout") == "5s"
                assert await conn.fetchval("SHOW lock_timeout") == "2s"
                await conn.execute("SET lock_timeout = 0")


async def test_an_owner_frozen_in_its_transaction_loses_its_locks(database: str) -> None:
    """Half of the fence: a process that was stopped in its tracks must not block its successor for ever."""
    async with open_pool(await prepared(database), schema="library") as pool, pool.acquire() as frozen:
        held = frozen.transaction()
        await held.start()
        await frozen.execute("INSERT INTO shelf VALUES (1)")

        async def taken_over() -> bool:
            try:
                await pool.execute("INSERT INTO shelf VALUES (1)")
            except asyncpg.LockNotAvailableError:
                return False
            return True

        await poll(taken_over, within_s=15, what="the successor gets the row")
        with pytest.raises(FAULTS) as woke:
            await held.commit()

    assert is_transient(woke.value)


async def test_work_is_done_again_until_a_killed_server_is_back(
    start_postgres: Callable[..., PostgresServer],
) -> None:
    """Each way in which asyncpg words that the server is gone counts as passing."""
    server = await asyncio.to_thread(start_postgres)
    faults: list[str] = []
    async with open_pool(await prepared(server.dsn), schema="library") as pool:
        await pool.execute("INSERT INTO shelf VALUES (1)")
        await asyncio.to_thread(server.kill)

        async def add() -> int:
            async with pool.acquire(timeout=2) as conn, conn.transaction():
                return int(await conn.fetchval("SELECT count(*) FROM shelf"))

        working = asyncio.ensure_future(
            retrying(add, within_s=30, on_fault=lambda error: faults.append(type(error).__name__))
        )
        await poll(lambda: len(faults) >= 3, what="it has failed three times")
        await asyncio.to_thread(server.start)
        count = await working

    assert count == 1


async def test_a_pool_waits_for_a_server_that_is_not_there_yet() -> None:
    began = time.monotonic()

    with pytest.raises(OSError):  # noqa: PT011 - which one depends on the system
        async with open_pool(SecretStr("postgresql://x@127.0.0.1:1/x"), schema="library", within_s=1.0):
            pass

    assert time.monotonic() - began > 0.3


async def test_nobody_waits_for_ever_on_a_server_that_is_frozen(
    start_postgres: Callable[..., PostgresServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cut network looks the same; with asyncpg's own pool even a timeout around the statement does not help."""
    monkeypatch.setattr("paidan_chassis.database.ACQUIRE_TIMEOUT_S", 1.0)
    server = await asyncio.to_thread(start_postgres)
    async with open_pool(await prepared(server.dsn), schema="library", size=2) as pool:
        await asyncio.to_thread(server.pause)
        try:
            async with asyncio.timeout(20):
                asked = [pool.fetchval("SELECT 1", timeout=1) for _ in range(6)]
                answers = await asyncio.gather(*asked, return_exceptions=True)
        finally:
            await asyncio.to_thread(server.resume)

        assert [type(answer) for answer in answers] == [TimeoutError] * 6
        assert await retrying(lambda: pool.fetchval("SELECT 1"), within_s=20) == 1


async def test_closing_does_not_wait_for_a_connection_that_is_never_given_back(database: str) -> None:
    began = time.monotonic()
    async with open_pool(await prepared(database), schema="library") as pool:
        await pool.acquire()

    assert time.monotonic() - began < 20


def of_server(sqlstate: str) -> BaseException:
    """Make an error as asyncpg makes it of what the server sent."""
    return asyncpg.PostgresError.new({"C": sqlstate, "M": "x"})


@pytest.mark.parametrize("sqlstate", ["57P01", "57P02", "57P03", "08006", "40001", "40P01", "53300", "55P03", "25P03"])
def test_what_passes_by_itself_is_tried_again(sqlstate: str) -> None:
    assert is_transient(of_server(sqlstate))


@pytest.mark.parametrize("sqlstate", ["22021", "23505", "42P01", "42601", "28P01", "3D000"])
def test_what_never_passes_is_not(sqlstate: str) -> None:
    """Retrying a bug for ever looks like an outage to everybody."""
    assert not is_transient(of_server(sqlstate))


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"),
        asyncpg.DataError("invalid input for query argument $1: 'closed' (expected str)"),
        FileNotFoundError("no such photo"),
        ValueError("closed"),
    ],
)
def test_misuse_is_not_an_outage(error: Exception) -> None:
    assert not is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InterfaceError("cannot call Transaction.__aexit__(): the underlying connection is closed"),
        asyncpg.InterfaceError("connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress"),
        asyncpg.InterfaceError("pool is closing"),
        ConnectionResetError(),
        TimeoutError(),
        OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 5432), [Errno 111] Connect call failed"),
    ],
)
def test_a_lost_connection_is_an_outage_however_it_is_worded(error: Exception) -> None:
    assert is_transient(error)
