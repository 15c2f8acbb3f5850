"""Dispatch's schema in a database of its own with the tiny city published, and what its tables hold."""

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from operator import attrgetter
from typing import Any

import asyncpg
from pydantic import SecretStr

from paidan_chassis import database
from paidan_chassis.database import Executor
from paidan_chassis.migrations import CHASSIS_MIGRATIONS, CITIES_MIGRATIONS, migrate
from paidan_contracts.inbox import RELEASE, TimerDue
from paidan_contracts.state import CaseState
from paidan_dispatch.cases.timers import running_timers
from paidan_dispatch.inbox.unit_of_work import StoredEvent
from tests.contracts.city_packs import load_tiny
from tests.dispatch.builders import timer_due


@cache
def pack_bytes() -> bytes:
    """Return the tiny city's canonical bytes."""
    return load_tiny().pack.canonical_bytes()


def pack_version() -> str:
    """Return the version of the tiny city's pack."""
    return hashlib.sha256(pack_bytes()).hexdigest()


async def prepare_database(dsn: str) -> None:
    """Migrate an empty database and publish the tiny city."""
    connection = await asyncpg.connect(dsn)
    try:
        await migrate(connection, "cities", (CITIES_MIGRATIONS,))
        await migrate(connection, "dispatch", (CHASSIS_MIGRATIONS, "paidan_dispatch.migrations"))
        await publish_pack(connection, pack_bytes())
    finally:
        await connection.close()


async def publish_pack(conn: "asyncpg.Connection[Any] | asyncpg.Pool[Any]", content: bytes) -> str:
    """Publish a pack and return its version."""
    pack_hash = hashlib.sha256(content).hexdigest()
    await conn.execute(
        "INSERT INTO cities.pack (version, city, content) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        pack_hash,
        json.loads(content)["id"],
        content,
    )
    return pack_hash


@asynccontextmanager
async def open_pool(dsn: str) -> AsyncIterator["asyncpg.Pool[Any]"]:
    """Prepare a database in which every lane has read this release's mark, and open a pool in schema dispatch."""
    await prepare_database(dsn)
    async with database.open_pool(SecretStr(dsn), schema="dispatch", size=4) as pool:
        await _mark_lanes(pool)
        yield pool


async def _mark_lanes(executor: Executor) -> None:
    await executor.execute("DELETE FROM lane_release")
    await executor.execute("INSERT INTO lane_release SELECT lane, $1 FROM generate_series(0, 3) AS lane", RELEASE)


async def has_lock_waiter(pool: "asyncpg.Pool[Any]") -> bool:
    """Return whether a session of this database waits for another's transaction."""
    statement = (
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(await pool.fetchval(statement))


async def dump_tables(pool: "asyncpg.Pool[Any]") -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of the handler's tables, sorted."""
    tables = {
        "history": "case_id, version",
        "case_now": "case_id",
        "case_report": "case_id, number",
        "noted_report": "report_id",
        "outcome": "id",
        "lane_city": "lane, city",
        "helper": "case_id, department",
        "photo": "ref, case_id, holder",
        "lane_release": "lane",
        "case_serial": "lane, area, day",
        "camera_record": "lane, source, camera",
        "emergency": "declaration_id",
        "emergency_area": "area, declaration_id",
        "emergency_case": "declaration_id, case_id",
    }
    return {
        table: [tuple(row) for row in await pool.fetch(f"SELECT * FROM {table} ORDER BY {key}")]
        for table, key in tables.items()
    }


async def stored_states(pool: "asyncpg.Pool[Any]") -> dict[str, CaseState]:
    """Return the state of every case, as the service reads it."""
    rows = await pool.fetch("SELECT case_id, event FROM case_now JOIN history USING (case_id, version)")
    assert len(rows) == await pool.fetchval("SELECT count(*) FROM case_now")
    return {row["case_id"]: StoredEvent.model_validate_json(row["event"]).state for row in rows}


async def clear_tables(pool: "asyncpg.Pool[Any]") -> None:
    """Delete all rows but that every lane has read its mark, without the triggers that forbid it."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL session_replication_role = replica")
        for table in (
            "history", "case_now", "case_report", "noted_report", "outcome", "lane_city", "helper", "photo",
            "case_serial",
            "camera_record",
            "emergency",
            "emergency_area",
            "emergency_case",
        ):  # fmt: skip
            await conn.execute(f"DELETE FROM {table}")
        await _mark_lanes(conn)


async def due_timers(pool: "asyncpg.Pool[Any]") -> list[TimerDue]:
    """Return the clock of each case that is due first, as its entry of the inbox, in order of time."""
    first = []
    for state in (await stored_states(pool)).values():
        timers = sorted(running_timers(state), key=attrgetter("due_at", "kind"))
        stored = await pool.fetchval("SELECT next_due_at FROM case_now WHERE case_id = $1", state.case_id)
        assert stored == (timers[0].due_at if timers else None)
        first += timers[:1]
    return [timer_due(each) for each in sorted(first, key=attrgetter("due_at"))]
