"""SQL of the reads about reports: those of a case, those to be called back, those that were noted."""

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple

from paidan_chassis.database import Connection, Pool
from paidan_contracts.reports import JoinedReport
from paidan_contracts.wire import Id, Timestamp
from paidan_dispatch.api.report_models import CaseReport, NotedReport

SELECT_JOINED_REPORTS: Final = """
    SELECT number, report
      FROM case_report
     WHERE case_id = $1
       AND number > $2
       AND ($3::text IS NULL OR source = $3)
     ORDER BY number
     LIMIT $4
"""

SELECT_REPORTS_TO_CALL: Final = """
    SELECT report_id::text, report
      FROM case_report
     WHERE case_id = ANY($1::text[])
       AND report_id = ANY($2::uuid[])
"""

SELECT_NOTED: Final = """
    SELECT report_id::text, city, area, rule, city_version, recorded_at, report, answer, adopted, answered_at
      FROM noted_report
     WHERE ($1::text IS NULL OR city = $1)
       AND ($2::boolean IS NULL OR (answered_at IS NOT NULL) = $2)
       AND ($3::timestamptz IS NULL OR (recorded_at, report_id) > ($3, $4::uuid))
     ORDER BY recorded_at, report_id
     LIMIT $5
"""

SELECT_NOTED_AREA: Final = """
    SELECT area
      FROM noted_report
     WHERE report_id = $1::uuid
"""


class NotedPageKey(NamedTuple):
    """The last noted report of a page."""

    recorded_at: Timestamp
    report_id: Id


async def load_joined_reports(
    conn: Connection, case_id: str, *, source: str | None, after: int, limit: int
) -> list[CaseReport]:
    """Return a page of the reports that joined a case, of one source or of all, in order of their arrival."""
    rows = await conn.fetch(SELECT_JOINED_REPORTS, case_id, after, source, limit, timeout=10)
    return [CaseReport(number=row["number"], report=_decode(row["report"])) for row in rows]


async def load_reports_to_call(
    pool: Pool, case_ids: Collection[str], report_ids: Collection[str]
) -> Mapping[str, JoinedReport]:
    """Return these reports of these cases, by id."""
    rows = await pool.fetch(SELECT_REPORTS_TO_CALL, list(case_ids), list(report_ids), timeout=10)
    return {row["report_id"]: _decode(row["report"]) for row in rows}


async def list_noted_reports(
    pool: Pool, *, city: str | None, answered: bool | None, after: NotedPageKey | None, limit: int
) -> list[NotedReport]:
    """Return a page of noted reports, oldest first."""
    at, report_id = after or (None, None)
    rows = await pool.fetch(SELECT_NOTED, city, answered, at, report_id, limit, timeout=10)
    return [_noted_report(row) for row in rows]


async def find_noted_area(pool: Pool, report_id: str) -> str | None:
    """Return the area of a noted report."""
    area: str | None = await pool.fetchval(SELECT_NOTED_AREA, report_id, timeout=10)
    return area


def _noted_report(row: Mapping[str, Any]) -> NotedReport:
    return NotedReport(**{**row, "report": _decode(row["report"])})


def _decode(body: bytes) -> JoinedReport:
    return JoinedReport.model_validate_json(body)
