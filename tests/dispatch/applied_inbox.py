"""An inbox as Kafka stores it, applied without a broker, and what comes of each batch."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, cast

import asyncpg

from paidan_chassis.consumer.batch import Batch, DeadLetter, Record
from paidan_chassis.consumer.writes import execute
from paidan_chassis.kafka.message import Message
from paidan_contracts.topics import INBOX
from paidan_contracts.wire import WireModel
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.handlers import InboxHandler
from tests.dispatch.inbox_entries import START_TIME


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
    prepares: bool = False,
) -> BatchOutput:
    """Apply records as a lane consumer does, in batches of at most ``batch_size``, each in a transaction.

    With ``prepares`` each batch that can be is written by one statement, as a consumer does with small batches.
    """
    handler = handler_override or InboxHandler(PackCache())
    output = BatchOutput()
    async with pool.acquire() as conn:
        for start in range(0, max(len(records), 1), batch_size):
            async with conn.transaction():
                raw = cast("asyncpg.Connection[Any]", conn)
                work = Batch(raw, records[start : start + batch_size], max_message_bytes=1_000_000, rejected=rejected)
                written = prepares and await _apply_as_statement(handler, work)
                if not written:
                    work = Batch(raw, work.records, max_message_bytes=1_000_000, rejected=rejected)
                    await handler.apply(work)
            output.messages += [message for _, message in work.messages]
            output.rejected += work.dead_letters
    return output


async def _apply_as_statement(handler: InboxHandler, batch: Batch) -> bool:
    """Apply a batch by one statement; return False, and nothing is written, when it takes several."""
    writes = await handler.prepare(batch)
    if writes is None or batch.dead_letters:
        handler.clear_cache()
        return False
    await execute(batch.conn, writes)
    return True


async def apply_batch(conn: "asyncpg.pool.PoolConnectionProxy[Any]", records: Sequence[Record]) -> None:
    """Apply one batch inside the caller's transaction."""
    raw = cast("asyncpg.Connection[Any]", conn)
    await InboxHandler(PackCache()).apply(Batch(raw, records, max_message_bytes=1_000_000))
