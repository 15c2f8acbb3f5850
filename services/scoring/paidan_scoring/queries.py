"""SQL that folds facts into tables. The caller owns the transaction."""

from collections.abc import Sequence
from typing import Final

from paidan_chassis.consumer.writes import Write, combine
from paidan_chassis.database import Connection
from paidan_scoring.facts import FactRow

# A plan made while the table was small would read all of it for every row once it is large; and planning again for
# every batch costs as much as a small batch itself. The session keeps the settings, if the transaction commits.
_PLANNER_SETTINGS: Final = """
    SELECT set_config('enable_seqscan', 'off', false),
           set_config('plan_cache_mode', 'force_generic_plan', false)
"""

# Each incoming row beside the fact that it would replace; old versions and repeats fall out here. The fact is then
# found again by its place in the table (ctid), which saves half the work: nobody else changes a lane's facts within the
# statement, or the fence fails it.
_PAIRED: Final = """
    SELECT incoming.*,
           old.ctid AS old_ctid,
           old.partition AS old_partition,
           old.city AS old_city,
           old.day AS old_day,
           old.department AS old_department,
           old.district AS old_district,
           old.street AS old_street,
           old.class_code AS old_class_code,
           old.source AS old_source,
           old.facts AS old_facts
      FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::integer[], $5::text[], $6::date[], $7::text[],
                  $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[])
        AS incoming (case_id, assignment, version, partition, city, day, department,
                     district, street, class_code, source, facts)
      LEFT JOIN LATERAL (
           SELECT ctid, version, partition, city, day, department, district, street, class_code, source, facts
             FROM fact
            WHERE fact.case_id = incoming.case_id
              AND fact.assignment = incoming.assignment
            LIMIT 1
      ) AS old ON true
     WHERE old.version IS NULL
        OR old.version < incoming.version
"""
_RENEWED: Final = """
    UPDATE fact
       SET version = paired.version,
           partition = paired.partition,
           city = paired.city,
           day = paired.day,
           department = paired.department,
           district = paired.district,
           street = paired.street,
           class_code = paired.class_code,
           source = paired.source,
           facts = paired.facts
      FROM paired
     WHERE fact.ctid = paired.old_ctid
"""
_ADDED: Final = """
    INSERT INTO fact (case_id, assignment, version, partition, city, day, department,
                      district, street, class_code, source, facts)
    SELECT case_id, assignment, version, partition, city, day, department,
           district, street, class_code, source, facts
      FROM paired
     WHERE old_ctid IS NULL
"""
# Rows that leave the tallies (-1) and rows that enter them (1); equal ones cancel out.
_MOVED: Final = """
    SELECT partition, city, day, department, district, street, class_code, source, facts,
           sum(delta)::integer AS number
      FROM (
           SELECT partition, city, day, department, district, street, class_code, source, facts, 1 AS delta
             FROM paired
            UNION ALL
           SELECT old_partition, old_city, old_day, old_department, old_district, old_street, old_class_code,
                  old_source, old_facts, -1
             FROM paired
            WHERE old_ctid IS NOT NULL
      ) AS change
     GROUP BY partition, city, day, department, district, street, class_code, source, facts
    HAVING sum(delta) <> 0
"""
_COUNTED: Final = """
    INSERT INTO tally (city, day, dimension, key, facts, partition, number)
    SELECT moved.city, day, dimension, key, facts, partition, sum(number)
      FROM moved
     CROSS JOIN LATERAL (VALUES ('city', moved.city), ('department', department), ('district', district),
                                ('street', street), ('class', class_code), ('source', source)
                        ) AS counted_under (dimension, key)
     GROUP BY moved.city, day, dimension, key, facts, partition
    HAVING sum(number) <> 0
        ON CONFLICT (city, dimension, day, key, facts, partition) DO UPDATE
       SET number = tally.number + EXCLUDED.number
"""
_MARKED: Final = """
    INSERT INTO mark (city, day)
    SELECT DISTINCT city, day
      FROM moved
"""


async def set_planner_options(conn: Connection) -> None:
    """Set the planner's options for this session."""
    await conn.execute(_PLANNER_SETTINGS)


def fold_writes(rows: Sequence[FactRow]) -> list[Write]:
    """Return what stores rows that are newer than the stored ones, and moves the tallies with them.

    A case and assignment may be in ``rows`` once only. The fence keeps two owners from folding the same case at the
    same time.
    """
    if not rows:
        return []
    return [
        Write("paired", _PAIRED, tuple(zip(*rows, strict=True))),
        Write("renewed", _RENEWED),
        Write("added", _ADDED),
        Write("moved", _MOVED),
        Write("counted", _COUNTED),
        Write("marked", _MARKED),
    ]


async def fold(conn: Connection, rows: Sequence[FactRow]) -> int:
    """Execute ``fold_writes``; returns how many rows were newer. ``set_planner_options`` comes before."""
    if not rows:
        return 0
    sql, arguments = combine(fold_writes(rows), "SELECT count(*) FROM paired")
    return int(await conn.fetchval(sql, *arguments))
