"""Dispatch's schema in a database of its own with the tiny city published, and a log played to its lanes by hand."""

import hashlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from typing import Any, Final, cast

import asyncpg
from pydantic import SecretStr

from paidan_chassis import database
from paidan_chassis.consumer.batch import Doomed, Work
from paidan_chassis.consumer.records import Message, Record
from paidan_chassis.migrations import CITIES, OWN, migrate
from paidan_contracts import ids
from paidan_contracts.actions import Action, ActionRequested, Actor
from paidan_contracts.inbox import CityInForce, TimerDue
from paidan_contracts.reports import ReportReceived
from paidan_contracts.topics import INBOX
from paidan_contracts.wire import Said
from paidan_dispatch.city_packs import Cities
from paidan_dispatch.handlers import Inbox
from tests.contracts.city_packs import tiny

MONDAY: Final = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""09:00 in the tiny city, a working day."""


@cache
def pack() -> bytes:
    """Give the tiny city's canonical bytes."""
    return tiny().pack.canonical()


def version() -> str:
    """Name the tiny city's pack."""
    return hashlib.sha256(pack()).hexdigest()


async def prepare(dsn: str) -> None:
    """Migrate an empty database and publish the tiny city."""
    connection = await asyncpg.connect(dsn)
    try:
        await migrate(connection, "cities", (CITIES,))
        await migrate(connection, "dispatch", (OWN, "paidan_dispatch.migrations"))
        await publish(connection, pack())
    finally:
        await connection.close()


async def publish(conn: "asyncpg.Connection[Any] | asyncpg.Pool[Any]", content: bytes) -> str:
    """Keep a pack where lanes look for it, and give its version."""
    named = hashlib.sha256(content).hexdigest()
    await conn.execute(
        "INSERT INTO cities.pack (version, city, content) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        named,
        json.loads(content)["id"],
        content,
    )
    return named


@asynccontextmanager
async def open_ground(dsn: str) -> AsyncIterator["asyncpg.Pool[Any]"]:
    """Prepare a database and open a pool in schema dispatch."""
    await prepare(dsn)
    async with database.open_pool(SecretStr(dsn), schema="dispatch", size=4) as pool:
        yield pool


def in_force(*, city: str = "tiny", of: str | None = None) -> CityInForce:
    """Put a pack in force."""
    return CityInForce(city=city, version=of or version(), in_force_at=MONDAY - timedelta(days=1))


def report(ref: str, *, minutes: float = 0, east_m: float = 0, **more: Any) -> ReportReceived:  # noqa: ANN401 - fields of the model
    """Report rubbish: so many minutes after Monday 09:00, so many metres east of the corner."""
    at = MONDAY + timedelta(minutes=minutes)
    source = more.get("source", "hotline")
    said: dict[str, Any] = {
        "report_id": ids.report_id(source, ref),
        "source": source,
        "source_ref": ref,
        "channel": {"photo": "photo", "camera": "camera", "records": "import"}.get(source, "hotline"),
        "city": "tiny",
        "area": "tiny",
        "city_version": version(),
        "digest": hashlib.sha256(f"{ref} {more}".encode()).hexdigest(),
        "class_code": "E0110",
        "place": {"latitude": 36.01, "longitude": 117.01 + east_m / 90_000},
        "text": "垃圾 rubbish",
        "occurred_at": at,
        "recorded_at": at,
    }
    return ReportReceived.model_validate(said | more)


def case_of(said: ReportReceived) -> str:
    """Name the case that a report opens."""
    return ids.case_id(said.area, said.report_id)


def asked(
    case_id: str,
    action: Action,
    *,
    by: str,
    minutes: float = 0,
    ref: str | None = None,
    **more: Any,  # noqa: ANN401 - fields of the model
) -> ActionRequested:
    """Ask for an action, ``by`` as ``role:id``."""
    at = MONDAY + timedelta(minutes=minutes)
    kind, name = by.split(":")
    own = ref or f"{case_id} {action.kind} {minutes}"
    said: dict[str, Any] = {
        "action_id": ids.action_id(by, own),
        "case_id": case_id,
        "area": ids.area_of(case_id),
        "actor": Actor.model_validate({"kind": kind, "id": name}),
        "door": "kafka" if kind == "department" else "http",
        "digest": hashlib.sha256(action.model_dump_json().encode()).hexdigest(),
        "sender_ref": own,
        "occurred_at": at,
        "recorded_at": at,
        "action": action,
    }
    return ActionRequested.model_validate(said | more)


