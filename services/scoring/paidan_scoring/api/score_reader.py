"""Reads scores, the cases behind a score, and definitions. Authorization is in routes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from paidan_chassis import city_packs
from paidan_chassis.consumer.rebuild_queries import is_reading
from paidan_chassis.database import Connection, Pool
from paidan_chassis.edge.cursors import CursorCodec
from paidan_contracts.city.pack_types import Names
from paidan_contracts.scores import Dimension
from paidan_scoring.api import queries
from paidan_scoring.api.access import VisibleRows
from paidan_scoring.api.models import (
    CaseResponse,
    IndicatorsResponse,
    RateResponse,
    ReceiptResponse,
    RowResponse,
    ScoreResponse,
    ScoresResponse,
)
from paidan_scoring.api.queries import CountedCase, CountedCaseKey
from paidan_scoring.city_packs import PackCache, ScoringPack
from paidan_scoring.fact_bits import unpack_facts
from paidan_scoring.facts import UNKNOWN
from paidan_scoring.indicator_values import BASIC_COUNTS, Ratio, ScoreName, ScoreRow, Tally
from paidan_scoring.periods import Period
from paidan_scoring.settings import CONSUMER

CountedPart = Literal["denominator", "numerator", "missed", "neither"]
"""Which cases of a score: of the denominator, of the numerator, in the first and not in the second, in neither."""

_UNKNOWN_NAMES: Final = Names(zh="不详", en="Unknown")
_MAX_SAVED_IDS: Final = 200_000
_SAVED_IDS_TTL_S: Final = 60.0
_CURSORS: Final = CursorCodec(CountedCaseKey)


class UnknownName(LookupError):
    """There is nothing of this name; ``known`` are the names that there are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(name)
        self.name = name
        self.known = known


class UnknownCity(UnknownName):
    """No pack of a city of this name was ever published."""


class UnknownIndicator(UnknownName):
    """The city's pack defines no rate of this name."""


@dataclass(frozen=True, slots=True)
class ScoreQuery:
    """Which scores to read. ``indicator`` None: all rates."""

    city: str
    period: Period
    by: Dimension
    rows: VisibleRows
    indicator: str | None = None
    includes_all_counts: bool = False


class ScoreReader:
    """Reads what lanes have committed; never waits for one."""

    def __init__(self, pool: Pool, packs: PackCache) -> None:
        self._pool = pool
        self._packs = packs
        self._saved_ids: set[str] = set()
        self._saved_ids_since = time.monotonic()

    async def scores(self, query: ScoreQuery) -> ScoresResponse:
        """Return the rows of a dimension and their total; raises UnknownCity, UnknownIndicator."""
        _, pack = await self._load_pack(query.city)
        if query.indicator is not None and pack.indicators.rate(query.indicator) is None:
            raise UnknownIndicator(query.indicator, [each.id for each in pack.indicators.rates])
        async with self._pool.acquire() as conn:
            found = await queries.load_tallies(conn, query.city, query.period, by=query.by, key=query.rows.key)
            tallies = [each for each in found if query.rows.has(each.key)]
            response = self._build_response(query, pack, tallies, rebuilding=await is_reading(conn, CONSUMER))
            if tallies:  # a period without a case has no receipts to find again, and anyone may ask for any period
                await self._save_names(conn, query, pack, response)
        return response

    async def find_score_name(self, score_id: str) -> ScoreName | None:
        """Return the score with this id; None when it was never shown."""
        async with self._pool.acquire() as conn:
            return await queries.find_score_name(conn, score_id)

    async def receipt(self, name: ScoreName, *, part: CountedPart, after: str | None, limit: int) -> ReceiptResponse:
        """List the cases of one part of a score, in one snapshot.

        Raises InvalidCursor.
        """
        page_key = _CURSORS.decode(after) if after is not None else None
        _, pack = await self._load_pack(name.city)
        async with self._pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
            period = Period.parse(name.period)
            tallies = await queries.load_tallies(conn, name.city, period, by=name.by, key=name.key)
            numerator = _matching_facts(pack, f"{name.indicator}.numerator", tallies)
            denominator = _matching_facts(pack, f"{name.indicator}.denominator", tallies)
            facts = _facts_of_part(part, tallies, numerator, denominator)
            rows = await queries.list_counted_cases(conn, name, facts=facts, after=page_key, limit=limit + 1)
        ratio = pack.calculator.total(tallies, key=name.key).rates[name.indicator]
        return ReceiptResponse(
            score=_score_response(name, ratio, pack.indicators.version),
            cases=[_case_response(row, numerator, denominator) for row in rows[:limit]],
            next=_CURSORS.encode(rows[limit - 1].page_key) if len(rows) > limit else None,
        )

    async def indicators(self, city: str) -> IndicatorsResponse:
        """Return a city's definitions; raises UnknownCity."""
        version, pack = await self._load_pack(city)
        indicators = pack.indicators
        return IndicatorsResponse(
            city=city,
            pack=version,
            version=indicators.version,
            basis=indicators.basis,
            counts=pack.calculator.indicators.counts,
            rates=indicators.rates,
        )

    async def _load_pack(self, city: str) -> tuple[str, ScoringPack]:
        async with self._pool.acquire() as conn:
            version = await city_packs.find_newest_version(conn, city)
            published = [] if version else sorted(await city_packs.load_newest_versions(conn))
        if version is None:
            raise UnknownCity(city, published)
        return version, await self._packs.get(version)

    def _build_response(
        self, query: ScoreQuery, pack: ScoringPack, tallies: Sequence[Tally], *, rebuilding: bool
    ) -> ScoresResponse:
        calculator = pack.calculator
        rows = [_row_response(query, pack, query.by, row) for row in calculator.score_rows(tallies)]
        total = calculator.total(tallies, key=query.city)
        return ScoresResponse(
            city=query.city,
            period=query.period.name,
            by=query.by,
            indicator_version=pack.indicators.version,
            rebuilding=rebuilding,
            rows=rows,
            total=_row_response(query, pack, "city", total) if query.rows.are_all else None,
        )

    async def _save_names(
        self, conn: Connection, query: ScoreQuery, pack: ScoringPack, response: ScoresResponse
    ) -> None:
        names = [_score_name(query, query.by, row.key, rate) for row in response.rows for rate in row.rates]
        names += [
            _score_name(query, "city", query.city, rate) for rate in (response.total.rates if response.total else ())
        ]
        new = {name.score_id: name for name in names}
        self._expire_saved_ids()
        for known in self._saved_ids.intersection(new):
            del new[known]
        if new:
            await queries.save_score_names(conn, list(new.values()), indicator_version=pack.indicators.version)
            self._saved_ids.update(new)

    def _expire_saved_ids(self) -> None:
        # A database restored to an earlier moment has lost some of them.
        now = time.monotonic()
        if len(self._saved_ids) > _MAX_SAVED_IDS or now - self._saved_ids_since > _SAVED_IDS_TTL_S:
            self._saved_ids.clear()
            self._saved_ids_since = now


