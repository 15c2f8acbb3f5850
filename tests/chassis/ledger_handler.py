"""Handlers that keep a ledger: applying twice changes the balance, a stale cache repeats a version."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer

from paidan_chassis.consumer.batch import Batch, PoisonRecord, Record
from paidan_chassis.consumer.writes import Write
from paidan_chassis.database import Connection
from paidan_chassis.errors import Halt
from paidan_chassis.kafka.message import Message
from tests.chassis.consumer_options import ConsumerOptions, kill_self


async def never_answer(_client: AIOKafkaConsumer, _partitions: Sequence[Any]) -> None:
    """Wait for ever, as aiokafka's client may after a broker's restart."""
    await asyncio.Event().wait()


def stop_polling() -> None:
    """Let the client that polls next return nothing for ever."""
    poll = AIOKafkaConsumer.getmany
    stuck: list[Any] = []

    async def getmany(self: Any, *partitions: Any, timeout_ms: int = 0, **options: Any) -> Any:  # noqa: ANN401
        stuck[:] = stuck or [self]
        if self is not stuck[0]:
            return await poll(self, *partitions, timeout_ms=timeout_ms, **options)
        await asyncio.sleep(timeout_ms / 1000)
        return {}

    AIOKafkaConsumer.getmany = getmany


INSERT_ENTRIES = """
    INSERT INTO entry (key, version, body, topic, log_offset, appended_at)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[])
"""
ADD_TO_BALANCE = "UPDATE balance SET entries = entries + $1"
SAVE_ACCOUNTS = """
    INSERT INTO account SELECT * FROM unnest($1::text[], $2::bigint[])
        ON CONFLICT (key) DO UPDATE SET version = excluded.version
"""
Entry: TypeAlias = tuple[str, int, str, str, int, datetime]


class LedgerHandler:
    """A handler that writes an entry for every record and emits an echo with the key's next version."""

    def __init__(self, options: ConsumerOptions) -> None:
        self.options = options
        self.versions: dict[str, int] = {}
        self.applied = 0

    async def apply(self, batch: Batch) -> None:
        await self._load(batch.conn, {_key(record) for record in batch.records})
        entries = [entry for record in batch.records if (entry := self._entry(batch, record))]
        await batch.conn.execute(INSERT_ENTRIES, *_columns(entries))
        late = [word for record in batch.records if record.value == b"late" for word in ("twice", "twice")]
        await batch.conn.execute("INSERT INTO late SELECT unnest($1::text[])", late)
        await batch.conn.execute(ADD_TO_BALANCE, len(entries))
        await batch.conn.executemany(
            "INSERT INTO account VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET version = excluded.version",
            [(key, self.versions[key]) for key in {_key(record) for record in batch.records}],
        )
        await self._delay_or_kill(batch)

    async def _delay_or_kill(self, batch: Batch) -> None:
        self.applied += len(batch.records)
        if self.options.kill_point == "applying" and self.applied > self.options.kill_after:
            kill_self()
        if 0 < self.options.sticks_after <= self.applied:
            AIOKafkaConsumer.beginning_offsets = never_answer
        if 0 < self.options.stops_polling_after <= self.applied:
            self.options = replace(self.options, stops_polling_after=0)
            stop_polling()
        if self.options.sql_sleep_s:
            await batch.conn.execute("SELECT pg_sleep($1)", self.options.sql_sleep_s)
        if self.options.waits_at:
            await batch.conn.execute("SELECT pg_advisory_xact_lock_shared($1)", self.options.waits_at)
        await asyncio.sleep(self.options.sleep_s)

    def _entry(self, batch: Batch, record: Record) -> Entry | None:
        if record.value is None and not self.options.reads_everything:
            batch.dead_letter(record, "null_value", "")
            return None
        body = (record.value or b"").decode(errors="replace").replace("\x00", "")
        match body.partition(" ")[0]:
            case "unreadable" if self.options.unreadable_word in body and not self.options.reads_everything:
                batch.dead_letter(record, "unreadable", "field body")
                return None
            case "poison":
                raise PoisonRecord(record, "poison")
            case "halt":
                raise Halt("pack_missing", "the pack named by the log")
            case "bug":
                raise ZeroDivisionError
            case "deadly":
                kill_self()
            case "slow":
                until = time.thread_time() + self.options.slow_s
                while time.thread_time() < until:
                    pass  # it computes, and nothing else in the process runs
            case "large":
                batch.emit(record, Message("echo", _key(record), b"x" * 2_000_000, ()))
            case _:
                pass
        key = _key(record)
        self.versions[key] += 1
        message_body = f"{self.versions[key]} {body}".encode()
        batch.emit(
            record, Message("echo", key, message_body, (("ce_id", b"%s@%d" % (record.topic.encode(), record.offset)),))
        )
        body = body.replace("nul", "\x00").replace("surrogate", "\udc80")
        return key, self.versions[key], body, record.topic, record.offset, record.appended_at

    async def _load(self, conn: Connection, keys: set[str]) -> None:
        unknown = [key for key in keys if key not in self.versions]
        rows = await conn.fetch("SELECT key, version FROM account WHERE key = ANY($1)", unknown)
        self.versions.update(dict.fromkeys(unknown, 0))
        self.versions.update({row["key"]: row["version"] for row in rows})

    def clear_cache(self) -> None:
        self.versions.clear()


class PreparingLedgerHandler(LedgerHandler):
    """A ledger handler that says what it would write."""

    async def prepare(self, batch: Batch) -> Sequence[Write] | None:
        await self._load(batch.conn, {_key(record) for record in batch.records})
        entries = [entry for record in batch.records if (entry := self._entry(batch, record))]
        if any(record.value == b"late" for record in batch.records):
            return None
        await self._delay_or_kill(batch)
        keys = list({_key(record) for record in batch.records})
        return [
            Write("entries", INSERT_ENTRIES, _columns(entries)),
            Write("balance_after", ADD_TO_BALANCE, [len(entries)]),
            Write("accounts", SAVE_ACCOUNTS, [keys, [self.versions[key] for key in keys]]),
        ]


def _columns(entries: Sequence[Entry]) -> list[list[object]]:
    return [[entry[column] for entry in entries] for column in range(6)]


def _key(record: Record) -> str:
    return (record.key or b"").decode(errors="replace").replace("\x00", "")
