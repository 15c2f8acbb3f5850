"""SQL of the consumer and of the word queue. The caller owns the transaction."""

from collections.abc import Collection, Sequence
from typing import Final

from paidan_chassis.database import Connection
from paidan_cockpit.case_rows import CountedReport, ReadModelRow
from paidan_cockpit.case_texts import CaseText, words_of_case

_COLUMNS: Final = ", ".join(ReadModelRow._fields)
_REPLACED: Final = ", ".join(f"{name} = EXCLUDED.{name}" for name in ReadModelRow._fields if name != "case_id")

SELECT_DIGESTS: Final = """
    SELECT case_id, text_digest
      FROM case_row
     WHERE case_id = ANY($1::text[])
"""
# Old versions and repeats change nothing. Words come where they are new, and follow the row that they are of.
SAVE_CASES: Final = f"""
      WITH incoming AS MATERIALIZED (
           SELECT *
             FROM unnest($1::incoming_marked_case[])
      ), saved AS (
           INSERT INTO case_row ({_COLUMNS})
           SELECT {_COLUMNS}
             FROM incoming
            ORDER BY case_id
               ON CONFLICT (case_id) DO UPDATE
              SET {_REPLACED}
            WHERE case_row.version < EXCLUDED.version
        RETURNING case_id
      ), counted AS (
           INSERT INTO report_row (report_id, city, source, recorded_at)
           SELECT *
             FROM unnest($2::incoming_report[])
               ON CONFLICT DO NOTHING
      )
    INSERT INTO case_words (case_id, city, reported_at, words)
    SELECT case_id, city, reported_at, string_to_array(words, ' ')
      FROM incoming
      JOIN saved USING (case_id)
     WHERE words IS NOT NULL
     ORDER BY case_id
        ON CONFLICT (case_id) DO UPDATE
       SET words = EXCLUDED.words
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
# Locked, so that no lane's newer words are overwritten.
SELECT_TEXTS: Final = f"""
    SELECT {", ".join(CaseText._fields)}
      FROM case_row
     WHERE case_id = ANY($1::text[])
     ORDER BY case_id
       FOR SHARE
"""
# One process at a time.
LOCK_INDEX: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('paidan cockpit words', 0))"
SAVE_WORDS: Final = """
    INSERT INTO case_words (case_id, city, reported_at, words)
    SELECT case_id, city, reported_at, string_to_array(words, ' ')
      FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::text[])
        AS incoming (case_id, city, reported_at, words)
        ON CONFLICT (case_id) DO UPDATE
       SET words = EXCLUDED.words
"""


async def set_planner_options(conn: Connection) -> None:
    """Let the session use indexes from the first batch on."""
    await conn.execute(PLANNER_SETTINGS)


async def save_cases(conn: Connection, rows: Sequence[ReadModelRow], reports: Collection[CountedReport]) -> None:
    """Store the rows of cases, one a case, and new words, where they are newer than what is stored; and new reports."""
    digests = dict(await conn.fetch(SELECT_DIGESTS, [row.case_id for row in rows]))
    incoming = [(*row, None if row.text_digest == digests.get(row.case_id) else words_of_case(row)) for row in rows]
    await conn.execute(SAVE_CASES, incoming, sorted(reports))


async def take_queued_texts(conn: Connection, limit: int) -> list[CaseText]:
    """Take cases from the queue of the word index; return their words. Empty: nothing waits, or another process."""
    if not await conn.fetchval(LOCK_INDEX):
        return []
    taken = sorted({row["case_id"] for row in await conn.fetch(TAKE_QUEUED, limit)})
    rows = await conn.fetch(SELECT_TEXTS, taken) if taken else []
    return [CaseText(*row) for row in rows]


async def save_words(conn: Connection, texts: Sequence[CaseText]) -> None:
    """Store the words of cases."""
    words = [words_of_case(each) for each in texts]
    await conn.execute(
        SAVE_WORDS,
        [each.case_id for each in texts],
        [each.city for each in texts],
        [each.reported_at for each in texts],
        words,
    )