def _score_name(query: ScoreQuery, by: Dimension, key: str, indicator: str) -> ScoreName:
    return ScoreName(query.city, query.period.name, by, key, indicator)


def _row_response(query: ScoreQuery, pack: ScoringPack, by: Dimension, row: ScoreRow) -> RowResponse:
    basic = {count.id: row.counts[count.id] for count in BASIC_COUNTS}
    return RowResponse(
        key=row.key,
        names=pack.names_by_key.get((by, row.key), _UNKNOWN_NAMES if row.key == UNKNOWN else None),
        counts={**basic, **row.counts} if query.includes_all_counts else basic,
        rates={
            name: RateResponse(
                numerator=ratio.numerator,
                denominator=ratio.denominator,
                value=ratio.value,
                score_id=_score_name(query, by, row.key, name).score_id,
            )
            for name, ratio in row.rates.items()
            if query.indicator in (None, name)
        },
    )


def _matching_facts(pack: ScoringPack, name: str, tallies: Sequence[Tally]) -> frozenset[int]:
    return frozenset(tally.facts for tally in tallies if pack.calculator.is_counted_in(name, tally.facts))


def _facts_of_part(
    part: CountedPart, tallies: Sequence[Tally], numerator: frozenset[int], denominator: frozenset[int]
) -> frozenset[int]:
    match part:
        case "numerator":
            return numerator
        case "denominator":
            return denominator
        case "missed":
            return denominator - numerator
        case "neither":
            return frozenset(tally.facts for tally in tallies) - numerator - denominator


def _score_response(name: ScoreName, ratio: Ratio, version: str) -> ScoreResponse:
    return ScoreResponse(
        score_id=name.score_id,
        city=name.city,
        period=name.period,
        by=name.by,
        key=name.key,
        indicator=name.indicator,
        indicator_version=version,
        numerator=ratio.numerator,
        denominator=ratio.denominator,
        value=ratio.value,
    )


def _case_response(row: CountedCase, numerator: frozenset[int], denominator: frozenset[int]) -> CaseResponse:
    return CaseResponse(
        case_id=row.case_id,
        assignment=row.assignment,
        department=row.department,
        day=row.day,
        in_numerator=row.facts in numerator,
        in_denominator=row.facts in denominator,
        facts=sorted(unpack_facts(row.facts)),
    )
