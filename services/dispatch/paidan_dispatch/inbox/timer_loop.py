"""Appends due timers to the inbox. Their effect is decided when they are consumed."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, Final, Protocol, TypeAlias

from paidan_chassis.clock import Clock
from paidan_chassis.consumer.batch import Lane
from paidan_chassis.database import DB_ERRORS, Pool, is_transient
from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.message import Message
from paidan_chassis.observability.health import LoopProgress
from paidan_contracts.inbox import TimerDue
from paidan_contracts.topics import INBOX
from paidan_dispatch.cases.timers import Timer, running_timers
from paidan_dispatch.inbox import messages as inbox_messages
from paidan_dispatch.inbox.unit_of_work import StoredEvent

POLL_INTERVAL_S: Final = 1.0
"""Real time between two polls: partitions change owners, and a timer may not be committed yet."""
MIN_POLL_INTERVAL_S: Final = 0.02
"""However many timers are due: two statements for every batch would be a load of their own."""
NEVER: Final = datetime.max.replace(tzinfo=UTC)
MAX_REMEMBERED: Final = 100_000

Step: TypeAlias = tuple[str, int]
"""A case at a version."""

# Partition by partition, each along its index: after an outage a page must not cost as much as all that is due.
SELECT_DUE: Final = """
    SELECT due.case_id, due.version, due.next_due_at
      FROM unnest($1::integer[]) AS assigned (lane)
     CROSS JOIN LATERAL (
            SELECT case_id, version, next_due_at
              FROM case_now
             WHERE case_now.lane = assigned.lane
               AND next_due_at <= $2
               AND (next_due_at, case_id) > ($3, $4)
             ORDER BY next_due_at, case_id
             LIMIT $5) AS due
     ORDER BY due.next_due_at, due.case_id
     LIMIT $5
"""

SELECT_EVENTS: Final = """
    SELECT event
      FROM history
     WHERE (case_id, version) IN (SELECT * FROM unnest($1::text[], $2::bigint[]))
"""

# One index search for each partition: over all of them at once, min() reads every case with a clock.
SELECT_NEXT_DUE: Final = """
    SELECT min(soonest.next_due_at)
      FROM unnest($1::integer[]) AS assigned (lane)
     CROSS JOIN LATERAL (
            SELECT case_now.next_due_at
              FROM case_now
             WHERE case_now.lane = assigned.lane
               AND case_now.next_due_at > $2
             ORDER BY case_now.next_due_at
             LIMIT 1) AS soonest
