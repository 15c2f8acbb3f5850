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
from paidan_chassis.consumer.batch import Work
from paidan_chassis.consumer.fence import Applied, Fence
from paidan_chassis.consumer.rebalance import Ownership
from paidan_chassis.consumer.relay import Carrier, Relay
from paidan_chassis.kafka.producer import Parcel
from paidan_chassis.observability.logs import Log

WINDOWS: Final = (
    "before_commit", "after_commit", "before_publish", "after_publish", "in_rebalance",
    "frozen_idle", "frozen_in_statement",
)  # fmt: skip


@dataclass(slots=True)
class Fate:
    """Which consumer is struck, where, and after how many times that it got through."""

    consumer: str
    window: str
    spared: int

    @classmethod
    def told(cls, words: str) -> "Fate":
        consumer, window, spared = words.split(":")
        assert window in WINDOWS
        return cls(consumer, window, int(spared))

    def strikes(self, window: str) -> bool:
        """Tell whether this is the moment."""
        if window != self.window:
            return False
        self.spared -= 1
        return self.spared == -1


def die() -> None:
    """Leave as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def freeze() -> None:
    """Stand still, all threads, until somebody sends SIGCONT."""
    os.kill(os.getpid(), signal.SIGSTOP)


class Struck:
    """Stands before a handler; what it does last happens inside the transaction, after all that the handler wrote."""

    def __init__(self, handler: Any, fate: Fate) -> None:  # noqa: ANN401 - any service's
        self._handler = handler
        self._fate = fate
        self.forget: Callable[[], None] = handler.forget

    async def apply(self, work: Work) -> None:
        """Apply, and meet the fate."""
        await self._handler.apply(work)
        if not work.records:
            return
        if self._fate.strikes("before_commit"):
            die()
        if self._fate.strikes("frozen_idle"):
            freeze()
        if self._fate.strikes("frozen_in_statement"):
            statement = asyncio.ensure_future(work.conn.execute("SELECT pg_sleep(60)"))
            await asyncio.sleep(0.2)
            freeze()
            await statement


class StruckCarrier:
    """Publishes for a relay until its moment comes."""

    def __init__(self, carrier: Carrier, fate: Fate) -> None:
        self._carrier = carrier
        self._fate = fate

    async def carry(self, parcels: Sequence[Parcel]) -> None:
        if self._fate.strikes("before_publish"):
            die()
        await self._carrier.carry(parcels)
        if self._fate.strikes("after_publish"):
            die()

    async def partitions(self, topic: str) -> int:
        return await self._carrier.partitions(topic)


def arm(fate: Fate) -> None:
    """Set the traps for one consumer of this process."""
    begin_fence, apply, begin_relay = Fence.__init__, Fence.apply, Relay.__init__
    revoke = Ownership.on_partitions_revoked
    struck: set[int] = set()

    def fenced(fence: Fence, reading: Any, handler: Any, session: Any, relay: Relay) -> None:  # noqa: ANN401
        mine = reading.name == fate.consumer
        begin_fence(fence, reading, Struck(handler, fate) if mine else handler, session, relay)
        if mine:
            struck.add(id(fence))

    async def applied(fence: Fence, records: Any, doomed: Mapping[Any, Any]) -> Applied:  # noqa: ANN401
        found = await apply(fence, records, doomed)
        # Nothing has had a turn since the commit: what was said waits for the relay.
        if id(fence) in struck and found.records and fate.strikes("after_commit"):
            die()
        return found

    def relaying(relay: Relay, consumer: str, carrier: Carrier, log: Log) -> None:
        begin_relay(relay, consumer, StruckCarrier(carrier, fate) if consumer == fate.consumer else carrier, log)

    async def revoked(ownership: Ownership, lanes: set[Any]) -> None:
        await revoke(ownership, lanes)
        if lanes and fate.strikes("in_rebalance"):
            die()

    Fence.__init__, Fence.apply, Relay.__init__ = fenced, applied, relaying  # type: ignore[method-assign,assignment]
    Ownership.on_partitions_revoked = revoked  # type: ignore[method-assign,assignment]


if __name__ == "__main__":
    service, fated = sys.argv.pop(1), Fate.told(sys.argv.pop(1))
    arm(fated)
    settings = importlib.import_module(f"paidan_{service}.settings").Settings
    runtime.main(service, settings, importlib.import_module(f"paidan_{service}.app").build)
