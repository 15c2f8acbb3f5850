"""SQL of the last conservation checks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from paidan_chassis.database import Connection, Pool
from paidan_contracts.checks import ConservationChecked

KEPT: Final = 500
"""Results that stay, about three weeks of hourly ones; all of them are in the log."""
_TIMEOUT_S: Final = 5.0
_INSERT_CHECKS: Final = """
    INSERT INTO conservation_check (check_id, checked_at, holds, result)
    SELECT *
      FROM unnest($1::text[], $2::timestamptz[], $3::boolean[], $4::text[])
        ON CONFLICT (check_id) DO NOTHING
"""
_DELETE_OLD: Final = """
    DELETE FROM conservation_check
     WHERE check_id IN (SELECT check_id
                          FROM conservation_check
                         ORDER BY checked_at DESC, check_id
                        OFFSET $1)
"""
_SELECT_LAST: Final = """
    SELECT result
      FROM conservation_check
     ORDER BY checked_at DESC, check_id
     LIMIT $1
"""
_SELECT_VERDICT: Final = """
    SELECT checked_at, holds
      FROM conservation_check
     ORDER BY checked_at DESC, check_id
     LIMIT 1
"""


class Verdict(NamedTuple):
    """When the last check began, and whether all of it holds."""

    checked_at: datetime
    holds: bool


async def save_checks(conn: Connection, checks: Sequence[ConservationChecked]) -> None:
    """Store results; of equal ids the first stays, and of all only the newest."""
    await conn.execute(
        _INSERT_CHECKS,
        [each.check_id for each in checks],
        [each.checked_at for each in checks],
        [each.holds for each in checks],
        [each.model_dump_json() for each in checks],
    )
    await conn.execute(_DELETE_OLD, KEPT)


async def load_last_checks(pool: Pool, limit: int) -> list[ConservationChecked]:
    """Return the newest results, newest first."""
    rows = await pool.fetch(_SELECT_LAST, limit, timeout=_TIMEOUT_S)
    return [ConservationChecked.model_validate_json(row["result"]) for row in rows]


async def find_verdict(pool: Pool) -> Verdict | None:
    """Return the newest verdict; None before the first check."""
    row = await pool.fetchrow(_SELECT_VERDICT, timeout=_TIMEOUT_S)
    return Verdict(**row) if row else None
