"""How many dead letters a consumer has, as its database knows: counts that survive a restart, for metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from paidan_chassis.consumer import senders
from paidan_chassis.consumer.config import Subscription
from paidan_chassis.database import Connection

MAX_LABELS: Final = 20
"""Senders that are shown by name: a label's values must be few, and senders name themselves."""

COUNT: Final = """
    SELECT count(*) AS kept,
           count(*) FILTER (WHERE redriven_at IS NULL AND dropped_at IS NULL) AS waiting,
           (SELECT coalesce(sum(counted), 0)::bigint FROM sender_hour WHERE consumer = $1) AS counted
      FROM dead_letter
     WHERE consumer = $1
"""

COUNT_WAITING: Final = """
    SELECT count(*)
      FROM dead_letter
     WHERE redriven_at IS NULL
       AND dropped_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of one consumer over all of its processes and its whole past."""

    total: int = 0
    """Records that could not be applied, whether they were kept as letters or only counted."""
    waiting: int = 0
    """Letters that were neither redriven nor dropped."""
    set_aside: Mapping[str, int] = field(default_factory=dict)
    """Records that are only counted in this hour, by sender."""


class DeadLetterCounts:
    """The counts of one consumer, as of the last ``load``."""

    def __init__(self, subscription: Subscription) -> None:
        self.current: Counts | None = None
        self._subscription = subscription

    async def load(self, conn: Connection) -> None:
        """Read the counts from the database."""
        row = await conn.fetchrow(COUNT, self._subscription.name)
        assert row is not None  # noqa: S101 - an aggregate has one row
        set_aside: dict[str, int] = {}
        if self._subscription.written_by_others:
            for each in await senders.set_aside_senders(conn, self._subscription.name):
                name = each.sender if len(set_aside) < MAX_LABELS or each.sender in set_aside else "others"
                set_aside[name] = set_aside.get(name, 0) + each.counted
        self.current = Counts(row["kept"] + row["counted"], row["waiting"], set_aside)


async def count_waiting(conn: Connection) -> int:
    """Return how many dead letters of this schema were neither redriven nor dropped."""
    return int(await conn.fetchval(COUNT_WAITING) or 0)
