"""The SQL of what a batch reads and changes of emergencies, and of the place of their cases in queues."""

from typing import Final

SELECT_DECLARED: Final = """
    SELECT lane, declaration, ending
      FROM emergency
     WHERE lane = ANY($1::integer[])
       AND (ended_at IS NULL OR declaration_id = ANY($2::uuid[]))
"""
SELECT_AREAS: Final = """
    SELECT area, lane, declaration, ended_at, step, portion, until_reported_at, until_case, shortened, restored
      FROM emergency_area
     WHERE lane = ANY($1::integer[])
       AND (step IS NOT NULL OR ended_at IS NULL OR declaration_id = ANY($2::uuid[]))
"""
UPSERT_DECLARED: Final = """
    INSERT INTO emergency (declaration_id, lane, city, declared_at, ends_at, ended_at, declaration, ending)
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::timestamptz[], $5::timestamptz[],
                         $6::timestamptz[], $7::bytea[], $8::bytea[])
        ON CONFLICT (declaration_id) DO UPDATE
       SET ended_at = EXCLUDED.ended_at,
           ending = EXCLUDED.ending
"""
UPSERT_AREAS: Final = """
    INSERT INTO emergency_area (area, declaration_id, lane, declaration, ended_at, step, portion, until_reported_at,
                                until_case, shortened, restored)
    SELECT * FROM unnest($1::text[], $2::uuid[], $3::integer[], $4::bytea[], $5::timestamptz[], $6::text[],
                         $7::integer[], $8::timestamptz[], $9::text[], $10::integer[], $11::integer[])
        ON CONFLICT (area, declaration_id) DO UPDATE
       SET ended_at = EXCLUDED.ended_at,
           step = EXCLUDED.step,
           portion = EXCLUDED.portion,
           until_reported_at = EXCLUDED.until_reported_at,
           until_case = EXCLUDED.until_case,
           shortened = EXCLUDED.shortened,
           restored = EXCLUDED.restored
"""
INSERT_CASES: Final = """
    INSERT INTO emergency_case (declaration_id, case_id, lane, priority)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[])
        ON CONFLICT DO NOTHING
"""
DELETE_CASES: Final = """
    DELETE FROM emergency_case
     USING unnest($1::uuid[], $2::text[]) AS released (declaration_id, case_id)
     WHERE emergency_case.declaration_id = released.declaration_id
       AND emergency_case.case_id = released.case_id
"""
RAISE_PRIORITIES: Final = """
    UPDATE case_now AS c
       SET priority = concerned.priority
      FROM unnest($1::text[], $2::integer[]) AS concerned (case_id, priority)
     WHERE c.case_id = concerned.case_id
       AND c.ended_at IS NULL
       AND coalesce(c.priority, 0) < concerned.priority
"""
LOWER_PRIORITIES: Final = """
    UPDATE case_now AS c
       SET priority = (SELECT nullif(least(c.priority, coalesce(max(priority), 0)), 0)
                         FROM emergency_case
                        WHERE emergency_case.case_id = c.case_id)
     WHERE c.case_id = ANY($1::text[])
       AND c.priority IS NOT NULL
"""
