"""The settings of every connection, and which errors are retried."""

import asyncio
import time
from collections.abc import Callable

import asyncpg
import pytest
from pydantic import SecretStr

from paidan_chassis.database import DB_ERRORS, is_transient, open_pool, retry
from paidan_deploy.servers.postgres import PostgresServer
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=20)


async def prepare_table(dsn: str) -> SecretStr:
    """Create the schema and the table of the tests."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE SCHEMA library CREATE TABLE shelf (n int PRIMARY KEY)")
    await connection.close()
    return SecretStr(dsn)


async def test_statements_name_no_schema_and_times_are_utc(database: str) -> None:
    async with open_pool(await prepare_table(database), schema="library") as pool:
        await pool.execute("INSERT INTO shelf VALUES (1)")

        assert await pool.fetchval("SELECT count(*) FROM library.shelf") == 1
        assert await pool.fetchval("SHOW timezone") == "UTC"
        assert await pool.fetchval("SHOW application_name") == "paidan-library"


async def test_the_settings_hold_for_a_connection_that_was_used_before(database: str) -> None:
    """The pool resets a connection between two users; the fence must survive that."""
    async with open_pool(await prepare_table(database), schema="library", size=2) as pool:
        for _ in range(5):
            async with pool.acquire() as conn:
                assert await conn.fetchval("SHOW idle_in_transaction_session_timeout") == "5s"
                assert await conn.fetchval("SHOW lock_timeout") == "2s"
                await conn.execute("SET lock_timeout = 0")


async def test_idle_transaction_of_a_frozen_process_is_terminated(database: str) -> None:
    """Half of the fence: a frozen process must not block its successor for ever."""
    async with open_pool(await prepare_table(database), schema="library") as pool, pool.acquire() as frozen:
        held = frozen.transaction()
        await held.start()
        await frozen.execute("INSERT INTO shelf VALUES (1)")

        async def taken_over() -> bool:
            try:
                await pool.execute("INSERT INTO shelf VALUES (1)")
            except asyncpg.LockNotAvailableError:
                return False
            return True

        await poll(taken_over, what="the successor gets the row")
        with pytest.raises(DB_ERRORS) as woke:
            await held.commit()

    assert is_transient(woke.value)


async def test_retry_until_a_killed_server_is_back(
    start_postgres: Callable[..., PostgresServer],
) -> None:
    """Each of asyncpg's messages for a lost server counts as transient."""
    server = await asyncio.to_thread(start_postgres)
    faults: list[str] = []
    async with open_pool(await prepare_table(server.dsn), schema="library") as pool:
        await pool.execute("INSERT INTO shelf VALUES (1)")
        await asyncio.to_thread(server.kill)

        async def add() -> int:
            async with pool.acquire(timeout=2) as conn, conn.transaction():
                return int(await conn.fetchval("SELECT count(*) FROM shelf"))

        working = asyncio.ensure_future(
            retry(add, timeout_s=30, on_error=lambda error: faults.append(type(error).__name__))
        )
        await poll(lambda: len(faults) >= 3, what="it has failed three times")
        await asyncio.to_thread(server.start)
        count = await working

    assert count == 1


async def test_pool_waits_for_a_server_that_is_starting() -> None:
    started = time.monotonic()

    with pytest.raises(OSError):  # noqa: PT011 - which one depends on the system
        async with open_pool(SecretStr("postgresql://x@127.0.0.1:1/x"), schema="library", timeout_s=1.0):
            pass

    assert time.monotonic() - started > 0.3


async def test_queries_to_a_frozen_server_time_out(
    start_postgres: Callable[..., PostgresServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost network looks the same; in asyncpg's own pool not even a timeout around the statement ends the wait."""
    monkeypatch.setattr("paidan_chassis.database.ACQUIRE_TIMEOUT_S", 1.0)
    server = await asyncio.to_thread(start_postgres)
    async with open_pool(await prepare_table(server.dsn), schema="library", size=2) as pool:
        await asyncio.to_thread(server.pause)
        try:
            async with asyncio.timeout(20):
                asked = [pool.fetchval("SELECT 1", timeout=1) for _ in range(6)]
                answers = await asyncio.gather(*asked, return_exceptions=True)
        finally:
            await asyncio.to_thread(server.resume)

        assert [type(answer) for answer in answers] == [TimeoutError] * 6
        assert await retry(lambda: pool.fetchval("SELECT 1"), timeout_s=20) == 1


async def test_close_does_not_wait_for_a_leaked_connection(database: str) -> None:
    started = time.monotonic()
    async with open_pool(await prepare_table(database), schema="library") as pool:
        await pool.acquire()

    assert time.monotonic() - started < 20


def server_error(sqlstate: str) -> BaseException:
    """Return an error as asyncpg builds it from a server's response."""
    return asyncpg.PostgresError.new({"C": sqlstate, "M": "x"})


@pytest.mark.parametrize("sqlstate", ["57P01", "57P02", "57P03", "08006", "40001", "40P01", "53300", "55P03", "25P03"])
def test_transient_errors_are_retried(sqlstate: str) -> None:
    assert is_transient(server_error(sqlstate))


@pytest.mark.parametrize("sqlstate", ["22021", "23505", "42P01", "42601", "28P01", "3D000"])
def test_permanent_errors_are_not_retried(sqlstate: str) -> None:
    """A bug that is retried for ever would look like an outage."""
    assert not is_transient(server_error(sqlstate))


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"),
        asyncpg.DataError("invalid input for query argument $1: 'closed' (expected str)"),
        FileNotFoundError("no such photo"),
        ValueError("closed"),
    ],
)
def test_interface_misuse_is_not_an_outage(error: Exception) -> None:
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
def test_any_lost_connection_error_is_an_outage(error: Exception) -> None:
    assert is_transient(error)
