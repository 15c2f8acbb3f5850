"""What the edge reads, one function each: on connections of its own, so that no list holds up a lane."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from paidan_chassis.database import Connection, Pool
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState, Status
from paidan_dispatch.api.models import OutcomeDetail
from paidan_dispatch.inbox.unit_of_work import EventRow, StoredEvent

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ENDED_STATUSES: Final[frozenset[Status]] = frozenset({"closed", "voided", "not_accepted"})

SELECT_OUTCOMES: Final = """
    SELECT id::text, about, result, why, area, case_id, case_version, sender, decided_at
      FROM outcome
     WHERE id = ANY($1::uuid[])
     ORDER BY decided_at, id
"""

SELECT_CASE: Final = """
    SELECT lane, step
      FROM case_now
     WHERE case_id = $1
"""

SELECT_CASES_WITH_POLICY: Final = """
    SELECT case_id, step, lane_city.version
      FROM case_now
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
    SELECT step
      FROM case_now
     WHERE department = $1
       AND ended_at IS NULL
       AND status <> ALL(ARRAY['received', 'filed'])
       AND NOT past
     ORDER BY reported_at, case_id
"""

# Two partial indexes, of what is going on and of what has ended, so that a queue never wades through the past.
SELECT_CASES_PART: Final = """
    (SELECT step, reported_at, case_id
       FROM case_now
      WHERE ended_at IS {ended}
        AND ($1::text IS NULL OR city = $1)
        AND ($2::text IS NULL OR area = $2)
        AND ($3::text[] IS NULL OR status = ANY($3))
        AND ($4::text IS NULL OR department = $4)
        AND ($5::text IS NULL OR class_code = $5)
        AND ($6::timestamptz IS NULL OR reported_at >= $6)
        AND ($7::timestamptz IS NULL OR reported_at < $7)
        AND ($8::timestamptz IS NULL OR (reported_at, case_id) {beyond} ($8, $9))
        {more}
      ORDER BY reported_at {order}, case_id {order}
      LIMIT $10)
"""
AWAITS_CALLBACK_FILTER: Final = "AND awaits_call"


class StoredCase(NamedTuple):
    """A case as it is now, and its lane."""

    partition: int
    state: CaseState


class CaseWithPolicy(NamedTuple):
    """A case as it is now, and the version of the city's pack that its lane decides by."""

    state: CaseState
    pack_version: str


class OutcomeScope(NamedTuple):
    """Whose an outcome is: for deciding who may know it."""

    area: str | None
    sender: str | None


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases a list is to show. What is None or empty is not asked for."""

    city: str | None = None
    area: str | None = None
    statuses: tuple[Status, ...] = ()
    department: str | None = None
    class_code: str | None = None
    reported_from: datetime | None = None
    reported_until: datetime | None = None
    not_called_back: bool = False
    oldest_first: bool = False
    after: tuple[datetime, str] | None = None
    limit: int = 100


def is_uuid(text: str) -> bool:
    """Tell whether a text could be an id at all."""
    return _UUID.fullmatch(text) is not None


async def load_outcomes(pool: Pool, ids: Collection[str]) -> list[tuple[OutcomeDetail, OutcomeScope]]:
    """Read what became of these reports and actions, so far as it is decided."""
    rows = await pool.fetch(SELECT_OUTCOMES, ids, timeout=10)
    return [(_outcome_from_row(row), OutcomeScope(row["area"], row["sender"])) for row in rows]


async def find_case(conn: Connection, case_id: str) -> StoredCase | None:
    """Read a case as it is now."""
    row = await conn.fetchrow(SELECT_CASE, case_id)
    return StoredCase(row["lane"], _decode_state(row["step"])) if row else None


async def load_cases_with_policy(conn: Connection, case_ids: Collection[str]) -> dict[str, CaseWithPolicy]:
    """Read these cases as they are now, each with what its lane decides by."""
    rows = await conn.fetch(SELECT_CASES_WITH_POLICY, case_ids, timeout=10)
    return {row["case_id"]: CaseWithPolicy(_decode_state(row["step"]), row["version"]) for row in rows}


async def load_history(conn: Connection, case_id: str) -> list[EventRow]:
    """Read every step of a case, in order."""
    return [EventRow(**row) for row in await conn.fetch(SELECT_HISTORY, case_id)]


async def load_open_orders(pool: Pool, department: str) -> list[CaseState]:
    """Read the cases that a department is to act on, oldest first."""
    return [_decode_state(row["step"]) for row in await pool.fetch(SELECT_OPEN_ORDERS, department, timeout=30)]


async def list_cases(pool: Pool, case_filter: CaseFilter) -> list[CaseState]:
    """Read a page of cases, by the time of their first report."""
    order, comparison = ("ASC", ">") if case_filter.oldest_first else ("DESC", "<")
    # In words, not as a parameter: only so is the index of those who wait for a call found.
    clauses = {
        "order": order,
        "beyond": comparison,
        "more": AWAITS_CALLBACK_FILTER if case_filter.not_called_back else "",
    }
    parts = [SELECT_CASES_PART.format(ended=ended, **clauses) for ended in _ended_clauses(case_filter.statuses)]
    union = " UNION ALL ".join(parts)
    statement = f"SELECT step FROM ({union}) AS found ORDER BY reported_at {order}, case_id {order} LIMIT $10"
    at, case_id = case_filter.after or (None, None)
    rows = await pool.fetch(
        statement,
        case_filter.city,
        case_filter.area,
        list(case_filter.statuses) or None,
        case_filter.department,
        case_filter.class_code,
        case_filter.reported_from,
        case_filter.reported_until,
        at,
        case_id,
        case_filter.limit,
        timeout=30,
    )
    return [_decode_state(row["step"]) for row in rows]


def _ended_clauses(statuses: Sequence[Status]) -> list[str]:
    ended = [status in ENDED_STATUSES for status in statuses]
    parts = [("NULL", not all(ended) or not ended), ("NOT NULL", any(ended) or not ended)]
    return [part for part, is_wanted in parts if is_wanted]


def _decode_state(event_body: bytes) -> CaseState:
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
