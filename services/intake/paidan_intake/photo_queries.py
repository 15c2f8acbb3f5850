"""Statements about photos and city packs, one function each."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from paidan_chassis.database import Executor

_INSERT_HOLDER: Final = """
    INSERT INTO photo (ref, holder, city, taken_at)
    SELECT ref, $2, $3, $4
      FROM unnest($1::text[]) AS ref
     ORDER BY ref
        ON CONFLICT (ref, holder) DO NOTHING
"""


async def save_holder(conn: Executor, refs: Collection[str], *, holder: str, city: str, received_at: datetime) -> None:
    """Put down who sent these photos, once."""
    await conn.execute(_INSERT_HOLDER, sorted(set(refs)), holder, city, received_at)


_SELECT_HOLDERS: Final = """
    SELECT holder, city
      FROM photo
     WHERE ref = $1
"""


async def load_holders(conn: Executor, ref: str) -> Mapping[str, str]:
    """Name who sent a photo, and to which city each; nobody when there is none such."""
    return {row["holder"]: row["city"] for row in await conn.fetch(_SELECT_HOLDERS, ref)}


_SELECT_MISSING: Final = """
    SELECT ref
      FROM unnest($1::text[]) AS ref
     WHERE NOT EXISTS (SELECT FROM photo p WHERE p.ref = ref.ref)
"""


async def find_missing(conn: Executor, refs: Collection[str]) -> list[str]:
    """Name the photos that nobody ever sent."""
    return [row["ref"] for row in await conn.fetch(_SELECT_MISSING, list(refs))]
