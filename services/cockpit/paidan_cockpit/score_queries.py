"""SQL of the scores of whole cities: stored when they are published, read by the overview."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from paidan_chassis.database import Connection, Pool

_TIMEOUT_S: Final = 5.0
_SAVE_SCORES: Final = """
    INSERT INTO city_score (score_id, version, city, period, indicator, numerator, denominator)
    SELECT *
      FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[])
        AS incoming (score_id, version, city, period, indicator, numerator, denominator)
     ORDER BY score_id
        ON CONFLICT (score_id) DO UPDATE
       SET version = EXCLUDED.version,
           numerator = EXCLUDED.numerator,
           denominator = EXCLUDED.denominator
     WHERE city_score.version < EXCLUDED.version
"""
_SELECT_SCORES: Final = """
    SELECT score_id::text AS score_id, version, city, period, indicator, numerator, denominator
      FROM city_score
     WHERE city = $1
       AND period = $2
"""


class CityScore(NamedTuple):
    """A row of the table ``city_score``, column by column."""

    score_id: str
    version: int
    city: str
    period: str
    indicator: str
    numerator: int
    denominator: int

    @property
    def value(self) -> float | None:
        """The rate; None, never 0 or 1, where nothing is counted."""
        return self.numerator / self.denominator if self.denominator else None


async def save_scores(conn: Connection, scores: Sequence[CityScore]) -> None:
    """Store scores, one of each id, where they are newer than what is stored."""
    columns = [list(column) for column in zip(*scores, strict=True)]
    await conn.execute(_SAVE_SCORES, *columns)


async def load_scores(pool: Pool, city: str, period: str) -> dict[str, CityScore]:
    """Return the scores of a city in a period, by indicator."""
    rows = await pool.fetch(_SELECT_SCORES, city, period, timeout=_TIMEOUT_S)
    return {row["indicator"]: CityScore(**row) for row in rows}
