"""The SQL that a batch writes with. ``COLUMNS`` fixes the order of values in the rows to insert."""

from collections.abc import Mapping
from typing import Final

COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    "case_now": {
        "case_id": "text",
        "lane": "integer",
        "version": "bigint",
        "city": "text",
        "area": "text",
        "status": "text",
        "department": "text",
        "class_code": "text",
        "channel": "text",
        "matched_within": "text",
        "past": "boolean",
        "latitude": "double precision",
        "longitude": "double precision",
        "square": "bigint",
        "reported_at": "timestamptz",
        "recurs_until": "timestamptz",
        "ended_at": "timestamptz",
        "awaits_call": "boolean",
        "held": "boolean",
        "overdue": "boolean",
        "pending_request": "text",
        "due_soon": "boolean",
        "level": "text",
        "source": "text",
        "places": "text",
        "next_due_at": "timestamptz",
        "number": "text",
        "answerable": "text",
        "chain": "bytea",
    },
    "history": {"case_id": "text", "version": "bigint", "event": "bytea", "chain": "bytea"},
    "case_report": {
        "case_id": "text",
        "number": "integer",
        "report_id": "uuid",
        "source": "text",
        "report": "bytea",
    },
    "outcome": {
        "id": "uuid",
        "about": "text",
        "result": "text",
        "why": "text",
        "area": "text",
        "case_id": "text",
        "case_version": "bigint",
        "digest": "bytea",
        "sender": "text",
        "decided_at": "timestamptz",
    },
    "helper": {"department": "text", "case_id": "text"},
}

UPSERT_PACKS_IN_FORCE: Final = """
    INSERT INTO lane_city (lane, city, version, in_force_at)
    SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::timestamptz[])
        ON CONFLICT (lane, city) DO UPDATE
       SET version = EXCLUDED.version,
           in_force_at = EXCLUDED.in_force_at
"""

# The mark of an older release, repeated late, changes nothing.
UPSERT_RELEASE: Final = """
    INSERT INTO lane_release (lane, number)
    VALUES ($1, $2)
        ON CONFLICT (lane) DO UPDATE
       SET number = greatest(lane_release.number, EXCLUDED.number)
"""

UPDATE_CASES: Final = """
    UPDATE case_now AS c
       SET version = changed.version,
           status = changed.status,
           department = changed.department,
           class_code = changed.class_code,
           reported_at = changed.reported_at,
           latitude = changed.latitude,
           longitude = changed.longitude,
           square = CASE WHEN changed.is_reindexed THEN changed.square ELSE c.square END,
           recurs_until = CASE WHEN changed.is_reindexed THEN changed.recurs_until ELSE c.recurs_until END,
           ended_at = changed.ended_at,
           awaits_call = changed.awaits_call,
           held = changed.held,
           overdue = changed.overdue,
           pending_request = changed.pending_request,
           due_soon = changed.due_soon,
           level = changed.level,
           places = changed.places,
           next_due_at = changed.next_due_at,
           chain = changed.chain,
           answerable = changed.answerable,
           priority = CASE WHEN changed.ended_at IS NULL THEN c.priority END
      FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
           $7::double precision[], $8::double precision[], $9::boolean[], $10::bigint[], $11::timestamptz[],
           $12::timestamptz[], $13::boolean[], $14::boolean[], $15::boolean[], $16::text[], $17::boolean[],
           $18::text[], $19::text[], $20::timestamptz[], $21::bytea[], $22::text[])
           AS changed (case_id, version, status, department, class_code, reported_at, latitude, longitude,
                       is_reindexed, square, recurs_until, ended_at, awaits_call, held, overdue, pending_request,
                       due_soon, level, places, next_due_at, chain, answerable)
     WHERE c.case_id = changed.case_id
"""

REPLACE_DEAD_LETTER_OUTCOMES: Final = """
    UPDATE outcome
       SET result = replacement.result,
           why = replacement.why,
           area = replacement.area,
           case_id = replacement.case_id,
           case_version = replacement.case_version,
           digest = replacement.digest,
           sender = replacement.sender,
           decided_at = replacement.decided_at
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bytea[],
           $9::text[], $10::timestamptz[])
           AS replacement (id, about, result, why, area, case_id, case_version, digest, sender, decided_at)
     WHERE outcome.id = replacement.id
       AND outcome.result = 'dead_lettered'
"""

INSERT_NOTED_REPORTS: Final = """
    INSERT INTO noted_report (report_id, lane, city, area, source, rule, city_version, recorded_at, report)
    SELECT * FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                         $8::timestamptz[], $9::bytea[])
"""

UPDATE_REPLIES: Final = """
    UPDATE noted_report AS n
       SET answer = reply.text,
           adopted = reply.adopted,
           answered_at = reply.replied_at
      FROM unnest($1::uuid[], $2::text[], $3::boolean[], $4::timestamptz[])
           AS reply (report_id, text, adopted, replied_at)
     WHERE n.report_id = reply.report_id
"""

INSERT_PHOTOS: Final = """
    INSERT INTO photo (lane, ref, case_id, holder, stored_at)
    SELECT * FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
        ON CONFLICT DO NOTHING
"""

USE_PHOTOS: Final = """
    UPDATE photo
       SET used = true,
           used_round = coalesce(photo.used_round, CASE WHEN photo.used THEN 1 ELSE proof.round END)
      FROM unnest($1::text[], $2::text[], $3::integer[]) AS proof (ref, case_id, round)
     WHERE photo.ref = proof.ref
       AND photo.case_id = proof.case_id
"""

DELETE_HELPERS: Final = """
    DELETE FROM helper
     WHERE case_id = ANY($1::text[])
"""


def _insert_statement(table: str) -> str:
    columns = COLUMNS[table]
    arrays = ", ".join(f"${number}::{type_}[]" for number, type_ in enumerate(columns.values(), 1))
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"


INSERT_ROWS: Final[Mapping[str, str]] = {table: _insert_statement(table) for table in COLUMNS}
"""By table."""
