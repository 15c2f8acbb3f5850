"""SQL for the indexes that a rebuild drops first and builds last."""

from typing import Final

from paidan_chassis.database import Connection

_INDEX_TIMEOUT_S: Final = 3600.0


async def drop_indexes(conn: Connection) -> None:
    """Drop the indexes that only readers need."""
    await conn.execute("SELECT drop_read_indexes()")


async def create_indexes(conn: Connection) -> None:
    """Build the indexes that the reset dropped. Lanes wait meanwhile; a repeat changes nothing."""
    await conn.execute("SET statement_timeout = 0")
    await conn.execute("SELECT create_read_indexes()", timeout=_INDEX_TIMEOUT_S)
