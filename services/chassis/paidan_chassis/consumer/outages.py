"""Retries what fails while PostgreSQL or Kafka is unavailable."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import repeat
from typing import Final, TypeVar

from aiokafka.errors import KafkaError

from paidan_chassis.consumer.batch import Handler
from paidan_chassis.consumer.connection import HeldConnection
from paidan_chassis.consumer.errors import SERVER_ERRORS, AssignmentLost, is_outage
from paidan_chassis.consumer.rebalance import RebalanceListener
from paidan_chassis.consumer.retry import exponential_backoff, retry
from paidan_chassis.errors import Unacknowledged
from paidan_chassis.observability.health import LoopProgress
from paidan_chassis.observability.logs import Logger

T = TypeVar("T")

_MIN_BACKOFF_S: Final = 0.05
_MAX_BACKOFF_S: Final = 1.0
_START_RETRY_PAUSE_S: Final = 0.5


class OutageRetry:
    """The retries during an outage, and whether there is one now."""

    def __init__(
        self,
        *,
        handler: Handler,
        connection: HeldConnection,
        rebalance: RebalanceListener,
        log: Logger,
        progress: LoopProgress | None,
    ) -> None:
        self.outage: str | None = None
        """The kind of error that delays the consumer now: while there is one, a lack of progress is no stall."""
        self.is_of_kafka = False
        """Whether the error came from Kafka: then the consumer's own client may be at fault, and Kafka up."""
        self.retries = 0
        self._handler = handler
        self._connection = connection
        self._rebalance = rebalance
        self._log = log
        self._progress = progress

    async def run(self, operation: Callable[[], Awaitable[T]], *, failure: Exception | None = None) -> T:
        """Return the operation's result, retried with back-off while servers are unavailable and lanes are assigned.

        Raises ``AssignmentLost`` when the lanes are revoked meanwhile.
        """
        delays = exponential_backoff(_MIN_BACKOFF_S, _MAX_BACKOFF_S)
        result = await retry(operation, delays, errors=SERVER_ERRORS, pause=self._back_off, failure=failure)
        self.clear()
        return result

    async def run_at_start(self, operation: Callable[[], Awaitable[None]]) -> None:
        """Run the operation, retried until the servers are up."""
        await retry(operation, repeat(_START_RETRY_PAUSE_S), errors=SERVER_ERRORS, pause=self._wait_for_start)
        self.clear()

    def clear(self) -> None:
        """Record that servers answer again."""
        self.outage = None

    async def _back_off(self, error: Exception, backoff_s: float) -> None:
        self._report(error)
        self.retries += 1
        self._log.warning("batch_delayed", fault=self.outage, retry_in_s=backoff_s)
        self._handler.clear_cache()
        await self._connection.discard()
        await self._rebalance.sleep_until_revoked(backoff_s)
        # Lanes revoked before this batch began do not matter: it may have waited for the lock during a rebalance.
        if self._rebalance.is_revoked:
            raise AssignmentLost

    async def _wait_for_start(self, error: Exception, pause_s: float) -> None:
        self._report(error)
        self._log.warning("start_delayed", fault=self.outage)
        await asyncio.sleep(pause_s)

    def _report(self, error: Exception) -> None:
        if not is_outage(error):
            raise error
        self.outage = type(error).__name__
        self.is_of_kafka = isinstance(error, (KafkaError, Unacknowledged))
        if self._progress:
            self._progress.record_retry(self.outage)
