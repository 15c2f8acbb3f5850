"""Runs a real service that kills or stops itself at a named point of one consumer's batch.

python -m tests.chaos.kill_points dispatch dispatch-desk:after_publish:3
"""

import asyncio
import importlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from paidan_chassis import runtime
from paidan_chassis.consumer.batch import Batch, Handler, SmallBatchHandler
from paidan_chassis.consumer.fence import BatchResult, Fence
from paidan_chassis.consumer.rebalance import RebalanceListener
from paidan_chassis.consumer.relay import RecordSender, Relay
from paidan_chassis.consumer.writes import Write
from paidan_chassis.kafka.record_batch import RecordBatch
from paidan_chassis.observability.logs import Logger

KILL_POINTS: Final = (
    "before_commit", "after_commit", "before_publish", "amid_publish", "after_publish", "in_rebalance",
    "frozen_idle", "frozen_in_statement",
)  # fmt: skip


@dataclass(slots=True)
class KillPoint:
    """The consumer, the point in its batch, and how often that point is passed before it takes effect."""

    consumer: str
    point: str
    passes_left: int

    @classmethod
    def parse(cls, text: str) -> "KillPoint":
        consumer, point, passes = text.split(":")
        assert point in KILL_POINTS
        return cls(consumer, point, int(passes))

    def is_reached(self, point: str) -> bool:
        """Return whether to act now; each call at the chosen point counts as one pass."""
        if point != self.point:
            return False
        self.passes_left -= 1
        return self.passes_left == -1


def kill_self() -> None:
    """Kill this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def stop_self() -> None:
    """Stop all threads until this process gets SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


class InterruptedHandler:
    """Wraps a handler; its kill points lie before the commit, after the handler's decisions and most of its writes."""

    def __init__(self, handler: Any, kill_point: KillPoint) -> None:  # noqa: ANN401 - any service's
        self._handler = handler
        self._kill_point = kill_point
        self.clear_cache: Callable[[], None] = handler.clear_cache

    async def apply(self, batch: Batch) -> None:
        """Apply a batch, then act on the kill points inside the transaction."""
        await self._handler.apply(batch)
        if not batch.records:
            return
        if self._kill_point.is_reached("before_commit"):
            kill_self()
        if self._kill_point.is_reached("frozen_idle"):
            stop_self()
        if self._kill_point.is_reached("frozen_in_statement"):
            statement = asyncio.ensure_future(batch.conn.execute("SELECT pg_sleep(60)"))
            await asyncio.sleep(0.2)
            stop_self()
            await statement


class InterruptedSmallBatchHandler(InterruptedHandler):
    """Wraps a handler that prepares small batches. A process that is frozen then holds no row."""

    async def prepare(self, batch: Batch) -> Sequence[Write] | None:
        """Prepare a batch, then act on the kill points before its statement."""
        writes: Sequence[Write] | None = await self._handler.prepare(batch)
        if writes is not None and self._kill_point.is_reached("before_commit"):
            kill_self()
        return writes


def interrupted(handler: Handler, kill_point: KillPoint) -> InterruptedHandler:
    """Return a handler wrapped; one that is to be frozen takes every batch in a transaction, which holds its lanes."""
    if isinstance(handler, SmallBatchHandler) and not kill_point.point.startswith("frozen"):
        return InterruptedSmallBatchHandler(handler, kill_point)
    return InterruptedHandler(handler, kill_point)


class InterruptedSender:
    """Wraps a relay's sender; its kill points lie before and after publishing."""

    def __init__(self, sender: RecordSender, kill_point: KillPoint) -> None:
        self._sender = sender
        self._kill_point = kill_point

    async def send_batches(self, batches: Sequence[RecordBatch]) -> None:
        if self._kill_point.is_reached("before_publish"):
            kill_self()
        if len(batches) > 1 and self._kill_point.is_reached("amid_publish"):
            await self._sender.send_batches(batches[: len(batches) // 2])
            kill_self()
        await self._sender.send_batches(batches)
        if self._kill_point.is_reached("after_publish"):
            kill_self()

    async def partitions(self, topic: str) -> int:
        return await self._sender.partitions(topic)


def install(kill_point: KillPoint) -> None:
    """Patch the chassis so that one consumer of this process acts on the kill point."""
    begin_fence, apply, begin_relay = Fence.__init__, Fence.apply, Relay.__init__
    revoke = RebalanceListener.on_partitions_revoked
    targets: set[int] = set()

    def init_fence(fence: Fence, subscription: Any, handler: Any, **collaborators: Any) -> None:  # noqa: ANN401
        is_target = subscription.name == kill_point.consumer
        begin_fence(fence, subscription, interrupted(handler, kill_point) if is_target else handler, **collaborators)
        if is_target:
            targets.add(id(fence))

    async def apply_and_interrupt(fence: Fence, records: Any, rejected: Mapping[Any, Any]) -> BatchResult:  # noqa: ANN401
        result = await apply(fence, records, rejected)
        # No other task has run since the commit, so the relay has not published the batch's messages.
        if id(fence) in targets and result.records and kill_point.is_reached("after_commit"):
            kill_self()
        return result

    def init_relay(relay: Relay, consumer: str, sender: RecordSender, log: Logger) -> None:
        begin_relay(
            relay,
            consumer,
            InterruptedSender(sender, kill_point) if consumer == kill_point.consumer else sender,
            log,
        )

    async def revoke_and_interrupt(listener: RebalanceListener, lanes: set[Any]) -> None:
        await revoke(listener, lanes)
        if lanes and kill_point.is_reached("in_rebalance"):
            kill_self()

    Fence.__init__, Fence.apply, Relay.__init__ = init_fence, apply_and_interrupt, init_relay  # type: ignore[method-assign,assignment]
    RebalanceListener.on_partitions_revoked = revoke_and_interrupt  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    service, requested_point = sys.argv.pop(1), KillPoint.parse(sys.argv.pop(1))
    install(requested_point)
    settings = importlib.import_module(f"paidan_{service}.settings").Settings
    runtime.main(service, settings, importlib.import_module(f"paidan_{service}.app").build)
