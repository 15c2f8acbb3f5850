"""Dispatch's schema in a database of its own with the tiny city published, and an inbox applied without a broker."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from operator import attrgetter
from typing import Any, Final, cast

import asyncpg
from pydantic import SecretStr

from paidan_chassis import database
from paidan_chassis.consumer.batch import Batch, DeadLetter, Record
from paidan_chassis.database import Executor
from paidan_chassis.kafka.message import Message
from paidan_chassis.migrations import CHASSIS_MIGRATIONS, CITIES_MIGRATIONS, migrate
from paidan_contracts import ids
from paidan_contracts.actions import Action, ActionRequested, Actor
from paidan_contracts.inbox import RELEASE, CityInForce, PhotoStored, TimerDue
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_contracts.topics import INBOX
from paidan_contracts.wire import WireModel
from paidan_dispatch.cases.case_state import running_timers
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.handlers import InboxHandler
from paidan_dispatch.inbox.unit_of_work import StoredEvent
from tests.contracts.city_packs import load_tiny
from tests.dispatch.builders import timer_due

START_TIME: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""09:00 in the tiny city, a working day."""


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


def city_in_force(*, city: str = "tiny", of_version: str | None = None) -> CityInForce:
    """Build the entry that puts a pack in force."""
    return CityInForce(city=city, version=of_version or pack_version(), in_force_at=START_TIME - timedelta(days=1))


def build_report(ref: str, *, minutes: float = 0, east_m: float = 0, **overrides: Any) -> ReportReceived:  # noqa: ANN401 - fields of the model
    """Build a report of rubbish: so many minutes after Monday 09:00, so many metres east of the corner."""
    at = START_TIME + timedelta(minutes=minutes)
    source = overrides.get("source", "hotline")
    fields: dict[str, Any] = {
        "report_id": ids.report_id(source, ref),
        "source": source,
        "source_ref": ref,
        "channel": {"photo": "photo", "camera": "camera", "records": "import"}.get(source, "hotline"),
        "city": "tiny",
        "area": "tiny",
        "city_version": pack_version(),
        "digest": hashlib.sha256(f"{ref} {overrides}".encode()).hexdigest(),
        "class_code": "E0110",
        "place": {"latitude": 36.01, "longitude": 117.01 + east_m / 90_000},
        "text": "垃圾 rubbish",
        "wants_callback": source in ("hotline", "photo"),
        "occurred_at": at,
        "recorded_at": at,
    }
    return ReportReceived.model_validate(fields | overrides)


def case_id_of(report: ReportReceived) -> str:
    """Return the id of the case that a report opens."""
    return ids.case_id(report.area, report.report_id)


def photo_stored(case_id: str, ref: str, *, by: str = "department:streets", minutes: float = 0) -> PhotoStored:
    """Build the entry of a photo that ``by`` (``role:id``) stored for a case."""
    kind, name = by.split(":")
    return PhotoStored(
        ref=ref,
        case_id=case_id,
        area=ids.area_of(case_id),
        holder=Actor.model_validate({"kind": kind, "id": name}),
        stored_at=START_TIME + timedelta(minutes=minutes),
    )


def build_action(
    case_id: str,
    action: Action,
    *,
    by: str,
    minutes: float = 0,
    ref: str | None = None,
    **overrides: Any,  # noqa: ANN401 - fields of the model
) -> ActionRequested:
    """Build the request for an action, ``by`` as ``role:id``."""
    at = START_TIME + timedelta(minutes=minutes)
    kind, name = by.split(":")
    sender_ref = ref or f"{case_id} {action.kind} {minutes}"
    fields: dict[str, Any] = {
        "action_id": ids.action_id(by, sender_ref),
        "case_id": case_id,
        "area": ids.area_of(case_id),
        "actor": Actor.model_validate({"kind": kind, "id": name}),
        "door": "kafka" if kind == "department" else "http",
        "digest": hashlib.sha256(action.model_dump_json().encode()).hexdigest(),
        "sender_ref": sender_ref,
        "occurred_at": at,
        "recorded_at": at,
        "action": action,
    }
    return ActionRequested.model_validate(fields | overrides)


@dataclass(slots=True)
class InboxRecords:
    """An inbox as Kafka stores it: records in order, each in its partition."""

    records: list[Record] = field(default_factory=list)
    offsets: dict[int, Iterator[int]] = field(default_factory=dict)

    def append(self, *entries: WireModel | bytes | None, partition: int = 0) -> "InboxRecords":
        """Append entries, or bytes that cannot be decoded."""
        for entry in entries:
            value = entry.model_dump_json().encode() if isinstance(entry, WireModel) else entry
            offset = next(self.offsets.setdefault(partition, count()))
            appended_at = START_TIME + timedelta(seconds=len(self.records))
            self.records.append(Record(INBOX.name, partition, offset, b"", value, (), appended_at))
        return self


@dataclass(slots=True)
class BatchOutput:
    """The messages and dead letters of a batch."""

    messages: list[Message] = field(default_factory=list)
    rejected: list[tuple[Record, str, str]] = field(default_factory=list)

    def bodies_on(self, topic: str) -> list[dict[str, Any]]:
        """Return the bodies of the messages to one topic, in order."""
        return [json.loads(message.value) for message in self.messages if message.topic == topic]

    def outcomes(self) -> list[tuple[str, str | None]]:
        """Return each outcome's result and, of a refusal, its code."""
        outcomes = [each for each in self.bodies_on("paidan.outcomes") if each["type"] == "outcome.decided.v1"]
        return [(each["result"], each.get("why", {}).get("code")) for each in outcomes]

    def types(self) -> list[str]:
        """Return the types of the case events, in order."""
        return [each["type"] for each in self.bodies_on("paidan.cases")]


async def apply_records(
    pool: "asyncpg.Pool[Any]",
    records: Sequence[Record],
    *,
    batch_size: int = 1000,
    handler_override: InboxHandler | None = None,
    rejected: Sequence[DeadLetter] = (),
) -> BatchOutput:
    """Apply records as a lane consumer does, in batches of at most ``batch_size``, each in a transaction."""
    handler = handler_override or InboxHandler(PackCache())
    output = BatchOutput()
    async with pool.acquire() as conn:
        for start in range(0, max(len(records), 1), batch_size):
            async with conn.transaction():
                raw = cast("asyncpg.Connection[Any]", conn)
                work = Batch(raw, records[start : start + batch_size], max_message_bytes=1_000_000, rejected=rejected)
                await handler.apply(work)
            output.messages += [message for _, message in work.messages]
            output.rejected += work.dead_letters
    return output


async def apply_batch(conn: "asyncpg.pool.PoolConnectionProxy[Any]", records: Sequence[Record]) -> None:
    """Apply one batch inside the caller's transaction."""
    raw = cast("asyncpg.Connection[Any]", conn)
    await InboxHandler(PackCache()).apply(Batch(raw, records, max_message_bytes=1_000_000))


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
