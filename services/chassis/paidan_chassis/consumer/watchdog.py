"""Measures lag and notices a standstill. Asks Kafka only, so that it goes on while PostgreSQL is away."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from paidan_chassis.clock import real_now
from paidan_chassis.consumer.batch_runner import Settling
from paidan_chassis.consumer.config import LaneFigures
from paidan_chassis.consumer.lane_state import LogFound, Stand
from paidan_chassis.consumer.parts import Parts
from paidan_chassis.consumer.records import Lane
from paidan_chassis.errors import Stalled

_LOOK_EVERY_S: Final = 1.0
_FROZEN_S: Final = 5.0


class Watching:
    """Raises ``Stalled`` when records wait and nothing moves, though nothing that is known keeps us from them.

    A consumer can stick after the broker was restarted while its loop polls on and every ping is answered
    (aiokafka #1154), so only what the log holds against what was applied counts as progress.
    """

    def __init__(self, parts: Parts, settling: Settling) -> None:
        self._parts = parts
        self._settling = settling
        self._moved_at = time.monotonic()
        self._stood: dict[Lane, int] = {}

    async def run(self) -> None:
        """Watch for ever; raises ``Stalled``, or ``Halt`` when a log is another one now."""
        while True:
            slept_at = time.monotonic()
            await asyncio.sleep(_LOOK_EVERY_S)
            frozen = time.monotonic() - slept_at > _FROZEN_S
            if not await self._waits_in_vain() or self._settling.outage or frozen:
                self._moved_at = time.monotonic()
            still_s = time.monotonic() - self._moved_at
            if still_s > self._parts.reading.pace.stalls_after_s:
                raise Stalled(self._parts.reading.name, f"nothing applied for {still_s:.0f} s, though records wait")

    async def _waits_in_vain(self) -> bool:
        try:
            return await self._look()
        except (KafkaError, OSError) as error:
            if not await self._kafka_is_away():
                return True
            if self._parts.progress:
                self._parts.progress.retrying(type(error).__name__)
            return False

    async def _look(self) -> bool:
        """Show where lanes stand; tell whether records wait and none was applied since the last look."""
        client = self._parts.source.client
        if client is None or not self._parts.ownership.given.is_set():
            return True
        stands = {lane: stand.next_offset for lane, stand in self._parts.fence.stands.items()}
        unread = self._parts.source.owned() - stands.keys()
        logs = await self._parts.anchoring.logs(client, stands)
        moved, self._stood = stands != self._stood, stands
        await self._check_odd(stands, logs)
        await self._pass_markers(client, stands)
        self._show(logs)
        return not moved and (bool(unread) or any(self._waiting(lane, log) for lane, log in logs.items()))

    async def _pass_markers(self, client: AIOKafkaConsumer, stands: Mapping[Lane, int]) -> None:
        # A log that ends with the marker of a transaction is read to its end, though its last offset is no record.
        for lane, at in stands.items():
            async with asyncio.timeout(_LOOK_EVERY_S):
                read_to = await client.position(self._parts.source.partition(lane))
            stand = self._parts.fence.stands.get(lane)
            if stand is not None and stand.next_offset == at and not self._parts.ownership.turn.locked():
                stand.read_to = read_to

    def _waiting(self, lane: Lane, log: LogFound) -> int:
        stand = self._parts.fence.stands.get(lane)
        return max(0, log.end - stand.reached) if stand is not None else 0

    async def _check_odd(self, stands: Mapping[Lane, int], logs: Mapping[Lane, LogFound]) -> None:
        held = self._parts.fence.stands
        odd = {
            lane: held[lane]
            for lane, at in stands.items()
            if lane in held
            and (logs[lane].topic_id != held[lane].log.topic_id or not logs[lane].start <= at <= logs[lane].end)
        }
        client = self._parts.source.client
        if odd and client is not None:
            await self._parts.anchoring.verify(client, odd)

    async def _kafka_is_away(self) -> bool:
        try:
            await self._parts.anchoring.reach()
        except (KafkaError, OSError):
            return True
        return False

    def _show(self, logs: Mapping[Lane, LogFound]) -> None:
        held = self._parts.fence.stands
        if self._parts.progress:
            self._parts.progress.polled()
            self._parts.progress.behind(sum(self._waiting(lane, log) for lane, log in logs.items()))
        self._parts.figures.lanes = {
            lane: self._figures(lane, held[lane], log) for lane, log in logs.items() if lane in held
        }

    def _figures(self, lane: Lane, stand: Stand, log: LogFound) -> LaneFigures:
        lag = self._waiting(lane, log)
        since = stand.applied_at or self._parts.figures.started_at
        return LaneFigures(
            next_offset=stand.next_offset,
            lag_records=lag,
            lag_s=max(0.0, (real_now() - since).total_seconds()) if lag else 0.0,
            outbox_backlog=self._parts.relay.backlog(lane),
            caught_up=stand.caught_up,
        )
