"""Statements about photos and city packs, one function each."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from paidan_intake.queries import Connection

_HOLD: Final = """
    INSERT INTO photo (ref, holder, city, taken_at)
    SELECT ref, $2, $3, $4
      FROM unnest($1::text[]) AS ref
     ORDER BY ref
        ON CONFLICT (ref, holder) DO NOTHING
"""


async def hold(conn: Connection, refs: Collection[str], *, holder: str, city: str, at: datetime) -> None:
    """Put down who sent these photos, once."""
    await conn.execute(_HOLD, sorted(set(refs)), holder, city, at)


_HELD: Final = """
    SELECT holder, city
      FROM photo
     WHERE ref = $1
"""


async def holders(conn: Connection, ref: str) -> Mapping[str, str]:
    """Name who sent a photo, and to which city each; nobody when there is none such."""
    return {row["holder"]: row["city"] for row in await conn.fetch(_HELD, ref)}


_MISSING: Final = """
    SELECT ref
      FROM unnest($1::text[]) AS ref
     WHERE NOT EXISTS (SELECT FROM photo p WHERE p.ref = ref.ref)
"""


async def missing(conn: Connection, refs: Collection[str]) -> list[str]:
    """Name the photos that nobody ever sent."""
    return [row["ref"] for row in await conn.fetch(_MISSING, list(refs))]
