"""The relay's rounds: how much goes into one, what becomes of one that fails, and how far it moves a lane."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from paidan_chassis.consumer.batch import Lane, Record
from paidan_chassis.consumer.outbox_chunks import ChunkWriter, OutboxChunk
from paidan_chassis.consumer.relay import Relay
from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.errors import BatchTooLarge
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.record_batch import RecordBatch
from paidan_chassis.observability.logs import get_logger

LANE = Lane("in", 0)
WRITER = ChunkWriter("library", {"lent": 1})


@dataclass
class RecordingSender:
    """Keeps the rounds that it is given, and fails the first ones."""

    failures: list[Unacknowledged] = field(default_factory=list)
    rounds: list[list[RecordBatch]] = field(default_factory=list)

    async def send_batches(self, batches: Sequence[RecordBatch]) -> None:
        self.rounds.append(list(batches))
        if self.failures:
            raise self.failures.pop()

    async def partitions(self, _topic: str) -> int:
        return 1


def chunks(count: int, *, messages: int) -> list[OutboxChunk]:
    """Return the chunks of so many transactions, of so many messages each."""
    cause = Record("in", 0, 0, None, None, (), datetime(2026, 1, 1, tzinfo=UTC))
    emitted = [(cause, Message("lent", "k", b"v", ()))] * messages
    return [
        WRITER.write_all(emitted, {LANE: at * messages}, {LANE: {"lent-0": at * messages}})[LANE] for at in range(count)
    ]


async def relay_all(sender: RecordingSender, unrelayed: Sequence[OutboxChunk]) -> Relay:
    relay = Relay("library", sender, get_logger())
    relay.take_over(LANE, relayed_seq=0, previous={}, chunks=unrelayed)
    task = asyncio.create_task(relay.run())
    try:
        async with asyncio.timeout(30):
            await relay.wait_for_backlog(0)
    finally:
        task.cancel()
    return relay


def sequences(batches: Sequence[RecordBatch]) -> list[int]:
    return [int(dict(each.headers)["ce_sequence"] or 0) for batch in batches for each in batch.records()]


async def test_small_chunks_go_out_some_dozens_at_a_time() -> None:
    """Those of one partition wait for each other: thousands in one round would not be through in its time."""
    sender = RecordingSender()

    relay = await relay_all(sender, chunks(100, messages=3))

    assert [len(each) for each in sender.rounds] == [40, 40, 20]
    assert [seq for each in sender.rounds for seq in sequences(each)] == list(range(1, 301))
    progress = relay.unsaved([LANE])[LANE]
    assert (progress.seq, progress.previous) == (300, '{"lent-0":300}')


async def test_large_chunks_go_out_a_few_at_a_time() -> None:
    sender = RecordingSender()

    await relay_all(sender, chunks(5, messages=2500))

    assert [len(each) for each in sender.rounds] == [1, 1, 1, 1, 1]


async def test_failed_round_is_sent_again_as_it_was() -> None:
    sender = RecordingSender(failures=[Unacknowledged("an outage")])

    relay = await relay_all(sender, chunks(2, messages=3))

    assert sender.rounds[0] == sender.rounds[1]
    assert len(sender.rounds) == 2
    assert relay.relayed == 6


async def test_round_with_too_large_a_batch_is_sent_again_in_halves() -> None:
    sender = RecordingSender(failures=[BatchTooLarge("too large"), BatchTooLarge("too large")])

    await relay_all(sender, chunks(2, messages=4))

    assert [[each.record_count for each in sent] for sent in sender.rounds] == [[4, 4], [2] * 4, [1] * 8]
    assert sequences(sender.rounds[-1]) == list(range(1, 9))
