"""Statements that look into the vault, one function each."""

from typing import Final, NamedTuple

from paidan_chassis.encryption import Sealed
from paidan_intake.queries import Connection


class Entrusted(NamedTuple):
    """What the vault holds of a report; ``sealed`` is None where nothing personal came with it."""

    city: str
    sealed: Sealed | None


_ENTRUSTED: Final = """
    SELECT city, key_id, sealed
      FROM vault
     WHERE report_id = $1::uuid
"""


async def entrusted(conn: Connection, report_id: str) -> Entrusted | None:
    """Read what the vault holds of a report; None when nobody ever took it."""
    row = await conn.fetchrow(_ENTRUSTED, report_id)
    if row is None:
        return None
    return Entrusted(row["city"], Sealed(row["key_id"], row["sealed"]) if row["sealed"] is not None else None)


_NOTE_READING: Final = """
    INSERT INTO vault_reading (report_id, api_key, reader, reason)
    VALUES ($1::uuid, $2, $3, $4)
"""


async def note_reading(conn: Connection, report_id: str, *, api_key: str, reader: str, reason: str) -> None:
    """Put down who looks into the vault and why."""
    await conn.execute(_NOTE_READING, report_id, api_key, reader, reason)
