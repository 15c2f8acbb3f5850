"""The fenced batch consumer, which a service creates, enters as a context and runs."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Self

from paidan_chassis.consumer.batch import Handler, Lane
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.consumer.consumer_metrics import ConsumerCollector, ConsumerMetrics
from paidan_chassis.consumer.consumer_run import ConsumerRun
from paidan_chassis.consumer.relay import RecordSender
from paidan_chassis.database import Pool
from paidan_chassis.errors import Stalled
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_chassis.kafka.message import Message
from paidan_chassis.kafka.producer import Publisher
from paidan_chassis.observability.health import LoopProgress
from paidan_chassis.observability.logs import get_logger


class LaneConsumer:
    """A consumer that applies every record once to PostgreSQL and publishes the messages that follow, in order.

    The pool's connections must have the service's schema first on their ``search_path``; one is held throughout.

        subscription = Subscription("loans", topics=("library.loans",), cipher=settings.cipher())
        async with LaneConsumer(subscription, handler, kafka=kafka, pool=pool) as consumer:
            await consumer.run(stop)

    ``sender`` replaces the consumer's own publisher in the relay.
    """

    def __init__(
        self,
        subscription: Subscription,
        handler: Handler,
        *,
        kafka: KafkaCluster,
        pool: Pool,
        sender: RecordSender | None = None,
        progress: LoopProgress | None = None,
    ) -> None:
        self.publisher = publisher = Publisher(kafka, client_id=subscription.name)
        self._log = get_logger(consumer=subscription.name)
        self._new_run: Callable[[], ConsumerRun] = partial(
            ConsumerRun,
            subscription,
            handler,
            kafka=kafka,
            pool=pool,
            publisher=publisher,
            sender=sender,
            progress=progress,
        )
        self._run = self._new_run()
        self._ended_runs = ConsumerMetrics()
        if progress:
            progress.on_collect(ConsumerCollector(subscription.name, self.metrics))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.publisher.__aexit__(error_type, error, traceback)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set, or until the consumer ends itself: raises ``Halted``, ``Stalled`` or a bug.

        A stop is graceful: no new batch, the running one finished, its messages relayed, positions saved, within
        ``tuning.stop_within_s``. Raises ``Halted`` at once when a halt is open; it may be called again, and goes on
        once the halt is lifted.

        A run that stalls after it has applied something is followed by another, with a new member of the group: a
        client may stick after a broker's restart. A run that stalls before raises ``Stalled``.
        """
        while not await self._run_once(stop):
            self._log.warning("consumer_restarted")

    async def _run_once(self, stop: asyncio.Event) -> bool:
        """Return True once ``stop`` is set, False when a run has stalled that had applied something."""
        try:
            await self._run.run(stop)
        except Stalled:
            if not self._run.metrics().batches:
                raise
            return False
        finally:
            self._ended_runs = self._ended_runs.plus(self._run.metrics())
            self._run = self._new_run()
        return True

    def lanes(self) -> Collection[Lane]:
        """Return the lanes that this process owns now, with their positions read from the database."""
        return self._run.lanes.states.keys()

    def has_caught_up(self, lane: Lane) -> bool:
        """Return whether the lane is owned and has reached the end that its log had when it was taken over."""
        state = self._run.lanes.states.get(lane)
        return state is not None and state.has_caught_up

    async def send_unsequenced(self, messages: Sequence[Message]) -> None:
        """Append messages that need no sequence number (timers, forwarded answers); returns when Kafka has them all.

        Raises ``Unacknowledged`` otherwise; ids of their own must make a repeat harmless.
        """
        await self.publisher.send(messages)

    def metrics(self) -> ConsumerMetrics:
        """Return the consumer's metrics as of now."""
        return replace(self._ended_runs.plus(self._run.metrics()), rebuilds=self.publisher.rebuilds)
