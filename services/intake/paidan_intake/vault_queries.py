"""Statements that look into the vault, one function each."""

from typing import Final, NamedTuple

from paidan_chassis.database import Executor
from paidan_chassis.encryption import Ciphertext


class VaultEntry(NamedTuple):
    """What the vault holds of a report; ``sealed`` is None where nothing personal came with it."""

    city: str
    ciphertext: Ciphertext | None


_SELECT_ENTRY: Final = """
    SELECT city, key_id, sealed
      FROM vault
     WHERE report_id = $1::uuid
"""


async def find_entry(conn: Executor, report_id: str) -> VaultEntry | None:
    """Read what the vault holds of a report; None when nobody ever took it."""
    row = await conn.fetchrow(_SELECT_ENTRY, report_id)
    if row is None:
        return None
    return VaultEntry(row["city"], Ciphertext(row["key_id"], row["sealed"]) if row["sealed"] is not None else None)


_INSERT_ACCESS: Final = """
    INSERT INTO vault_reading (report_id, api_key, reader, reason)
    VALUES ($1::uuid, $2, $3, $4)
"""


async def log_access(conn: Executor, report_id: str, *, api_key: str, reader: str, reason: str) -> None:
    """Put down who looks into the vault and why."""
    await conn.execute(_INSERT_ACCESS, report_id, api_key, reader, reason)
