"""Appends what emergencies need as time goes on: running cases, a few hundred at once, and the end of stated hours.

Each takes effect when it is consumed. The next portion is appended once the one before took effect, so that whatever
else comes for the partition is decided in between; after a restart it goes on where the log has come.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from paidan_chassis.clock import Clock
from paidan_chassis.database import DB_ERRORS, Pool, is_transient
from paidan_chassis.errors import Unacknowledged
from paidan_chassis.observability.health import LoopProgress
from paidan_contracts.emergencies import EmergencyDeclaration, EmergencyDue, EmergencyPortion
from paidan_contracts.topics import INBOX
from paidan_dispatch.inbox import messages
from paidan_dispatch.inbox.emergency_book import AreaEmergency, area_emergency
from paidan_dispatch.inbox.timer_loop import LaneOwner

PORTION_CASES: Final = 250
POLL_INTERVAL_S: Final = 1.0
BUSY_INTERVAL_S: Final = 0.05
"""Real time between two looks while cases wait to be set anew."""
APPEND_AGAIN_S: Final = 10.0
"""Real time after which what was appended and did not take effect is appended again."""

SELECT_UNFINISHED: Final = """
    SELECT area, lane, declaration, ended_at, step, portion, until_reported_at, until_case, shortened, restored
      FROM emergency_area
     WHERE lane = ANY($1::integer[])
       AND step IS NOT NULL
"""
SELECT_OPEN_CASES: Final = """
    SELECT reported_at, case_id
      FROM case_now
     WHERE ended_at IS NULL
       AND city = $1
       AND area = $2
       AND lane = $3
       AND (reported_at, case_id) > (coalesce($4, '-infinity'::timestamptz), coalesce($5, ''))
     ORDER BY reported_at, case_id
     LIMIT $6
"""
SELECT_CONCERNED_CASES: Final = """
    SELECT NULL::timestamptz AS reported_at, case_id
      FROM emergency_case
     WHERE declaration_id = $1
       AND lane = $3
       AND case_id > coalesce($4, $2 || '-')
       AND case_id < $2 || '.'
     ORDER BY case_id
     LIMIT $5
"""
SELECT_OUT_OF_HOURS: Final = """
    SELECT declaration
      FROM emergency
     WHERE lane = ANY($1::integer[])
       AND ended_at IS NULL
       AND ends_at <= $2
"""


class EmergencyScheduler:
    """Appends portions and ends of this process's partitions, again after a fault: repeats have no effect."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._appended_at_s: dict[tuple[str, ...], float] = {}

    async def run(self, lane_owner: LaneOwner, progress: LoopProgress, stop: asyncio.Event) -> None:
        """Append until ``stop`` is set. Outages of Kafka and PostgreSQL are waited out."""
        while not stop.is_set():
            is_busy = False
            try:
                is_busy = await self._append_due(lane_owner)
                progress.record_poll()
            except (*DB_ERRORS, Unacknowledged) as error:
                if not (isinstance(error, Unacknowledged) or is_transient(error)):
                    raise
                progress.record_retry(type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), BUSY_INTERVAL_S if is_busy else POLL_INTERVAL_S)

    async def _append_due(self, lane_owner: LaneOwner) -> bool:
        """Append what is due; return whether cases wait to be set anew."""
        partitions = [
            lane.partition for lane in lane_owner.lanes() if lane.topic == INBOX.name and lane_owner.has_caught_up(lane)
        ]
        if not partitions:
            return False
        now = self._clock.now()
        rows = await self._pool.fetch(SELECT_UNFINISHED, partitions, timeout=10)
        unfinished = [each for each in map(area_emergency, rows) if _has_begun(each, now)]
        due = [
            messages.emergency_message(await self._next_portion(each, now))
            for each in unfinished
            if self._is_new(each.area, each.declaration.declaration_id, str(each.step), str(each.portion + 1))
        ]
        for row in await self._pool.fetch(SELECT_OUT_OF_HOURS, partitions, now, timeout=10):
            declaration = EmergencyDeclaration.model_validate_json(row["declaration"])
            if declaration.ends_at is not None and self._is_new(declaration.declaration_id):
                due.append(messages.emergency_message(_due_end(declaration, declaration.ends_at)))
        if due:
            await lane_owner.send_unsequenced(due)
        return bool(unfinished)

    async def _next_portion(self, emergency: AreaEmergency, now: datetime) -> EmergencyPortion:
        rows = await self._next_cases(emergency)
        last = rows[-1] if rows else None
        return EmergencyPortion(
            area=emergency.area,
            declaration_id=emergency.declaration.declaration_id,
            step=emergency.step or "shorten",
            number=emergency.portion + 1,
            case_ids=tuple(row["case_id"] for row in rows),
            until_reported_at=last and last["reported_at"],
            until_case=last and last["case_id"],
            is_last=len(rows) < PORTION_CASES,
            recorded_at=now,
        )

    async def _next_cases(self, emergency: AreaEmergency) -> Sequence[Mapping[str, Any]]:
        where, until = (emergency.area, emergency.lane), emergency.until_case
        if emergency.step == "restore":
            id_ = emergency.declaration.declaration_id
            return await self._pool.fetch(SELECT_CONCERNED_CASES, id_, *where, until, PORTION_CASES, timeout=10)
        city, until_at = emergency.declaration.city, emergency.until_reported_at
        return await self._pool.fetch(SELECT_OPEN_CASES, city, *where, until_at, until, PORTION_CASES, timeout=10)

    def _is_new(self, *key: str) -> bool:
        """Return whether something was not appended a moment ago."""
        now_s = time.monotonic()
        if now_s - self._appended_at_s.get(key, -APPEND_AGAIN_S) < APPEND_AGAIN_S:
            return False
        self._appended_at_s = {
            other: at_s for other, at_s in self._appended_at_s.items() if now_s - at_s < APPEND_AGAIN_S
        } | {key: now_s}
        return True


def _has_begun(emergency: AreaEmergency, now: datetime) -> bool:
    return emergency.step == "restore" or emergency.declaration.begins_at <= now


def _due_end(declaration: EmergencyDeclaration, ends_at: datetime) -> EmergencyDue:
    return EmergencyDue(area=declaration.city, declaration_id=declaration.declaration_id, due_at=ends_at)
