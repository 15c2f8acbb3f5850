"""SQL for HTTP reads, on a pool of their own, so that no list delays a consumer."""

from collections.abc import Collection
from typing import Final, NamedTuple

import asyncpg

from paidan_chassis.database import Connection, Pool
from paidan_contracts.orders import Order
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_contracts.wire import CaseId, PositiveInt, Timestamp
from paidan_dispatch.api.like_patterns import class_pattern, place_pattern
from paidan_dispatch.api.models import OutcomeDetail
from paidan_dispatch.api.rounds import PastRound, past_rounds
from paidan_dispatch.inbox.rows import EventRow
from paidan_dispatch.inbox.unit_of_work import StoredEvent

SELECT_OUTCOMES: Final = """
    SELECT id::text, about, result, why, area, case_id, case_version, sender, decided_at
      FROM outcome
     WHERE id = ANY($1::uuid[])
     ORDER BY decided_at, id
"""

SELECT_CASE: Final = """
    SELECT lane, event
      FROM case_now
      JOIN history USING (case_id, version)
     WHERE case_id = $1
"""

SELECT_CASES_WITH_POLICY: Final = """
    SELECT case_id, event, lane_city.version, lane
      FROM case_now
      JOIN history USING (case_id, version)
      JOIN lane_city USING (lane, city)
     WHERE case_id = ANY($1::text[])
"""

SELECT_HISTORY: Final = """
    SELECT case_id, version, event, chain
      FROM history
     WHERE case_id = $1
     ORDER BY version
"""

SELECT_OPEN_ORDERS: Final = """
    SELECT event, page.priority
      FROM (SELECT reported_at, case_id, version, priority
              FROM (SELECT reported_at, case_id, version, city, places, class_code, priority
                      FROM case_now
                     WHERE department = $1
                       AND ended_at IS NULL
                       AND status <> ALL(ARRAY['received', 'filed'])
                       AND NOT past
                     UNION ALL
                    SELECT reported_at, case_id, version, city, places, class_code, priority
                      FROM case_now
                      JOIN helper USING (case_id)
                     WHERE helper.department = $1) AS open_order
             WHERE ($2::text IS NULL OR city = $2)
               AND ($3::timestamptz IS NULL
                    OR (-coalesce(priority, 0), reported_at, case_id) > (-coalesce($5::integer, 0), $3, $4::text))
               AND ($7::text[] IS NULL OR places LIKE ANY($7))
               AND ($8::text[] IS NULL OR class_code LIKE ANY($8))
             ORDER BY coalesce(priority, 0) DESC, reported_at, case_id
             LIMIT $6) AS page
      JOIN history USING (case_id, version)
     ORDER BY coalesce(page.priority, 0) DESC, reported_at, case_id
"""


class PageKey(NamedTuple):
    """The last case of a page, by the order of the list."""

    reported_at: Timestamp
    case_id: CaseId
    priority: PositiveInt | None = None
    """In a queue, of a case that comes first under a declaration in force."""


class QueuedCase(NamedTuple):
    """A case of a list, and its place in queues while a declaration concerns it."""

    state: CaseState
    priority: int | None

    @property
    def key(self) -> PageKey:
        """The key of a page whose last case it is."""
        return PageKey(self.state.reported_at, self.state.case_id, self.priority)


class OrderPage(NamedTuple):
    """Which orders of a department to list. A city of None means all.

    Those beyond the caller's bounds are none of a page, whose last one is where the next page begins.
    """

    city: str | None
    after: PageKey | None
    limit: int
    within_places: Collection[str] = ()
    within_classes: Collection[str] = ()


class StoredCase(NamedTuple):
    """A case's newest state, and its partition."""

    partition: int
    state: CaseState


class CaseWithPolicy(NamedTuple):
    """A case's newest state, and the version of the city's pack in force in its partition."""

    state: CaseState
    pack_version: str
    partition: int


class OutcomeScope(NamedTuple):
    """The area and sender of an outcome, by which read access is decided."""

    area: str | None
    sender: str | None


async def load_outcomes(pool: Pool, ids: Collection[str]) -> list[tuple[OutcomeDetail, OutcomeScope]]:
    """Return the outcomes of those of these reports and actions that are decided."""
    rows = await pool.fetch(SELECT_OUTCOMES, ids, timeout=10)
    return [(_outcome_from_row(row), OutcomeScope(row["area"], row["sender"])) for row in rows]


async def find_case(conn: Connection, case_id: str) -> StoredCase | None:
    """Return a case's newest state."""
    row = await conn.fetchrow(SELECT_CASE, case_id)
    return StoredCase(row["lane"], decode_state(row["event"])) if row else None


async def load_cases_with_policy(conn: Connection, case_ids: Collection[str]) -> dict[str, CaseWithPolicy]:
    """Return these cases' newest states, each with the pack version in force in its partition."""
    rows = await conn.fetch(SELECT_CASES_WITH_POLICY, case_ids, timeout=10)
    return {row["case_id"]: CaseWithPolicy(decode_state(row["event"]), row["version"], row["lane"]) for row in rows}


async def load_history(conn: Connection, case_id: str) -> list[EventRow]:
    """Return every event of a case, in order."""
    return [EventRow(**row) for row in await conn.fetch(SELECT_HISTORY, case_id)]


async def load_past_rounds(conn: Connection, state: CaseState, order: Order) -> tuple[PastRound, ...]:
    """Return the earlier rounds of an order's case; one in its first round is not asked for."""
    history = await load_history(conn, state.case_id) if state.round > 1 else []
    return past_rounds([each.event for each in history], order)


async def load_open_orders(pool: Pool, department: str, page: OrderPage) -> list[QueuedCase]:
    """Return a page of the cases that a department is to act on: oldest first, after those that come first."""
    after = page.after or (None, None, None)
    places = [place_pattern(each) for each in page.within_places] or None
    classes = [class_pattern(each) for each in page.within_classes] or None
    rows = await pool.fetch(SELECT_OPEN_ORDERS, department, page.city, *after, page.limit, places, classes, timeout=30)
    return [QueuedCase(decode_state(row["event"]), row["priority"]) for row in rows]


def decode_state(event_body: bytes) -> CaseState:
    """Return the state that a stored event carries."""
    return StoredEvent.model_validate_json(event_body).state


def _outcome_from_row(row: "asyncpg.Record") -> OutcomeDetail:
    return OutcomeDetail(
        id=row["id"],
        about=row["about"],
        result=row["result"],
        why=Refusal.model_validate_json(row["why"]) if row["why"] else None,
        case_id=row["case_id"],
        case_version=row["case_version"],
        decided_at=row["decided_at"],
    )
