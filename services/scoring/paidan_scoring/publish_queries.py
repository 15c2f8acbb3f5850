"""SQL for publishing scores, one function each. These and lanes never wait for each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NamedTuple

from paidan_chassis.database import Connection
from paidan_contracts.ids import cause_id
from paidan_contracts.scores import Dimension, ScoreUpdated
from paidan_scoring.indicator_values import Ratio, ScoreName, Tally
from paidan_scoring.periods import Period

_LOCK_ID: Final = int.from_bytes(cause_id("lock", "paidan.scores").bytes[:8], signed=True)


async def try_lock(conn: Connection) -> bool:
    """Acquire the publisher's lock for this session; False when another process holds it."""
    return bool(await conn.fetchval("SELECT pg_try_advisory_lock($1)", _LOCK_ID))


async def unlock(conn: Connection) -> None:
    """Release the publisher's lock."""
    await conn.execute("SELECT pg_advisory_unlock($1)", _LOCK_ID)


@dataclass(frozen=True, slots=True)
class DirtyDays:
    """Days of a city whose tallies changed, and the marks that recorded it."""

    city: str
    days: frozenset[date]
    mark_ids: tuple[int, ...]


_SELECT_MARKS: Final = """
    SELECT city, array_agg(DISTINCT day) AS days, array_agg(mark_id) AS mark_ids
      FROM (SELECT mark_id, city, day FROM mark ORDER BY mark_id LIMIT 50000) AS oldest
     GROUP BY city
     ORDER BY city
"""


async def load_dirty_days(conn: Connection) -> Sequence[DirtyDays]:
    """Return the days that changed. Later changes have marks of their own."""
    rows = await conn.fetch(_SELECT_MARKS)
    return [DirtyDays(row["city"], frozenset(row["days"]), tuple(row["mark_ids"])) for row in rows]


async def delete_marks(conn: Connection, mark_ids: Sequence[int]) -> None:
    """Delete marks whose days have been computed."""
    await conn.execute("DELETE FROM mark WHERE mark_id = ANY($1::bigint[])", mark_ids)


_INSERT_MARKS: Final = """
    INSERT INTO mark (city, day)
    SELECT DISTINCT city, day
      FROM tally
     WHERE city = $1
       AND dimension = 'city'
       AND EXISTS (SELECT
                     FROM score
                    WHERE score.city = $1
                      AND version > 0
                      AND indicator_version <> $2
                      AND (numerator, denominator) <> (0, 0))
"""


async def mark_if_redefined(conn: Connection, city: str, *, indicator_version: str) -> None:
    """Mark every day of a city whose scores were published by another version of its indicators.

    A score of a key that nothing is counted under any more is 0 of 0 by any version.
    """
    await conn.execute(_INSERT_MARKS, city, indicator_version)


_SELECT_TALLIES: Final = """
    SELECT dimension, key, facts, sum(number)::bigint AS number
      FROM tally
     WHERE city = $1
       AND dimension = ANY($2::text[])
       AND day BETWEEN $3 AND $4
     GROUP BY dimension, key, facts
    HAVING sum(number) <> 0
"""


async def load_tallies(
    conn: Connection, city: str, period: Period, dimensions: Sequence[Dimension]
) -> dict[Dimension, list[Tally]]:
    """Return a period's tallies under every dimension, in one snapshot."""
    tallies: dict[Dimension, list[Tally]] = {dimension: [] for dimension in dimensions}
    for row in await conn.fetch(_SELECT_TALLIES, city, dimensions, period.first, period.last):
        tallies[row["dimension"]].append(Tally(row["key"], row["facts"], row["number"]))
    return tallies


class ScoreValue(NamedTuple):
    """A score as it was just computed."""

    name: ScoreName
    ratio: Ratio


