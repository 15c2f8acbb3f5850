"""SQL of emergencies and events: what a city has declared, and how far its cases have come."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from paidan_chassis import city_packs
from paidan_chassis.database import Executor, Pool
from paidan_contracts.emergencies import EmergencyDeclaration, EmergencyEnded
from paidan_dispatch.api.emergency_models import EmergencyItem, EmergencyQuery
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.inbox.emergency_book import DeclaredEmergency, EmergencyBook

SELECT_STANDING: Final = """
    SELECT lane, declaration
      FROM emergency
     WHERE city = $1
       AND ended_at IS NULL
"""
SELECT_STANDING_IN_AREAS: Final = """
    SELECT area, declaration
      FROM emergency_area
     WHERE area = ANY($1::text[])
       AND ended_at IS NULL
"""
SELECT_EMERGENCIES: Final = """
    SELECT emergency.declaration, ending, coalesce(sum(shortened), 0) AS shortened,
           coalesce(sum(restored), 0) AS restored, count(*) FILTER (WHERE step IS NOT NULL OR area IS NULL) AS unsettled
      FROM emergency
      LEFT JOIN emergency_area USING (declaration_id)
     WHERE ($1::text IS NULL OR city = $1)
       AND ($2::timestamptz IS NULL OR declared_at < $2)
       AND ($3::text IS NULL OR ($3 = 'ended') = (emergency.ended_at IS NOT NULL))
     GROUP BY declaration_id
     ORDER BY declared_at DESC, declaration_id
     LIMIT $4
"""


async def load_city(conn: Executor, packs: PackCache, city: str) -> tuple[CityPolicy | None, EmergencyBook]:
    """Return a city's policy and what it has declared, as its own partition judges acts."""
    version = (await city_packs.load_current_versions(conn)).get(city)
    policy = await packs.get(conn, version) if version is not None else None
    book = EmergencyBook()
    for row in await conn.fetch(SELECT_STANDING, city):
        declaration = EmergencyDeclaration.model_validate_json(row["declaration"])
        book.declared[declaration.declaration_id] = DeclaredEmergency(row["lane"], declaration)
    return policy, book


async def load_standing_in_areas(conn: Executor, areas: Collection[str]) -> dict[str, tuple[EmergencyDeclaration, ...]]:
    """Return what is declared in these areas, in that order, as their partitions decide by it."""
    standing: dict[str, list[EmergencyDeclaration]] = {}
    for row in await conn.fetch(SELECT_STANDING_IN_AREAS, sorted(areas)):
        standing.setdefault(row["area"], []).append(EmergencyDeclaration.model_validate_json(row["declaration"]))
    return {
        area: tuple(sorted(each, key=lambda one: (one.declared_at, one.declaration_id)))
        for area, each in standing.items()
    }


async def find_city(pool: Pool, declaration_id: str) -> str | None:
    """Return the city that declared this; None for an unknown id."""
    city: str | None = await pool.fetchval(
        "SELECT city FROM emergency WHERE declaration_id = $1", declaration_id, timeout=10
    )
    return city


async def list_emergencies(
    pool: Pool, city: str | None, query: EmergencyQuery, now: datetime
) -> Sequence[EmergencyItem]:
    """Return a page of what was declared, those declared last first."""
    has_ended = query.state and ("ended" if query.state == "ended" else "standing")
    rows = await pool.fetch(SELECT_EMERGENCIES, city, query.declared_before, has_ended, query.limit, timeout=10)
    items = [
        _item(
            EmergencyDeclaration.model_validate_json(row["declaration"]),
            EmergencyEnded.model_validate_json(row["ending"]) if row["ending"] else None,
            now,
        ).model_copy(
            update={
                "shortened": row["shortened"],
                "restored": row["restored"],
                "is_settled": not row["unsettled"],
            }
        )
        for row in rows
    ]
    return [each for each in items if query.state in (None, each.state)]


def _item(declaration: EmergencyDeclaration, ending: EmergencyEnded | None, now: datetime) -> EmergencyItem:
    if ending is not None:
        return EmergencyItem(declaration=declaration, state="ended", ending=ending)
    return EmergencyItem(declaration=declaration, state="scheduled" if declaration.begins_at > now else "in_force")
