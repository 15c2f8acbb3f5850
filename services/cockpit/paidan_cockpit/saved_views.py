"""Filters of queues that persons keep under names of their own; one of them may be what opens first."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import asyncpg

from paidan_chassis.database import Pool
from paidan_cockpit.rights import Person

MAX_VIEWS: Final = 20
MAX_NAME: Final = 60
_TIMEOUT_S: Final = 5.0
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('paidan cockpit views ' || $1::text, 0))"
_SELECT_VIEWS: Final = """
    SELECT view_id, name, query, is_first
      FROM saved_view
     WHERE person_id = $1::uuid
     ORDER BY created_at, view_id
"""
_SELECT_FIRST: Final = "SELECT query FROM saved_view WHERE person_id = $1::uuid AND is_first"
_COUNT: Final = "SELECT count(*) FROM saved_view WHERE person_id = $1::uuid"
_INSERT: Final = """
    INSERT INTO saved_view (view_id, person_id, name, query, is_first)
    VALUES ($2, $1::uuid, $3, $4, $5)
"""
_UPDATE: Final = """
    UPDATE saved_view
       SET name = $3, is_first = $4
     WHERE person_id = $1::uuid
       AND view_id = $2
    RETURNING view_id
"""
_NONE_FIRST: Final = "UPDATE saved_view SET is_first = false WHERE person_id = $1::uuid AND is_first"
_DELETE: Final = "DELETE FROM saved_view WHERE person_id = $1::uuid AND view_id = $2 RETURNING view_id"

Reason = Literal["no_name", "long_name", "same_name", "many"]


class ViewRefused(Exception):
    """A view that cannot be kept so."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason


@dataclass(frozen=True, slots=True)
class SavedView:
    """A filter, as an address's query, and its name."""

    view_id: uuid.UUID
    name: str
    query: str
    is_first: bool


def clean_name(text: str) -> str:
    """Return a name without what does not show; raise ViewRefused for an empty or a long one."""
    name = "".join(each for each in " ".join(text.split()) if each.isprintable()).strip()
    if not name:
        raise ViewRefused("no_name")
    if len(name) > MAX_NAME:
        raise ViewRefused("long_name")
    return name


async def list_views(pool: Pool, person: Person) -> Sequence[SavedView]:
    """Return a person's views, the oldest first."""
    rows = await pool.fetch(_SELECT_VIEWS, person.person_id, timeout=_TIMEOUT_S)
    return [SavedView(**row) for row in rows]


async def find_first(pool: Pool, person: Person) -> str | None:
    """Return the query of the view that a person wants to see first."""
    query = await pool.fetchval(_SELECT_FIRST, person.person_id, timeout=_TIMEOUT_S)
    return None if query is None else str(query)


async def add_view(pool: Pool, person: Person, view: SavedView) -> None:
    """Store a view; raise ViewRefused for one too many, or for a name that another has."""
    async with pool.acquire() as conn:
        try:
            async with conn.transaction():
                await conn.execute(_LOCK, person.person_id, timeout=_TIMEOUT_S)
                if await conn.fetchval(_COUNT, person.person_id, timeout=_TIMEOUT_S) >= MAX_VIEWS:
                    raise ViewRefused("many")
                if view.is_first:
                    await conn.execute(_NONE_FIRST, person.person_id, timeout=_TIMEOUT_S)
                values = (person.person_id, view.view_id, view.name, view.query, view.is_first)
                await conn.execute(_INSERT, *values, timeout=_TIMEOUT_S)
        except asyncpg.UniqueViolationError as error:
            raise ViewRefused("same_name") from error


async def change_view(pool: Pool, person: Person, view_id: uuid.UUID, name: str, *, is_first: bool) -> bool:
    """Rename a view, and say whether it is the first; return whether the person has it."""
    async with pool.acquire() as conn:
        try:
            async with conn.transaction():
                await conn.execute(_LOCK, person.person_id, timeout=_TIMEOUT_S)
                if is_first:
                    await conn.execute(_NONE_FIRST, person.person_id, timeout=_TIMEOUT_S)
                values = (person.person_id, view_id, name, is_first)
                return await conn.fetchval(_UPDATE, *values, timeout=_TIMEOUT_S) is not None
        except asyncpg.UniqueViolationError as error:
            raise ViewRefused("same_name") from error


async def delete_view(pool: Pool, person: Person, view_id: uuid.UUID) -> bool:
    """Delete a view; return whether the person had it."""
    return await pool.fetchval(_DELETE, person.person_id, view_id, timeout=_TIMEOUT_S) is not None
