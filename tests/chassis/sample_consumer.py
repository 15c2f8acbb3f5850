"""A sample service with a ledger: the consumer tests run it in process, or as a process that they kill.

It makes every mistake visible: applying twice changes the balance, a stale cache repeats a version.
Nothing in the chassis is patched; a process dies in its own handler or in the sender of its relay.
"""

import asyncio
import json
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from aiokafka import AIOKafkaConsumer
from pydantic import SecretStr

from paidan_chassis.consumer.batch import Batch, PoisonRecord, Record
from paidan_chassis.consumer.config import ConsumerTuning, Subscription
from paidan_chassis.consumer.consumer import LaneConsumer
from paidan_chassis.consumer.writes import Write
from paidan_chassis.database import Connection, Pool, open_pool
from paidan_chassis.errors import ChassisError, Halt
from paidan_chassis.kafka.cluster import KafkaCluster, TopicSpec
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.kafka.record_batch import RecordBatch
from tests import vault

SCHEMA = "ledger"
TABLES = """
    CREATE TABLE IF NOT EXISTS entry (
        id bigint GENERATED ALWAYS AS IDENTITY, key text, version bigint, body text, topic text, log_offset bigint,
        appended_at timestamptz);
    CREATE TABLE IF NOT EXISTS balance (entries bigint NOT NULL);
    INSERT INTO balance SELECT 0 WHERE NOT EXISTS (SELECT FROM balance);
    CREATE TABLE IF NOT EXISTS late (word text UNIQUE DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE IF NOT EXISTS account (key text PRIMARY KEY, version bigint NOT NULL);
"""
KillPoint = Literal["", "applying", "before_send", "amid_send", "after_send"]
PARTITIONS = 3
ECHO_PARTITIONS = 5
"""Another number, so that what one batch says from one lane goes to several."""


@dataclass(frozen=True, slots=True)
class ConsumerOptions:
    """The options of a sample consumer, passed on its command line."""

    kafka: str
    prefix: str
    dsn: str
    topics: tuple[str, ...] = ("in",)
    prefixes: tuple[str, ...] = ()
    name: str = "ledger"
    prepares: bool = False
    """Small batches are written by one statement."""
    kill_point: KillPoint = ""
    kill_after: int = 0
    sleep_s: float = 0.0
    slow_s: float = 0.0
    sql_sleep_s: float = 0.0
    waits_at: int = 0
    max_records: int = 100
    dead_letter_limit: int = 100
    written_by_others: bool = False
    reads_everything: bool = False
    """Nothing is a dead letter: what was wrong with the handler is mended."""
    unreadable_word: str = ""
    """Only bodies with this word are unreadable."""
    stalls_after_s: float = 60.0
    compare_every_s: float = 3.0
    lock_wait_s: float = 2.0
    session_timeout_ms: int = 6000
    idle_in_transaction_s: float = 5.0
    sticks_after: int = 0
    """After so many records aiokafka's client answers no question about offsets any more."""

    def argument(self) -> str:
        return json.dumps(asdict(self))

    def open_pool(self) -> "AbstractAsyncContextManager[Pool]":
        idle_s = self.idle_in_transaction_s
        return open_pool(SecretStr(self.dsn), schema=SCHEMA, size=4, idle_in_transaction_s=idle_s)

    def cluster(self) -> KafkaCluster:
        return KafkaCluster(
            self.kafka,
            self.prefix,
            topic_spec=lambda topic: TopicSpec(ECHO_PARTITIONS if topic == "echo" else PARTITIONS),
        )

    def subscription(self) -> Subscription:
        tuning = ConsumerTuning(
            max_records=self.max_records,
            dead_letter_limit=self.dead_letter_limit,
            stalls_after_s=self.stalls_after_s,
            compare_interval_s=self.compare_every_s,
            lock_wait_s=self.lock_wait_s,
            session_timeout_ms=self.session_timeout_ms,
            idle_in_transaction_s=self.idle_in_transaction_s,
        )
        return Subscription(
            self.name,
            topics=tuple(self.topics),
            prefixes=tuple(self.prefixes),
            tuning=tuning,
            written_by_others=self.written_by_others,
            cipher=vault.build_cipher(),
        )


def kill_self() -> None:
    """Kill this process with SIGKILL, so that nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


async def never_answer(_client: AIOKafkaConsumer, _partitions: Sequence[Any]) -> None:
    """Wait for ever, as aiokafka's client may after a broker's restart."""
    await asyncio.Event().wait()


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


class KillingSender:
    """A sender that kills its process before or after a number of messages."""

    def __init__(self, options: ConsumerOptions, publisher: Publisher) -> None:
        self.options = options
        self.publisher = publisher
        self.sent_count = 0

    async def send_batches(self, batches: Sequence[RecordBatch]) -> None:
        self.sent_count += sum(each.record_count for each in batches)
        is_due = self.sent_count > self.options.kill_after
        if self.options.kill_point == "before_send" and is_due:
            kill_self()
        if self.options.kill_point == "amid_send" and is_due and len(batches) > 1:
            await self.publisher.send_batches(batches[:1])
            kill_self()
        await self.publisher.send_batches(batches)
        if self.options.kill_point == "after_send" and is_due:
            kill_self()

    async def partitions(self, topic: str) -> int:
        return await self.publisher.partitions(topic)


async def run_consumer(
    options: ConsumerOptions, pool: Pool, stop: asyncio.Event, consumers: list[LaneConsumer] | None = None
) -> None:
    """Run a sample consumer until ``stop`` is set; add it to ``consumers``, if given."""
    async with Publisher(options.cluster(), client_id="sender") as publisher:
        sender = KillingSender(options, publisher)
        ledger = PreparingLedgerHandler(options) if options.prepares else LedgerHandler(options)
        async with LaneConsumer(
            options.subscription(), ledger, kafka=options.cluster(), pool=pool, sender=sender
        ) as consumer:
            if consumers is not None:
                consumers.append(consumer)
            await consumer.run(stop)


async def main(options: ConsumerOptions) -> int:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with options.open_pool() as pool:
        try:
            await run_consumer(options, pool, stop)
        except ChassisError as error:
            sys.stdout.write(f"{type(error).__name__}: {error}\n")
            return error.exit_code
    return 0


def count_bodies(bodies: Sequence[str]) -> dict[str, int]:
    """Count how often each body occurs."""
    counted: defaultdict[str, int] = defaultdict(int)
    for body in bodies:
        counted[body] += 1
    return dict(counted)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(ConsumerOptions(**json.loads(sys.argv[1])))))