"""


class LaneOwner(Protocol):
    """The part of a lane consumer that timers need."""

    def lanes(self) -> Collection[Lane]:
        """Return the lanes assigned to this process."""

    def has_caught_up(self, lane: Lane) -> bool:
        """Return whether a lane has been read up to where its log ended when it was assigned."""

    async def send_unsequenced(self, messages: Sequence[Message]) -> None:
        """Append messages; return when Kafka has acknowledged them all."""


class TimerScheduler:
    """Fires each timer of this process's partitions once it is due, again after a restart: repeats have no effect."""

    def __init__(self, pool: Pool, clock: Clock, *, batch_size: int) -> None:
        self._pool = pool
        self._clock = clock
        self._batch_size = batch_size
        self._fired_ids: set[str] = set()
        self._read_until: dict[Step, datetime] = {}
        """Until when no clock of a state that was read falls due, but for those that are appended."""
        self._notified = asyncio.Event()
        self.next_due_at = NEVER
        """Whoever sets an earlier timer must call ``notify``."""

    def notify(self, due_at: datetime) -> None:
        """Wake up for a timer that is due earlier than the next one known."""
        if due_at < self.next_due_at:
            self.next_due_at = due_at
            self._notified.set()

    async def run(self, lane_owner: LaneOwner, progress: LoopProgress, stop: asyncio.Event) -> None:
        """Fire timers until ``stop`` is set. Outages of Kafka and PostgreSQL are waited out."""
        while not stop.is_set():
            self._notified.clear()
            try:
                self.next_due_at = await self._fire_due(lane_owner) or NEVER
                progress.record_poll()
            except (*DB_ERRORS, Unacknowledged) as error:
                if not (isinstance(error, Unacknowledged) or is_transient(error)):
                    raise
                progress.record_retry(type(error).__name__)
            await self._sleep_until_next(stop)

    async def _fire_due(self, lane_owner: LaneOwner) -> datetime | None:
        """Append all due timers, in portions; return when the next one is due."""
        partitions = [
            lane.partition for lane in lane_owner.lanes() if lane.topic == INBOX.name and lane_owner.has_caught_up(lane)
        ]
        if not partitions:
            return None
        now = self._clock.now()
        await self._fire_until(now, partitions, lane_owner.send_unsequenced)
        earliest: datetime | None = await self._pool.fetchval(SELECT_NEXT_DUE, partitions, now, timeout=10)
        return earliest

    async def _fire_until(
        self, now: datetime, partitions: list[int], send: Callable[[Sequence[Message]], Awaitable[None]]
    ) -> None:
        after = (now - timedelta(days=36_500), "")
        while True:
            cases = await self._pool.fetch(SELECT_DUE, partitions, now, *after, self._batch_size, timeout=10)
            steps = [(case_id, version) for case_id, version, _ in cases]
            unread = [step for step in steps if self._read_until.get(step, now) <= now]
            if unread:
                running = await self._load_running(unread)
                due = [timer for timer in running if timer.due_at <= now and timer.id not in self._fired_ids]
                if due:
                    await send([inbox_messages.timer_message(_timer_due(timer)) for timer in due])
                self._remember(unread, running, now)
            if len(cases) < self._batch_size:
                return
            after = (cases[-1]["next_due_at"], cases[-1]["case_id"])

    async def _load_running(self, steps: Sequence[Step]) -> list[Timer]:
        """Return every clock that runs in these states, in order of time."""
        rows = await self._pool.fetch(SELECT_EVENTS, *zip(*steps, strict=True), timeout=10)
        states = [StoredEvent.model_validate_json(row["event"]).state for row in rows]
        running = [timer for state in states for timer in running_timers(state)]
        return sorted(running, key=attrgetter("due_at", "case_id", "kind"))

    def _remember(self, steps: Sequence[Step], running: Sequence[Timer], now: datetime) -> None:
        if len(self._fired_ids) > MAX_REMEMBERED or len(self._read_until) > MAX_REMEMBERED:
            self._fired_ids.clear()
            self._read_until.clear()
        self._fired_ids.update(timer.id for timer in running if timer.due_at <= now)
        self._read_until.update(dict.fromkeys(steps, NEVER))
        versions = dict(steps)
        for timer in reversed(running):  # the earliest of a case last
            if timer.due_at > now:
                self._read_until[timer.case_id, versions[timer.case_id]] = timer.due_at

    async def _sleep_until_next(self, stop: asyncio.Event) -> None:
        """Sleep until the next timer is due or the poll interval is over; ``notify`` may bring that forward."""
        loop = asyncio.get_running_loop()
        poll_at = loop.time() + POLL_INTERVAL_S
        await asyncio.sleep(MIN_POLL_INTERVAL_S)
        while not stop.is_set() and (remaining_s := poll_at - loop.time()) > 0:
            self._notified.clear()
            if not await self._was_notified(stop, timeout_s=remaining_s):
                return

    async def _was_notified(self, stop: asyncio.Event, *, timeout_s: float) -> bool:
        """Wait for a stop, the next due time, a notification or the timeout; return True only for a notification."""
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(stop.wait()),
            asyncio.create_task(self._clock.sleep_until(self.next_due_at)),
        ]
        notified = asyncio.create_task(self._notified.wait())
        try:
            done, _ = await asyncio.wait([*tasks, notified], timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            return done == {notified}
        finally:
            for each in (*tasks, notified):
                each.cancel()
            await asyncio.gather(*tasks, notified, return_exceptions=True)


def _timer_due(timer: Timer) -> TimerDue:
    return TimerDue(
        timer_id=timer.id,
        case_id=timer.case_id,
        area=timer.area,
        kind=timer.kind,
        generation=timer.generation,
        due_at=timer.due_at,
    )