@dataclass(slots=True)
class Log:
    """One inbox as Kafka would keep it: records in order, each in its lane."""

    records: list[Record] = field(default_factory=list)
    offsets: dict[int, Iterator[int]] = field(default_factory=dict)

    def say(self, *entries: Said | bytes | None, lane: int = 0) -> "Log":
        """Append entries, or bytes that are none."""
        for entry in entries:
            value = entry.model_dump_json().encode() if isinstance(entry, Said) else entry
            offset = next(self.offsets.setdefault(lane, count()))
            appended_at = MONDAY + timedelta(seconds=len(self.records))
            self.records.append(Record(INBOX.name, lane, offset, b"", value, (), appended_at))
        return self


@dataclass(slots=True)
class Heard:
    """What a batch said and buried."""

    said: list[Message] = field(default_factory=list)
    buried: list[tuple[Record, str, str]] = field(default_factory=list)

    def on(self, topic: str) -> list[dict[str, Any]]:
        """Give the bodies said on one topic, in order."""
        return [json.loads(message.value) for message in self.said if message.topic == topic]

    def outcomes(self) -> list[tuple[str, str | None]]:
        """Give each outcome's result and, of a refusal, its code."""
        return [(each["result"], each.get("why", {}).get("code")) for each in self.on("paidan.outcomes")]

    def types(self) -> list[str]:
        """Name the steps of cases that were said, in order."""
        return [each["type"] for each in self.on("paidan.cases")]


async def play(
    pool: "asyncpg.Pool[Any]",
    records: Sequence[Record],
    *,
    cut: int = 1000,
    inbox: Inbox | None = None,
    doomed: Sequence[Doomed] = (),
) -> Heard:
    """Apply records as a lane consumer would, in batches of at most ``cut``, each in a transaction."""
    handler = inbox or Inbox(Cities(), timer_set=lambda _due_at: None)
    heard = Heard()
    async with pool.acquire() as conn:
        for start in range(0, max(len(records), 1), cut):
            async with conn.transaction():
                raw = cast("asyncpg.Connection[Any]", conn)
                work = Work(raw, records[start : start + cut], largest=1_000_000, doomed=doomed)
                await handler.apply(work)
            heard.said += [message for _, message in work.said]
            heard.buried += work.buried
    return heard


async def apply(conn: "asyncpg.pool.PoolConnectionProxy[Any]", records: Sequence[Record]) -> None:
    """Apply one batch inside the caller's transaction."""
    raw = cast("asyncpg.Connection[Any]", conn)
    await Inbox(Cities(), timer_set=lambda _due_at: None).apply(Work(raw, records, largest=1_000_000))


async def is_waiting(pool: "asyncpg.Pool[Any]") -> bool:
    """Tell whether some session of this database waits for another's transaction."""
    statement = (
        "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    return bool(await pool.fetchval(statement))


async def dump(pool: "asyncpg.Pool[Any]") -> dict[str, list[tuple[Any, ...]]]:
    """Read all that lanes have written, in an order of its own."""
    tables = {
        "history": "case_id, version",
        "case_now": "case_id",
        "outcome": "id",
        "timer": "case_id, kind",
        "lane_city": "lane, city",
    }
    return {
        table: [tuple(row) for row in await pool.fetch(f"SELECT * FROM {table} ORDER BY {key}")]
        for table, key in tables.items()
    }


async def wipe(pool: "asyncpg.Pool[Any]") -> None:
    """Forget everything, as a restored empty database would: past the triggers that forbid it."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL session_replication_role = replica")
        for table in ("history", "case_now", "outcome", "timer", "lane_city"):
            await conn.execute(f"DELETE FROM {table}")


def due(row: "asyncpg.Record") -> TimerDue:
    """Let a timer of the table run out."""
    return TimerDue(
        timer_id=ids.timer_id(row["case_id"], row["kind"], row["generation"]),
        case_id=row["case_id"],
        area=ids.area_of(row["case_id"]),
        kind=row["kind"],
        generation=row["generation"],
        due_at=row["due_at"],
    )
