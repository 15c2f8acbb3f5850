"""What the edge reads, one function each: on connections of its own, so that no list holds up a lane."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

import asyncpg

from paidan_contracts.outcomes import Why
from paidan_contracts.state import CaseState, Status
from paidan_dispatch.api.models import OutcomeShown
from paidan_dispatch.inbox.unit_of_work import Newest, StepRow

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any]"
Pool: TypeAlias = "asyncpg.Pool[Any]"

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ENDED: Final[frozenset[Status]] = frozenset({"closed", "voided", "not_accepted"})

OUTCOMES: Final = """
    SELECT id::text, about, result, why, area, case_id, case_version, sender, decided_at
      FROM outcome
     WHERE id = ANY($1::uuid[])
     ORDER BY decided_at, id
"""

CASE: Final = """
    SELECT lane, step
      FROM case_now
     WHERE case_id = $1
"""

STANDINGS: Final = """
    SELECT case_id, step, lane_city.version
      FROM case_now
      JOIN lane_city USING (lane, city)
     WHERE case_id = ANY($1::text[])
"""

HISTORY: Final = """
    SELECT case_id, version, event, chain
      FROM history
     WHERE case_id = $1
     ORDER BY version
"""

OPEN_ORDERS: Final = """
    SELECT step
      FROM case_now
     WHERE department = $1
       AND ended_at IS NULL
       AND status <> ALL(ARRAY['received', 'filed'])
       AND NOT past
     ORDER BY reported_at, case_id
"""

# Two partial indexes, of what is going on and of what has ended, so that a queue never wades through the past.
PART_OF_LIST: Final = """
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
UNCALLED: Final = "AND awaits_call"


class Found(NamedTuple):
    """A case as it is now, and its lane."""

    lane: int
    state: CaseState


class Standing(NamedTuple):
    """A case as it is now, and the version of the city's pack that its lane decides by."""

    state: CaseState
    version: str


class OutcomeAbout(NamedTuple):
    """Whose an outcome is: for deciding who may know it."""

    area: str | None
    sender: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
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


def is_id(text: str) -> bool:
    """Tell whether a text could be an id at all."""
    return _ID.fullmatch(text) is not None


async def outcomes(pool: Pool, ids: Collection[str]) -> list[tuple[OutcomeShown, OutcomeAbout]]:
    """Read what became of these reports and actions, so far as it is decided."""
    rows = await pool.fetch(OUTCOMES, ids, timeout=10)
    return [(_outcome(row), OutcomeAbout(row["area"], row["sender"])) for row in rows]


async def case_by_id(conn: Connection, case_id: str) -> Found | None:
    """Read a case as it is now."""
    row = await conn.fetchrow(CASE, case_id)
    return Found(row["lane"], _state(row["step"])) if row else None


async def standings(conn: Connection, case_ids: Collection[str]) -> dict[str, Standing]:
    """Read these cases as they are now, each with what its lane decides by."""
    rows = await conn.fetch(STANDINGS, case_ids, timeout=10)
    return {row["case_id"]: Standing(_state(row["step"]), row["version"]) for row in rows}


async def history(conn: Connection, case_id: str) -> list[StepRow]:
    """Read every step of a case, in order."""
    return [StepRow(**row) for row in await conn.fetch(HISTORY, case_id)]


async def open_orders(pool: Pool, department: str) -> list[CaseState]:
    """Read the cases that a department is to act on, oldest first."""
    return [_state(row["step"]) for row in await pool.fetch(OPEN_ORDERS, department, timeout=30)]


async def cases(pool: Pool, wanted: Wanted) -> list[CaseState]:
    """Read a page of cases, by the time of their first report."""
    order, beyond = ("ASC", ">") if wanted.oldest_first else ("DESC", "<")
    # In words, not as a parameter: only so is the index of those who wait for a call found.
    how = {"order": order, "beyond": beyond, "more": UNCALLED if wanted.not_called_back else ""}
    parts = [PART_OF_LIST.format(ended=ended, **how) for ended in _parts(wanted.statuses)]
    found = " UNION ALL ".join(parts)
    statement = f"SELECT step FROM ({found}) AS found ORDER BY reported_at {order}, case_id {order} LIMIT $10"
    at, case_id = wanted.after or (None, None)
    rows = await pool.fetch(
        statement,
        wanted.city,
        wanted.area,
        list(wanted.statuses) or None,
        wanted.department,
        wanted.class_code,
        wanted.reported_from,
        wanted.reported_until,
        at,
        case_id,
        wanted.limit,
        timeout=30,
    )
    return [_state(row["step"]) for row in rows]


def _parts(statuses: Sequence[Status]) -> list[str]:
    ended = [status in ENDED for status in statuses]
    parts = [("NULL", not all(ended) or not ended), ("NOT NULL", any(ended) or not ended)]
    return [part for part, is_wanted in parts if is_wanted]


def _state(step: bytes) -> CaseState:
    return Newest.model_validate_json(step).state


def _outcome(row: "asyncpg.Record") -> OutcomeShown:
    return OutcomeShown(
        id=row["id"],
        about=row["about"],
        result=row["result"],
        why=Why.model_validate_json(row["why"]) if row["why"] else None,
        case_id=row["case_id"],
        case_version=row["case_version"],
        decided_at=row["decided_at"],
    )
