"""SQL of the consumer and of the word index. The caller owns the transaction."""

from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

import asyncpg

from paidan_chassis.database import Connection
from paidan_cockpit.case_rows import CountedReport, ReadModelRow
from paidan_cockpit.facets import facets_of

COLUMN_TYPES: Final = {
    "case_id": "text",
    "version": "bigint",
    "number": "text",
    "city": "text",
    "city_version": "text",
    "status": "text",
    "source": "text",
    "channel": "text",
    "class_code": "text",
    "row_id": "text",
    "district": "text",
    "street": "text",
    "community": "text",
    "grid": "text",
    "address": "text",
    "latitude": "float8",
    "longitude": "float8",
    "text": "text",
    "more_text": "text",
    "text_digest": "bigint",
    "confidential": "boolean",
    "department": "text",
    "helpers": "text",  # joined by commas: unnest would flatten arrays of arrays
    "reports": "bigint",
    "round": "bigint",
    "hops": "bigint",
    "reopened": "bigint",
    "urged": "bigint",
    "held": "boolean",
    "awaits_call": "boolean",
    "rating": "text",
    "past": "boolean",
    "reported_at": "timestamptz",
    "ended_at": "timestamptz",
    "due_kind": "text",
    "due_at": "timestamptz",
}
_ARRAYS: Final = ", ".join(f"${number}::{type_}[]" for number, type_ in enumerate(COLUMN_TYPES.values(), start=1))
_COLUMNS: Final = ", ".join(COLUMN_TYPES)
_VALUES: Final = _COLUMNS.replace(" helpers,", " string_to_array(helpers, ','),")
_REPLACED: Final = ", ".join(f"{name} = EXCLUDED.{name}" for name in COLUMN_TYPES if name != "case_id")

# Words wait in a queue that rows are only added to, so that a lane never waits for the word index.
QUEUE_WORDS: Final = """
    INSERT INTO word_queue (case_id)
    SELECT case_id
      FROM unnest($1::text[], $2::bigint[]) AS incoming (case_id, text_digest)
     WHERE text_digest IS DISTINCT FROM (SELECT case_row.text_digest
                                           FROM case_row
                                          WHERE case_row.case_id = incoming.case_id)
"""
# Old versions and repeats change nothing.
SAVE_ROWS: Final = f"""
    INSERT INTO case_row ({_COLUMNS})
    SELECT {_VALUES}
      FROM unnest({_ARRAYS}) AS incoming ({_COLUMNS})
     ORDER BY case_id
        ON CONFLICT (case_id) DO UPDATE
       SET {_REPLACED}
     WHERE case_row.version < EXCLUDED.version
"""
SAVE_REPORTS: Final = """
    INSERT INTO report_row (report_id, city, source, recorded_at)
    SELECT *
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[])
        ON CONFLICT DO NOTHING
"""
# Planned for each batch: while a table is small, any index of it is as good as another, and a plan of that time would
# read all of one for every row once it is large.
PLANNER_SETTINGS: Final = """
    SELECT set_config('enable_seqscan', 'off', false),
           set_config('plan_cache_mode', 'force_custom_plan', false)
"""
TAKE_QUEUED: Final = """
    DELETE FROM word_queue
     WHERE queue_id IN (SELECT queue_id
                          FROM word_queue
                         ORDER BY queue_id
                         LIMIT $1
                           FOR UPDATE SKIP LOCKED)
    RETURNING case_id
"""
SELECT_TEXTS: Final = """
    SELECT case_id, city, reported_at, text, more_text, address, status, class_code, source, district, street,
           community, department, helpers
      FROM case_row
     WHERE case_id = ANY($1::text[])
     ORDER BY case_id
"""
# One process at a time: a slower one would put back the words that it read before.
LOCK_INDEX: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('paidan cockpit words', 0))"
SAVE_WORDS: Final = """
    INSERT INTO case_words (case_id, city, reported_at, words)
    SELECT case_id, city, reported_at, string_to_array(words, ' ')
      FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[])
        AS incoming (case_id, city, reported_at, words)
        ON CONFLICT (case_id) DO UPDATE
       SET words = EXCLUDED.words
"""


class CaseText(NamedTuple):
    """The words of a case, what else it is found by, and what its entry in the word index is ordered by."""

    case_id: str
    city: str
    reported_at: object
    text: str
    facets: list[str]


async def set_planner_options(conn: Connection) -> None:
    """Let the session use indexes from the first batch on."""
    await conn.execute(PLANNER_SETTINGS)


async def save_rows(conn: Connection, rows: Sequence[ReadModelRow]) -> None:
    """Store the rows of cases, one a case, where they are newer than what is stored; queue those with new words."""
    await conn.execute(QUEUE_WORDS, [row.case_id for row in rows], [row.text_digest for row in rows])
    columns = [list(column) for column in zip(*rows, strict=True)]
    helpers = list(COLUMN_TYPES).index("helpers")
    columns[helpers] = [",".join(each) for each in columns[helpers]]
    await conn.execute(SAVE_ROWS, *columns)


async def save_reports(conn: Connection, reports: Collection[CountedReport]) -> None:
    """Store reports that are not known yet."""
    columns = zip(*sorted(reports), strict=True)
    await conn.execute(SAVE_REPORTS, *(list(column) for column in columns))


async def take_queued_texts(conn: Connection, limit: int) -> list[CaseText]:
    """Take cases from the queue of the word index; return their words. Empty: nothing waits, or another process."""
    if not await conn.fetchval(LOCK_INDEX):
        return []
    taken = sorted({row["case_id"] for row in await conn.fetch(TAKE_QUEUED, limit)})
    rows = await conn.fetch(SELECT_TEXTS, taken) if taken else []
    return [_case_text(row) for row in rows]


def _case_text(row: asyncpg.Record) -> CaseText:
    text = "\n".join(filter(None, (row["text"], row["more_text"], row["address"])))
    places = (row["district"], row["street"], row["community"])
    departments = (row["department"], *row["helpers"])
    facets = facets_of(row["status"], row["class_code"], row["source"], places, departments)
    return CaseText(row["case_id"], row["city"], row["reported_at"], text, list(facets))


async def save_words(conn: Connection, texts: Sequence[CaseText], words: Sequence[Sequence[str]]) -> None:
    """Store the words of cases."""
    await conn.execute(
        SAVE_WORDS,
        [each.case_id for each in texts],
        [each.city for each in texts],
        [each.reported_at for each in texts],
        [" ".join(each) for each in words],
    )
