"""A sample service with a ledger: the consumer tests run it in process, or as a process that they kill.

It makes every mistake visible: applying twice changes the balance, a stale cache repeats a version.
Nothing in the chassis is patched; a process dies in its own handler or in the sender of its relay.
"""

import asyncio
import json
import signal
import sys
from collections import defaultdict
from collections.abc import Sequence

from paidan_chassis.consumer.consumer import LaneConsumer
from paidan_chassis.database import Pool
from paidan_chassis.errors import ChassisError
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.kafka.record_batch import RecordBatch
from tests.chassis.consumer_options import ConsumerOptions, kill_self
from tests.chassis.ledger_handler import LedgerHandler, PreparingLedgerHandler

TABLES = """
    CREATE TABLE IF NOT EXISTS entry (
        id bigint GENERATED ALWAYS AS IDENTITY, key text, version bigint, body text, topic text, log_offset bigint,
        appended_at timestamptz);
    CREATE TABLE IF NOT EXISTS balance (entries bigint NOT NULL);
    INSERT INTO balance SELECT 0 WHERE NOT EXISTS (SELECT FROM balance);
    CREATE TABLE IF NOT EXISTS late (word text UNIQUE DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE IF NOT EXISTS account (key text PRIMARY KEY, version bigint NOT NULL);
"""


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