# A version is the real time in milliseconds, or one more than the last: a database restored to an earlier moment must
# not publish other values under versions that readers have seen and would keep.
_NEXT_VERSION: Final = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_UPSERT_SCORES: Final = f"""
    INSERT INTO score (score_id, city, period, dimension, key, indicator, indicator_version,
                       numerator, denominator, version, computed_at)
    SELECT score_id, $2, $3, dimension, key, indicator, $4, numerator, denominator, {_NEXT_VERSION}, $5
      FROM unnest($1::uuid[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[])
        AS computed (score_id, dimension, key, indicator, numerator, denominator)
        ON CONFLICT (score_id) DO UPDATE
       SET numerator = EXCLUDED.numerator,
           denominator = EXCLUDED.denominator,
           indicator_version = EXCLUDED.indicator_version,
           version = GREATEST(score.version + 1, EXCLUDED.version),
           computed_at = EXCLUDED.computed_at
     WHERE score.version = 0
        OR (score.numerator, score.denominator, score.indicator_version)
           <> (EXCLUDED.numerator, EXCLUDED.denominator, EXCLUDED.indicator_version)
"""
# A key that nothing is counted under any more: its last score must not stay for ever.
_ZERO_STALE_SCORES: Final = f"""
    UPDATE score
       SET numerator = 0,
           denominator = 0,
           indicator_version = $4,
           version = GREATEST(version + 1, {_NEXT_VERSION}),
           computed_at = $5
     WHERE city = $2
       AND period = $3
       AND version > 0
       AND (numerator, denominator) <> (0, 0)
       AND NOT score_id = ANY($1::uuid[])
"""


@dataclass(frozen=True, slots=True)
class ScoreSet:
    """All scores of a city in one period, computed at one time by one version of its indicators."""

    city: str
    period: str
    indicator_version: str
    computed_at: datetime
    values: Sequence[ScoreValue]


async def save_scores(conn: Connection, score_set: ScoreSet) -> None:
    """Store each score that differs from its last version under its next one."""
    value_by_id = {value.name.score_id: value for value in score_set.values}
    ids = sorted(value_by_id)  # one order for all: no deadlocks
    ordered = [value_by_id[score_id] for score_id in ids]
    names = [value.name for value in ordered]
    shared_arguments = (
        ids,
        score_set.city,
        score_set.period,
        score_set.indicator_version,
        score_set.computed_at,
    )
    await conn.execute(
        _UPSERT_SCORES,
        *shared_arguments,
        [name.by for name in names],
        [name.key for name in names],
        [name.indicator for name in names],
        [value.ratio.numerator for value in ordered],
        [value.ratio.denominator for value in ordered],
    )
    await conn.execute(_ZERO_STALE_SCORES, *shared_arguments)


_SELECT_UNPUBLISHED: Final = """
    SELECT score_id::text, version, city, period, dimension, key, indicator, indicator_version,
           numerator, denominator, computed_at
      FROM score
     WHERE published < version
     ORDER BY score_id
     LIMIT $1
"""


async def load_unpublished(conn: Connection, limit: int) -> Sequence[ScoreUpdated]:
    """Return scores that Kafka has not acknowledged yet."""
    return [
        ScoreUpdated(
            score_id=row["score_id"],
            version=row["version"],
            city=row["city"],
            period=row["period"],
            by=row["dimension"],
            key=row["key"],
            indicator=row["indicator"],
            indicator_version=row["indicator_version"],
            numerator=row["numerator"],
            denominator=row["denominator"],
            value=Ratio(row["numerator"], row["denominator"]).value,
            computed_at=row["computed_at"],
        )
        for row in await conn.fetch(_SELECT_UNPUBLISHED, limit)
    ]


_UPDATE_PUBLISHED: Final = """
    UPDATE score
       SET published = sent.version
      FROM unnest($1::uuid[], $2::bigint[]) AS sent (score_id, version)
     WHERE score.score_id = sent.score_id
       AND score.published < sent.version
"""


async def save_published(conn: Connection, sent: Sequence[ScoreUpdated]) -> None:
    """Record what Kafka has acknowledged."""
    await conn.execute(_UPDATE_PUBLISHED, [score.score_id for score in sent], [score.version for score in sent])
