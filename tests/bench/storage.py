"""Bytes that PostgreSQL wrote: its log (WAL), and tables with their indexes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

SELECT_WAL_POSITION: Final = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"
SELECT_TABLE_SIZES: Final = """
    SELECT schemaname || '.' || relname AS name, pg_total_relation_size(relid) AS bytes
      FROM pg_stat_user_tables
"""


@dataclass(frozen=True, slots=True)
class StorageUse:
    """Bytes written up to one moment."""

    wal_bytes: int
    bytes_by_table: Mapping[str, int]

    def since(self, before: "StorageUse") -> "StorageUse":
        """Return what was written between; tables that did not grow are left out."""
        grown = {name: size - before.bytes_by_table.get(name, 0) for name, size in self.bytes_by_table.items()}
        return StorageUse(
            self.wal_bytes - before.wal_bytes, {name: size for name, size in sorted(grown.items()) if size > 0}
        )

    def bytes_per_case(self, cases: int) -> dict[str, float]:
        """Return bytes a case by table."""
        return {name: round(size / cases, 1) for name, size in self.bytes_by_table.items()} if cases else {}


async def storage_use(conn: "asyncpg.Connection[Any]") -> StorageUse:
    """Return the position in the WAL and the size of every table, indexes included."""
    sizes = await conn.fetch(SELECT_TABLE_SIZES)
    return StorageUse(int(await conn.fetchval(SELECT_WAL_POSITION)), {row["name"]: row["bytes"] for row in sizes})
