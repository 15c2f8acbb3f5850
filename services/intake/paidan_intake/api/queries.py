"""The SQL of HTTP reads about reports and photos, one function a statement."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from paidan_chassis.database import Executor, Pool
from paidan_intake.vault_entries import CaseBounds


@dataclass(frozen=True, slots=True)
class ReportWithStatus:
    """A report, its outcome, and the status of its case. ``row`` has the fields of the API's ``ReportStatus``."""

    source: str
    city: str
    row: dict[str, Any]
    bounds: CaseBounds | None
    """None while it has no case, or it is not known where that lies."""


_SELECT_REPORT: Final = """
    SELECT v.report_id::text, v.source, v.source_ref, v.city, v.recorded_at,
           COALESCE(o.result, 'waiting') AS stands, o.reason, o.message, o.message_zh, o.case_id,
           c.status, c.version, COALESCE(c.answer, o.answer) AS answer, c.due_at,
           COALESCE(c.changed_at, o.answered_at, o.decided_at) AS changed_at, c.class_code, c.places
      FROM vault v
      LEFT JOIN outcome o USING (report_id)
      LEFT JOIN standing c ON c.case_id = o.case_id
     WHERE v.report_id = $1::uuid
"""


async def find_report(executor: Executor, report_id: str) -> ReportWithStatus | None:
    """Return a report with its status; None when the id is unknown."""
    found = await executor.fetchrow(_SELECT_REPORT, report_id)
    if found is None:
        return None
    row = dict(found)
    bounds = CaseBounds.of(row.pop("class_code"), row.pop("places"))
    return ReportWithStatus(row["source"], row["city"], row, bounds)


_SELECT_TAGS: Final = """
    SELECT v.report_id::text, concat_ws('/', o.result, o.case_id, o.answered_at, c.version) AS tag
      FROM vault v
      LEFT JOIN outcome o USING (report_id)
      LEFT JOIN standing c ON c.case_id = o.case_id
     WHERE v.report_id = ANY($1::uuid[])
"""


async def load_report_tags(pool: Pool, report_ids: Collection[str]) -> dict[str, str]:
    """Return for each report a text that differs once its status or its answer has changed."""
    rows = await pool.fetch(_SELECT_TAGS, report_ids, timeout=10)
    return {row["report_id"]: row["tag"] for row in rows}


_SELECT_ORDER: Final = """
    SELECT EXISTS (
        SELECT FROM case_photo p
          JOIN standing s USING (case_id)
         WHERE p.ref = $1 AND $2 = ANY(s.departments))
"""


async def has_order_with_photo(executor: Executor, ref: str, department: str) -> bool:
    """Return whether a department has an order in a case that this photo belongs to."""
    return bool(await executor.fetchval(_SELECT_ORDER, ref, department))


_SELECT_PHOTO_CASES: Final = """
    SELECT class_code, places
      FROM case_photo
      JOIN standing USING (case_id)
     WHERE ref = $1
       AND places IS NOT NULL
"""


async def load_photo_bounds(executor: Executor, ref: str) -> list[CaseBounds]:
    """Return class and place of each case that a photo belongs to, as far as they are known."""
    return [CaseBounds(**row) for row in await executor.fetch(_SELECT_PHOTO_CASES, ref)]


_SELECT_CASE: Final = """
    SELECT class_code, places
      FROM standing
     WHERE case_id = $1
"""


async def find_case_bounds(executor: Executor, case_id: str) -> CaseBounds | None:
    """Return class and place of a case; None while they are not known."""
    row = await executor.fetchrow(_SELECT_CASE, case_id)
    return CaseBounds.of(row["class_code"], row["places"]) if row else None


_SELECT_HOLDERS: Final = """
    SELECT holder, city
      FROM photo
     WHERE ref = $1
"""


async def load_photo_holders(executor: Executor, ref: str) -> Mapping[str, str]:
    """Return who uploaded a photo, and for which city each did."""
    return {row["holder"]: row["city"] for row in await executor.fetch(_SELECT_HOLDERS, ref)}
