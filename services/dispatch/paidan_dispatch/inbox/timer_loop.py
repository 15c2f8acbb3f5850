"""Appends timers that are due to the inbox. What they do is decided in the lane, when they are consumed."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import asyncpg

from paidan_chassis.clock import Clock
from paidan_chassis.consumer.errors import Unacknowledged
from paidan_chassis.consumer.records import Lane, Message
from paidan_chassis.database import FAULTS, is_transient
from paidan_chassis.observability.health import Progress
from paidan_contracts.ids import area_of, timer_id
from paidan_contracts.inbox import TimerDue
from paidan_contracts.topics import INBOX
from paidan_dispatch.inbox import messages as inbox_messages

LOOK_AGAIN_S: Final = 1.0
"""Lanes come and go, and a clock may be set by a batch that is not committed yet: real seconds between two looks."""
BETWEEN_LOOKS_S: Final = 0.02
"""However many clocks are due: two statements every 10 ms, for each batch, would be a load of their own."""
NEVER: Final = datetime.max.replace(tzinfo=UTC)
FORGET_AFTER: Final = 100_000

DUE: Final = """
    SELECT case_id, kind, generation, due_at
      FROM timer
     WHERE lane = ANY($1::integer[])
       AND due_at <= $2
       AND (due_at, case_id, kind) > ($3, $4, $5)
     ORDER BY due_at, case_id, kind
     LIMIT $6
"""

# One look into the index for each lane: over all of them at once, min() reads every clock that is pending.
NEXT_DUE: Final = """
    SELECT min(soonest.due_at)
      FROM unnest($1::integer[]) AS ours (lane)
     CROSS JOIN LATERAL (
            SELECT timer.due_at
              FROM timer
             WHERE timer.lane = ours.lane
               AND timer.due_at > $2
             ORDER BY timer.due_at
             LIMIT 1) AS soonest
"""


class Owner(Protocol):
    """What a lane consumer offers here."""

    def lanes(self) -> Collection[Lane]:
        """Name the lanes that are ours."""

    def caught_up(self, lane: Lane) -> bool:
        """Tell whether a lane has reached the end of the log that was seen when it was assigned."""

    async def forward(self, messages: Sequence[Message]) -> None:
        """Append messages; returns when Kafka has them all."""


class Timers:
    """Fires each timer of the lanes that are ours once it is due, again after a restart: repeats mean nothing."""

    def __init__(self, pool: "asyncpg.Pool[Any]", clock: Clock, *, per_claim: int) -> None:
        self._pool = pool
        self._clock = clock
        self._per_claim = per_claim
        self._fired: set[str] = set()
        self._mentioned = asyncio.Event()
        self._next: datetime | None = None

    def mention(self, due_at: datetime) -> None:
        """Hear that a clock was set, so that the sleep may end earlier."""
        if self._next is None or due_at < self._next:
            self._next = due_at
            self._mentioned.set()

    async def run(self, owner: Owner, progress: Progress, stop: asyncio.Event) -> None:
        """Fire timers until told to stop. Faults of the servers are waited out."""
        while not stop.is_set():
            self._mentioned.clear()
            try:
                self._next = await self._fire(owner)
                progress.polled()
            except (*FAULTS, Unacknowledged) as error:
                if not (isinstance(error, Unacknowledged) or is_transient(error)):
                    raise
                progress.retrying(type(error).__name__)
            await self._wait(stop)

    async def _fire(self, owner: Owner) -> datetime | None:
        """Append all that is due, in portions; tell when the next one will be."""
        lanes = [lane.partition for lane in owner.lanes() if lane.topic == INBOX.name and owner.caught_up(lane)]
        if not lanes:
            return None
        now = self._clock.now()
        await self._fire_until(now, lanes, owner.forward)
        earliest: datetime | None = await self._pool.fetchval(NEXT_DUE, lanes, now, timeout=10)
        return earliest

    async def _fire_until(
        self, now: datetime, lanes: list[int], forward: Callable[[Sequence[Message]], Awaitable[None]]
    ) -> None:
        place = (now - timedelta(days=36_500), "", "")
        while True:
            rows = await self._pool.fetch(DUE, lanes, now, *place, self._per_claim, timeout=10)
            due = [_due(row) for row in rows]
            fresh = [timer for timer in due if timer.timer_id not in self._fired]
            if fresh:
                await forward([inbox_messages.timer_said(timer) for timer in fresh])
                self._remember(fresh)
            if len(due) < self._per_claim:
                return
            place = (due[-1].due_at, due[-1].case_id, due[-1].kind)

    def _remember(self, fired: Sequence[TimerDue]) -> None:
        if len(self._fired) > FORGET_AFTER:
            self._fired.clear()
        self._fired.update(timer.timer_id for timer in fired)

    async def _wait(self, stop: asyncio.Event) -> None:
        """Sleep until the next timer is due or it is time to look again; a clock that is set may bring that forward."""
        loop = asyncio.get_running_loop()
        look_at = loop.time() + LOOK_AGAIN_S
        await asyncio.sleep(BETWEEN_LOOKS_S)
        while not stop.is_set() and (left := look_at - loop.time()) > 0:
            self._mentioned.clear()
            if not await self._was_mentioned(stop, within_s=left):
                return

    async def _was_mentioned(self, stop: asyncio.Event, *, within_s: float) -> bool:
        """Sleep until something happens; True when it was no more than that a clock was set."""
        waits: list[asyncio.Task[Any]] = [
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self._clock.sleep_until(self._next or NEVER)),
        ]
        mentioned = asyncio.create_task(self._mentioned.wait())
        try:
            done, _ = await asyncio.wait([*waits, mentioned], timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
            return done == {mentioned}
        finally:
            for each in (*waits, mentioned):
                each.cancel()
            await asyncio.gather(*waits, mentioned, return_exceptions=True)


def _due(row: "asyncpg.Record") -> TimerDue:
    return TimerDue(
        timer_id=timer_id(row["case_id"], row["kind"], row["generation"]),
        case_id=row["case_id"],
        area=area_of(row["case_id"]),
        kind=row["kind"],
        generation=row["generation"],
        due_at=row["due_at"],
    )
