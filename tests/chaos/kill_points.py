"""Runs a real service and lets one of its consumers die, or freeze, in one named window of a batch.

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
from paidan_chassis.consumer.batch import Batch
from paidan_chassis.consumer.fence import BatchResult, FencedTransaction
from paidan_chassis.consumer.rebalance import RebalanceListener
from paidan_chassis.consumer.relay import RecordSender, Relay
from paidan_chassis.kafka.producer import ProducerRecord
from paidan_chassis.observability.logs import Logger

KILL_POINTS: Final = (
    "before_commit", "after_commit", "before_publish", "after_publish", "in_rebalance",
    "frozen_idle", "frozen_in_statement",
)  # fmt: skip


@dataclass(slots=True)
class KillPoint:
    """Which consumer is struck, where, and after how many times that it got through."""

    consumer: str
    point: str
    passes_left: int

    @classmethod
    def parse(cls, text: str) -> "KillPoint":
        consumer, point, passes = text.split(":")
        assert point in KILL_POINTS
        return cls(consumer, point, int(passes))

    def is_reached(self, point: str) -> bool:
        """Tell whether this is the moment."""
        if point != self.point:
            return False
        self.passes_left -= 1
        return self.passes_left == -1


def kill_self() -> None:
    """Leave as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def stop_self() -> None:
    """Stand still, all threads, until somebody sends SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


class InterruptedHandler:
    """Stands before a handler; what it does last happens inside the transaction, after all that the handler wrote."""

    def __init__(self, handler: Any, kill_point: KillPoint) -> None:  # noqa: ANN401 - any service's
        self._handler = handler
        self._kill_point = kill_point
        self.clear_cache: Callable[[], None] = handler.clear_cache

    async def apply(self, work: Batch) -> None:
        """Apply, and meet the fate."""
        await self._handler.apply(work)
        if not work.records:
            return
        if self._kill_point.is_reached("before_commit"):
            kill_self()
        if self._kill_point.is_reached("frozen_idle"):
            stop_self()
        if self._kill_point.is_reached("frozen_in_statement"):
            statement = asyncio.ensure_future(work.conn.execute("SELECT pg_sleep(60)"))
            await asyncio.sleep(0.2)
            stop_self()
            await statement


class InterruptedCarrier:
    """Publishes for a relay until its moment comes."""

    def __init__(self, carrier: RecordSender, kill_point: KillPoint) -> None:
        self._carrier = carrier
        self._kill_point = kill_point

    async def send_in_order(self, parcels: Sequence[ProducerRecord]) -> None:
        if self._kill_point.is_reached("before_publish"):
            kill_self()
        await self._carrier.send_in_order(parcels)
        if self._kill_point.is_reached("after_publish"):
            kill_self()

    async def partitions(self, topic: str) -> int:
        return await self._carrier.partitions(topic)


def install(kill_point: KillPoint) -> None:
    """Set the traps for one consumer of this process."""
    begin_fence, apply, begin_relay = FencedTransaction.__init__, FencedTransaction.apply, Relay.__init__
    revoke = RebalanceListener.on_partitions_revoked
    targets: set[int] = set()

    def init_fence(fence: FencedTransaction, subscription: Any, handler: Any, **collaborators: Any) -> None:  # noqa: ANN401
        mine = subscription.name == kill_point.consumer
        begin_fence(fence, subscription, InterruptedHandler(handler, kill_point) if mine else handler, **collaborators)
        if mine:
            targets.add(id(fence))

    async def apply_and_interrupt(fence: FencedTransaction, records: Any, doomed: Mapping[Any, Any]) -> BatchResult:  # noqa: ANN401
        found = await apply(fence, records, doomed)
        # Nothing has had a turn since the commit: what was said waits for the relay.
        if id(fence) in targets and found.records and kill_point.is_reached("after_commit"):
            kill_self()
        return found

    def init_relay(relay: Relay, consumer: str, carrier: RecordSender, log: Logger) -> None:
        begin_relay(
            relay,
            consumer,
            InterruptedCarrier(carrier, kill_point) if consumer == kill_point.consumer else carrier,
            log,
        )

    async def revoke_and_interrupt(ownership: RebalanceListener, lanes: set[Any]) -> None:
        await revoke(ownership, lanes)
        if lanes and kill_point.is_reached("in_rebalance"):
            kill_self()

    FencedTransaction.__init__, FencedTransaction.apply, Relay.__init__ = init_fence, apply_and_interrupt, init_relay  # type: ignore[method-assign,assignment]
    RebalanceListener.on_partitions_revoked = revoke_and_interrupt  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    service, requested_point = sys.argv.pop(1), KillPoint.parse(sys.argv.pop(1))
    install(requested_point)
    settings = importlib.import_module(f"paidan_{service}.settings").Settings
    runtime.main(service, settings, importlib.import_module(f"paidan_{service}.app").build)
