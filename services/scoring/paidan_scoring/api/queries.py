"""SQL for HTTP reads, one function each. No statement locks or waits for a lane."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Final, NamedTuple

from pydantic import Field

from paidan_chassis.database import Connection
from paidan_contracts.scores import Dimension
from paidan_contracts.wire import CaseId
from paidan_scoring.fact_bits import FACT_BIT
from paidan_scoring.indicator_values import ScoreName, Tally
from paidan_scoring.periods import Period

FACT_COLUMNS: Final[dict[Dimension, str]] = {
    "city": "city",
    "department": "department",
    "district": "district",
    "street": "street",
    "class": "class_code",
    "source": "source",
}
"""The column of a fact that holds its key under each dimension."""

_SELECT_TALLIES: Final = """
    SELECT key, facts, sum(number)::bigint AS number
      FROM tally
     WHERE city = $1
       AND dimension = $2
       AND day BETWEEN $3 AND $4
       AND ($5::text IS NULL OR key = $5)
     GROUP BY key, facts
    HAVING sum(number) <> 0
"""


async def load_tallies(
    conn: Connection, city: str, period: Period, *, by: Dimension, key: str | None = None
) -> Sequence[Tally]:
    """Return a period's tallies, summed over days and partitions, for every key of a dimension or for one."""
    rows = await conn.fetch(_SELECT_TALLIES, city, by, period.first, period.last, key)
    return [Tally(row["key"], row["facts"], row["number"]) for row in rows]


_INSERT_SCORE_NAMES: Final = """
    INSERT INTO score (score_id, city, period, dimension, key, indicator, indicator_version)
    SELECT *
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
        ON CONFLICT (score_id) DO NOTHING
"""


async def save_score_names(conn: Connection, names: Sequence[ScoreName], *, indicator_version: str) -> None:
    """Store the names of scores that are about to be shown, so that their ids can be resolved."""
    ordered = sorted(names, key=lambda name: name.score_id)  # one order for all: no deadlocks
    await conn.execute(
        _INSERT_SCORE_NAMES,
        [name.score_id for name in ordered],
        [name.city for name in ordered],
        [name.period for name in ordered],
        [name.by for name in ordered],
        [name.key for name in ordered],
        [name.indicator for name in ordered],
        [indicator_version] * len(ordered),
    )


_SELECT_SCORE_NAME: Final = """
    SELECT city, period, dimension, key, indicator
      FROM score
     WHERE score_id = $1
"""


async def find_score_name(conn: Connection, score_id: str) -> ScoreName | None:
    """Return the score with this id; None when it was never shown."""
    row = await conn.fetchrow(_SELECT_SCORE_NAME, score_id)
    return ScoreName(row["city"], row["period"], row["dimension"], row["key"], row["indicator"]) if row else None


class CountedCaseKey(NamedTuple):
    """The last row of a page, by the order of the list."""

    day: date
    case_id: CaseId
    assignment: Annotated[int, Field(ge=0, le=999_999_999)]


@dataclass(frozen=True, slots=True)
class CountedCase:
    """A case, under one of its assignments, that a score counts."""

    case_id: str
    assignment: int
    department: str
    day: date
    facts: int

    @property
    def page_key(self) -> CountedCaseKey:
        """The row's position in the order of the list."""
        return CountedCaseKey(self.day, self.case_id, self.assignment)


_FIRST_PAGE: Final = CountedCaseKey(date.min, "", 0)
_SELECT_COUNTED: Final = """
    SELECT case_id, assignment, department, day, facts
      FROM fact
     WHERE city = $1
       AND day BETWEEN $2 AND $3
       AND {column} = $4
       AND facts = ANY($5::bigint[])
       AND (day, case_id, assignment) > ($6, $7, $8)
     ORDER BY day, case_id, assignment
     LIMIT $9
"""


async def list_counted_cases(
    conn: Connection, name: ScoreName, *, facts: Collection[int], after: CountedCaseKey | None, limit: int
) -> Sequence[CountedCase]:
    """List a score's rows whose fact bits are among ``facts``, by day and case id, a page at a time."""
    period, start = Period.parse(name.period), after or _FIRST_PAGE
    rows = await conn.fetch(
        _SELECT_COUNTED.format(column=FACT_COLUMNS[name.by]),
        name.city,
        period.first,
        period.last,
        name.key,
        sorted(facts),
        start.day,
        start.case_id,
        start.assignment,
        limit,
    )
    return [CountedCase(**dict(row)) for row in rows]


_SELECT_CONSERVATION: Final = """
    SELECT count(DISTINCT case_id) AS cases,
           count(*) AS facts,
           count(*) FILTER (WHERE facts & $1 <> 0) AS current,
           count(*) FILTER (WHERE facts & $1 <> 0 AND facts & $2 <> 0) AS open,
           count(*) FILTER (WHERE facts & $1 <> 0 AND facts & $3 <> 0) AS closed,
           count(*) FILTER (WHERE facts & $1 <> 0 AND facts & $4 <> 0) AS voided,
           count(*) FILTER (WHERE facts & $1 <> 0 AND facts & $5 <> 0) AS not_accepted,
           (SELECT COALESCE(sum(number), 0)::bigint FROM tally WHERE dimension = 'city') AS tallied,
           (SELECT count(*) FROM tally WHERE number < 0) AS negative
      FROM fact
"""


@dataclass(frozen=True, slots=True)
class ConservationCounts:
    """Cases, facts and tallies, counted row by row and not by any counter."""

    cases: int
    facts: int
    current: int
    open: int
    closed: int
    voided: int
    not_accepted: int
    tallied: int
    negative: int

    @property
    def holds(self) -> bool:
        """Whether every case has one current row and one status, and every fact is tallied once."""
        ended = self.open + self.closed + self.voided + self.not_accepted
        return self.cases == self.current == ended and self.facts == self.tallied and not self.negative


async def load_conservation(conn: Connection) -> ConservationCounts:
    """Count facts and tallies, in one snapshot. Reads every row, so it may take seconds."""
    [row] = await conn.fetch(
        _SELECT_CONSERVATION,
        FACT_BIT["current"],
        FACT_BIT["open"],
        FACT_BIT["closed"],
        FACT_BIT["voided"],
        FACT_BIT["not_accepted"],
    )
    return ConservationCounts(**dict(row))
