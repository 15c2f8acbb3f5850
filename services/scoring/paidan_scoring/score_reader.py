"""Answers what is asked of scoring: rows of figures, the cases behind one, definitions. Who may ask is the edge's."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from paidan_chassis.database import Connection, Pool
from paidan_contracts.scores import Dimension
from paidan_scoring.api import queries
from paidan_scoring.api.models import (
    CaseShown,
    IndicatorsShown,
    RateShown,
    ReceiptShown,
    RowShown,
    ScoreShown,
    ScoresShown,
)
from paidan_scoring.api.queries import Counted, Place
from paidan_scoring.city_packs import Packs, PackSeen
from paidan_scoring.fact_bits import unpacked
from paidan_scoring.indicator_values import (
    BASIC,
    Line,
    ScoreName,
    Share,
    Tally,
)
from paidan_scoring.periods import Period

_REMEMBERS: Final = 200_000
_REMEMBERS_S: Final = 60.0
_CURSOR: Final = re.compile(r"(\d{4}-\d\d-\d\d)~([a-z0-9.]{1,63}-[0-9a-f]{32})~(\d{1,9})", re.ASCII)


class UnknownCity(LookupError):
    """No pack of a city of this name was ever published."""


class UnknownIndicator(LookupError):
    """The city's pack defines no rate of this name."""


class BadCursor(ValueError):
    """This is not what an earlier page gave as its ``next``."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which figures are wanted. ``key`` None: all of the dimension; ``indicator`` None: all rates."""

    city: str
    period: Period
    by: Dimension
    key: str | None = None
    indicator: str | None = None
    every_count: bool = False


class Asking:
    """Reads what a lane has committed; never waits for one."""

    def __init__(self, pool: Pool, packs: Packs) -> None:
        self._pool = pool
        self._packs = packs
        self._remembered: set[str] = set()
        self._remembered_since = time.monotonic()

    async def scores(self, asked: Question) -> ScoresShown:
        """Give the rows of a dimension and their total; raises UnknownCity, UnknownIndicator."""
        version, pack = await self._pack(asked.city)
        if asked.indicator is not None and pack.indicators.rate(asked.indicator) is None:
            raise UnknownIndicator(version)
        async with self._pool.acquire() as conn:
            found = await queries.tallies(conn, asked.city, asked.period, by=asked.by, key=asked.key)
            shown = self._shown(asked, pack, found, rebuilding=await queries.rebuilding(conn))
            await self._remember(conn, asked, pack, shown)
        return shown

    async def name_of(self, score_id: str) -> ScoreName | None:
        """Tell which figure an id stands for; None when it was never shown."""
        async with self._pool.acquire() as conn:
            return await queries.score_name(conn, score_id)

    async def receipt(self, name: ScoreName, *, missed_only: bool, after: str | None, limit: int) -> ReceiptShown:
        """List the cases of a figure's denominator, those of its numerator marked; both of one moment."""
        _, pack = await self._pack(name.city)
        async with self._pool.acquire() as conn, conn.transaction(isolation="repeatable_read", readonly=True):
            period = Period.parse(name.period)
            found = await queries.tallies(conn, name.city, period, by=name.by, key=name.key)
            numerator = _alike(pack, f"{name.indicator}.numerator", found)
            alike = _alike(pack, f"{name.indicator}.denominator", found)
            wanted = alike - numerator if missed_only else alike
            rows = await queries.counted(conn, name, alike=wanted, after=_place(after), limit=limit + 1)
        share = pack.reckoner.total(found, key=name.key).rates[name.indicator]
        return ReceiptShown(
            score=_score(name, share, pack.indicators.version),
            cases=[_case(row, numerator) for row in rows[:limit]],
            next=_cursor(rows[limit - 1].place) if len(rows) > limit else None,
        )

    async def indicators(self, city: str) -> IndicatorsShown:
        """Give a city's definitions; raises UnknownCity."""
        version, pack = await self._pack(city)
        defined = pack.indicators
        return IndicatorsShown(
            city=city,
            pack=version,
            version=defined.version,
            basis=defined.basis,
            counts=pack.reckoner.indicators.counts,
            rates=defined.rates,
        )

    async def _pack(self, city: str) -> tuple[str, PackSeen]:
        async with self._pool.acquire() as conn:
            version = await queries.pack_in_use(conn, city)
        if version is None:
            raise UnknownCity(city)
        return version, await self._packs.get(version)

    def _shown(self, asked: Question, pack: PackSeen, found: Sequence[Tally], *, rebuilding: bool) -> ScoresShown:
        reckoner = pack.reckoner
        rows = [_row(asked, pack, asked.by, line) for line in reckoner.lines(found)]
        total = reckoner.total(found, key=asked.city)
        return ScoresShown(
            city=asked.city,
            period=asked.period.name,
            by=asked.by,
            indicator_version=pack.indicators.version,
            rebuilding=rebuilding,
            rows=rows,
            total=_row(asked, pack, "city", total) if asked.key is None else None,
        )

    async def _remember(self, conn: Connection, asked: Question, pack: PackSeen, shown: ScoresShown) -> None:
        names = [_name(asked, asked.by, row.key, rate) for row in shown.rows for rate in row.rates]
        names += [_name(asked, "city", asked.city, rate) for rate in (shown.total.rates if shown.total else ())]
        new = {name.score_id: name for name in names}
        self._forget_now_and_then()
        for known in self._remembered.intersection(new):
            del new[known]
        if new:
            await queries.remember(conn, list(new.values()), indicator_version=pack.indicators.version)
            self._remembered.update(new)

    def _forget_now_and_then(self) -> None:
        # A database that was set back does not know what it knew.
        now = time.monotonic()
        if len(self._remembered) > _REMEMBERS or now - self._remembered_since > _REMEMBERS_S:
            self._remembered.clear()
            self._remembered_since = now


