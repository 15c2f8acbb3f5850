"""What happens between batches: lanes taken over, acknowledgements noted, the outbox pruned, Kafka told the offsets."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Final

from paidan_chassis.consumer import outbox, positions
from paidan_chassis.consumer.batch_runner import (
    SERVER_FAULTS,
    EpochOver,
    Settling,
    is_outage,
)
from paidan_chassis.consumer.parts import Parts

_BEAT_S: Final = 0.1
_NOTE_AFTER_S: Final = 0.2
_PRUNE_EVERY_S: Final = 2.0
_COMMIT_EVERY_S: Final = 5.0
_COMMIT_WITHIN_S: Final = 3.0


class Tending:
    """A loop beside the batches. What needs the lanes to stand still takes its turn like a batch."""

    def __init__(self, parts: Parts, settling: Settling) -> None:
        self._parts = parts
        self._settling = settling
        self._batch_at = time.monotonic()
        self._due: dict[str, float] = {}
        self._compared_through = 0

    def batch_done(self) -> None:
        """Hear that a batch is through."""
        self._batch_at = time.monotonic()

    async def run(self) -> None:
        """Tend for ever. Outages are waited out; raises ``Halt``, ``Halted`` or a bug."""
        while True:
            await asyncio.sleep(_BEAT_S)
            await self._bear(self._take_over_new)
            if time.monotonic() - self._batch_at > _NOTE_AFTER_S:
                await self._bear(self.note_relayed)
            await self._compare_in_time()
            await self._every(_PRUNE_EVERY_S, self._prune)
            await self._every(_COMMIT_EVERY_S, self.commit_lazily)

    async def note_relayed(self) -> None:
        """Note acknowledgements in the database now instead of with the next batch."""
        if not self._parts.relay.unnoted(self._parts.fence.stands):
            return
        async with self._parts.ownership.turn:
            stands = self._parts.fence.stands
            relayed = self._parts.relay.unnoted(stands)
            if relayed:
                seqs = {lane: stands[lane].seq for lane in relayed}
                conn = await self._parts.session.connection()
                await positions.note_relayed(conn, self._parts.reading.name, relayed, seqs)
                self._parts.relay.noted(relayed)

    async def commit_lazily(self) -> None:
        """Tell Kafka where the lanes stand, for lag tools; for us PostgreSQL knows better."""
        client = self._parts.source.client
        owned = self._parts.source.owned()
        offsets = {
            self._parts.source.partition(lane): stand.next_offset
            for lane, stand in self._parts.fence.stands.items()
            if lane in owned
        }
        if client is not None and offsets:
            async with asyncio.timeout(_COMMIT_WITHIN_S):
                await client.commit(offsets)

    async def _take_over_new(self) -> None:
        if self._parts.source.owned() <= self._parts.fence.stands.keys():
            return
        async with self._parts.ownership.turn:
            with contextlib.suppress(EpochOver):
                await self._settling.take_over(self._parts.source.owned())

    async def _compare_in_time(self) -> None:
        session = self._parts.session
        if session.lost or session.held != self._compared_through:
            # That is how a restore looks from here: what was compared through another session counts no longer.
            self._due.pop(self._compare.__name__, None)
        await self._every(self._parts.reading.pace.compare_every_s, self._compare)

    async def _compare(self) -> None:
        async with self._parts.ownership.turn:
            with contextlib.suppress(EpochOver):
                await self._settling.compare()
            self._compared_through = self._parts.session.held

    async def _prune(self) -> None:
        async with self._parts.session.aside() as conn:
            await outbox.prune(conn, self._parts.reading.name)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        now = time.monotonic()
        if now >= self._due.get(work.__name__, 0.0):
            self._due[work.__name__] = now + seconds
            await self._bear(work)

    async def _bear(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except SERVER_FAULTS as error:
            if not is_outage(error):
                raise
            self._parts.log.info("tending_delayed", what=work.__name__.strip("_"), fault=type(error).__name__)
