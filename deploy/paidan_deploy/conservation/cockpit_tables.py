"""What the cockpit's read model holds, as the conservation check reads it. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from paidan_chassis.database import Connection
from paidan_deploy.conservation.cases_log import ShownCase
from paidan_deploy.conservation.cockpit_logs import LoggedNotedReport, LoggedScore, TallyKey, TallyRow

SELECT_CASES: Final = """
    SELECT case_id, version, status, reports
      FROM cockpit.case_row
"""
COUNT_REPORTS: Final = """
    SELECT count(*)
      FROM cockpit.report_row
"""
SELECT_NOT_INDEXED: Final = """
    SELECT case_id
      FROM cockpit.case_row
    EXCEPT
   (SELECT case_id FROM cockpit.case_words UNION ALL SELECT case_id FROM cockpit.word_queue)
"""
SELECT_ACTIVE_DIFFERENCES: Final = """
      WITH due AS MATERIALIZED (
           SELECT due_at, reported_at, hops, awaits_call, past, confidential, ended_at, latitude, longitude, city,
                  status, source, class_code, district, street, department, community, helpers, number, case_id,
                  marks
             FROM cockpit.case_row
            WHERE ended_at IS NULL
               OR awaits_call
      ), kept AS MATERIALIZED (
           SELECT due_at, reported_at, hops, awaits_call, past, confidential, ended_at, latitude, longitude, city,
                  status, source, class_code, district, street, department, community, helpers, number, case_id,
                  marks
             FROM cockpit.active_case
      )
    SELECT case_id
      FROM ((TABLE due EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE due)) AS differing
     GROUP BY case_id
"""
COUNT_ACTIVE: Final = """
    SELECT count(*)
      FROM cockpit.active_case
"""
SELECT_NOTED: Final = """
    SELECT report_id::text, city, source, recorded_at
      FROM cockpit.noted_report
"""
SELECT_TALLIES: Final = """
    SELECT quarter, city, source, reason, alarms, last_at
      FROM cockpit.suppressed_tally
"""
SELECT_SCORES: Final = """
    SELECT score_id::text, version, city, period, indicator, numerator, denominator
      FROM cockpit.city_score
"""


@dataclass(frozen=True, slots=True)
class CockpitTables:
    """What the cockpit stores: of cases, of outcomes that open none, and of scores of whole cities."""

    cases: Mapping[str, ShownCase] = field(default_factory=dict)
    reports: int = 0
    not_indexed: frozenset[str] = frozenset()
    """Cases without words that do not wait for them either."""
    active: int = 0
    active_differing: frozenset[str] = frozenset()
    """Cases that are not among the active ones as they are in the table of all."""
    noted: Mapping[str, LoggedNotedReport] = field(default_factory=dict)
    tallies: Mapping[TallyKey, TallyRow] = field(default_factory=dict)
    scores: Mapping[str, LoggedScore] = field(default_factory=dict)


async def cockpit_tables(conn: Connection) -> CockpitTables:
    """Return what the cockpit stores."""
    return CockpitTables(
        cases={row["case_id"]: ShownCase(*row[1:]) for row in await conn.fetch(SELECT_CASES)},
        reports=int(await conn.fetchval(COUNT_REPORTS)),
        not_indexed=frozenset(row["case_id"] for row in await conn.fetch(SELECT_NOT_INDEXED)),
        active=int(await conn.fetchval(COUNT_ACTIVE)),
        active_differing=frozenset(row["case_id"] for row in await conn.fetch(SELECT_ACTIVE_DIFFERENCES)),
        noted={row["report_id"]: LoggedNotedReport(*row[1:]) for row in await conn.fetch(SELECT_NOTED)},
        tallies={TallyKey(*row[:4]): TallyRow(*row[4:]) for row in await conn.fetch(SELECT_TALLIES)},
        scores={row["score_id"]: LoggedScore(*row[1:]) for row in await conn.fetch(SELECT_SCORES)},
    )