def _name(asked: Question, by: Dimension, key: str, indicator: str) -> ScoreName:
    return ScoreName(asked.city, asked.period.name, by, key, indicator)


def _row(asked: Question, pack: PackSeen, by: Dimension, line: Line) -> RowShown:
    basic = {count.id: line.counts[count.id] for count in BASIC}
    return RowShown(
        key=line.key,
        names=pack.named.get((by, line.key)),
        counts={**basic, **line.counts} if asked.every_count else basic,
        rates={
            name: RateShown(
                numerator=share.numerator,
                denominator=share.denominator,
                value=share.value,
                score_id=_name(asked, by, line.key, name).score_id,
            )
            for name, share in line.rates.items()
            if asked.indicator in (None, name)
        },
    )


def _alike(pack: PackSeen, name: str, found: Sequence[Tally]) -> frozenset[int]:
    return frozenset(tally.facts for tally in found if pack.reckoner.counts_in(name, tally.facts))


def _score(name: ScoreName, share: Share, version: str) -> ScoreShown:
    return ScoreShown(
        score_id=name.score_id,
        city=name.city,
        period=name.period,
        by=name.by,
        key=name.key,
        indicator=name.indicator,
        indicator_version=version,
        numerator=share.numerator,
        denominator=share.denominator,
        value=share.value,
    )


def _case(row: Counted, numerator: frozenset[int]) -> CaseShown:
    return CaseShown(
        case_id=row.case_id,
        assignment=row.assignment,
        department=row.department,
        day=row.day,
        in_numerator=row.facts in numerator,
        facts=sorted(unpacked(row.facts)),
    )


def _cursor(place: Place) -> str:
    return f"{place.day.isoformat()}~{place.case_id}~{place.assignment}"


def _place(cursor: str | None) -> Place | None:
    if cursor is None:
        return None
    found = _CURSOR.fullmatch(cursor)
    if not found:
        raise BadCursor(BadCursor.__doc__)
    try:
        return Place(date.fromisoformat(found[1]), found[2], int(found[3]))
    except ValueError as error:
        raise BadCursor(BadCursor.__doc__) from error
