"""The logs of looks at personal data and of keys: each row chains its content to the row before it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from paidan_chassis.database import Connection
from paidan_deploy.conservation.anchor import Head

FIRST_CHAIN: Final = bytes(32)
# As the trigger that writes them does.
SELECT_ROWS: Final = """
    SELECT chain_number, jsonb_strip_nulls(to_jsonb(log) - 'chain')::text AS content, chain
      FROM {table} AS log
     ORDER BY chain_number
"""
PREFETCH: Final = 1_000


@dataclass(slots=True)
class ChainedLogs:
    """What was found of each log, by table."""

    heads: dict[str, Head] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    """Rows that are not as they were written, or that one is missing before."""
    contradicted: list[str] = field(default_factory=list)
    """Logs that are not as they were when the anchor was taken."""


async def read_chained_logs(conn: Connection, tables: Sequence[str], anchored: Mapping[str, Head]) -> ChainedLogs:
    """Check the chain of each of these tables, within the caller's transaction."""
    await conn.execute("SET LOCAL timezone = 'UTC'")
    found = ChainedLogs()
    for table in tables:
        number, chain, anchor = 0, FIRST_CHAIN, anchored.get(table)
        reached = anchor is None or anchor.size == 0
        async for row in conn.cursor(SELECT_ROWS.format(table=table), prefetch=PREFETCH):
            expected = sha256(chain + row["content"].encode()).digest()
            if row["chain_number"] != number + 1 or row["chain"] != expected:
                found.broken.append(f"{table} {row['chain_number']}")
            number, chain = row["chain_number"], row["chain"]
            reached = reached or (anchor is not None and (number, chain.hex()) == anchor)
        found.heads[table] = Head(number, chain.hex())
        if not reached:
            found.contradicted.append(table)
    return found
