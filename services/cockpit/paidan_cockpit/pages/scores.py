"""Scores: indicators by dimension and period as league tables with a trend; each figure opens the cases it counts."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_chassis.clock import real_now
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.csv_table import csv_table
from paidan_cockpit.pages.labels import Translate, label
from paidan_cockpit.pages.marked_texts import N_
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import PageRefused, RequestContext
from paidan_cockpit.pages.restatement import find_change_of_definitions, restated_periods
from paidan_cockpit.pages.score_filter import DIRECTIONS, Direction, ScoreFilter, ordered_rows, ranks
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.services_client import ServiceAnswer
from paidan_cockpit.translations import translations
from paidan_contracts.scores import Dimension
from paidan_contracts.wire import ID_PATTERN

PARTS: Final = ("denominator", "numerator", "missed")
_SCORE_ID: Final = re.compile(ID_PATTERN)
_AT_ONCE: Final = 4
_CSV_TITLES: Final = (
    N_("City id"),
    N_("Period"),
    N_("By"),
    N_("Code of by what"),
    N_("Subject code"),
    N_("Subject"),
    N_("Indicator id"),
    N_("Indicator"),
    N_("Numerator"),
    N_("Denominator"),
    N_("Value"),
    N_("Version of the definitions"),
    N_("Provisional"),
)


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """A rate in one period; None: scoring gave none."""

    period: str
    rate: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoresPage(PageValues):
    """A league table with a trend. ``scores`` is scoring's answer, None where it did not give one."""

    template: ClassVar[str] = "scores.html"

    names: CityNames
    times: CityTimes
    changed_at: datetime | None
    restated: frozenset[str]
    cities: Mapping[str, str]
    filter: ScoreFilter
    dimensions: Sequence[Dimension]
    directions: Sequence[Direction]
    own_department: str | None
    rates: Mapping[str, str]
    rows: Sequence[Mapping[str, Any]]
    ranks: Sequence[int | None]
    scores: Mapping[str, Any] | None
    trend: Sequence[TrendPoint]
    why: str
    replaced: Mapping[str, str]
    """What the address asked for in vain, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPage(PageValues):
    """The cases that a figure counts, as scoring answered."""

    template: ClassVar[str] = "receipt.html"

    names: CityNames
    score: Mapping[str, Any]
    rates: Mapping[str, str]
    part: str
    parts_of_score: Sequence[str]
    cases: Sequence[Mapping[str, Any]]
    after: str | None


class ScorePages:
    """``/scores``, ``/scores.csv`` and ``/scores/{score_id}``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [
            self._site.page("/scores", self._table, "scores"),
            self._site.page("/scores.csv", self._csv, "scores"),
            self._site.page("/scores/{score_id}", self._receipt, "scores"),
        ]

    async def _table(self, context: RequestContext) -> Response:
        view, chosen = await self._read(context)
        answer, trend = await asyncio.gather(self._scores(context, chosen), self._trend(context, chosen))
        body = answer.body if answer.ok and isinstance(answer.body, dict) else None
        rows = ordered_rows(body["rows"], chosen) if body else []
        changed_at = await find_change_of_definitions(self._site.packs, self._site.clock, view.city)
        page = ScoresPage(
            names=view.names,
            times=CityTimes(view.city.zone, real_now(), context.language),
            changed_at=changed_at,
            restated=restated_periods({chosen.period, *chosen.trend_periods}, changed_at, view.city.zone),
            cities=view.cities,
            filter=chosen,
            dimensions=context.person.score_dimensions,
            directions=DIRECTIONS,
            own_department=context.person.department,
            rates=view.rate_names(),
            rows=rows,
            ranks=ranks(rows, chosen),
            scores=body,
            trend=trend,
            replaced=chosen.replaced(context.request.query_params),
            why="" if body else answer.message(context.language),
        )
        return self._site.show(context, page)

    async def _csv(self, context: RequestContext) -> Response:
        view, chosen = await self._read(context)
        answer = await self._scores(context, chosen)
        if not answer.ok or not isinstance(answer.body, dict):
            raise PageRefused(404)
        rows, translate = ordered_rows(answer.body["rows"], chosen), translations(context.language).gettext
        lines = (line for row in rows for line in _csv_lines(answer.body, row, view, translate))
        text = csv_table([translate(title) for title in _CSV_TITLES], lines)
        name = f"{chosen.city}-scores-{chosen.by}-{chosen.period}.csv"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response("\ufeff" + text, headers=headers, media_type="text/csv; charset=utf-8")

    async def _read(self, context: RequestContext) -> tuple[CityView, ScoreFilter]:
        query = context.request.query_params
        view = await open_city(self._site, context, query.get("city") or None)
        chosen = ScoreFilter.parse(
            query,
            city=view.city_id,
            today=view.times.now.astimezone(view.city.zone).date(),
            indicators=view.rate_names(),
            dimensions=context.person.score_dimensions,
        )
        return view, chosen

    async def _scores(self, context: RequestContext, chosen: ScoreFilter) -> ServiceAnswer:
        query = {"city": chosen.city, "period": chosen.period, "by": chosen.by}
        return await self._site.services.get("scoring", "/v1/scores", context.person, query)

    async def _trend(self, context: RequestContext, chosen: ScoreFilter) -> Sequence[TrendPoint]:
        if not chosen.indicator or context.person.grants.is_bounded:
            return ()  # the whole city's is not for a post of a part of it
        turns = asyncio.Semaphore(_AT_ONCE)

        async def point(period: str) -> TrendPoint:
            by = "department" if context.person.department else "city"
            query = {"city": chosen.city, "period": period, "by": by, "indicator": chosen.indicator}
            async with turns:
                answer = await self._site.services.get("scoring", "/v1/scores", context.person, query)
            rows = answer.body["rows"] if answer.ok else []
            return TrendPoint(period, rows[0]["rates"].get(chosen.indicator) if rows else None)

        return await asyncio.gather(*(point(each) for each in chosen.trend_periods))

    async def _receipt(self, context: RequestContext) -> Response:
        score_id = str(context.request.path_params["score_id"])
        if not _SCORE_ID.fullmatch(score_id):
            raise PageRefused(404)
        asked = context.request.query_params
        part = next((each for each in PARTS if each == asked.get("part")), PARTS[0])
        query: dict[str, str | int] = {"part": part, "limit": 100}
        if asked.get("after"):
            query["after"] = asked["after"]
        answer = await self._site.services.get("scoring", f"/v1/scores/{score_id}/cases", context.person, query)
        if not answer.ok or not isinstance(answer.body, dict):
            raise PageRefused(404)
        score = answer.body["score"]
        view = await open_city(self._site, context, score["city"])
        page = ReceiptPage(
            names=view.names,
            score=score,
            rates=view.rate_names(),
            part=part,
            parts_of_score=PARTS,
            cases=answer.body["cases"],
            after=answer.body["next"],
        )
        return self._site.show(context, page)


def _csv_lines(
    scores: Mapping[str, Any], row: Mapping[str, Any], view: CityView, translate: Translate
) -> list[tuple[str, ...]]:
    """Return a row's rates, one a line. Without cases a value is empty: neither 0 nor 1."""
    name = row["names"][view.names.language] if row["names"] else row["key"]
    rates, by = view.rate_names(), label(translate, "dimension", scores["by"])
    provisional = label(translate, "is_provisional", "yes" if scores["provisional"] else "no")
    return [
        (
            scores["city"], scores["period"], by, scores["by"], row["key"], name, id_, rates.get(id_, id_),
            str(rate["numerator"]), str(rate["denominator"]), "" if rate["value"] is None else f"{rate['value']:.6f}",
            scores["indicator_version"], provisional,
        )
        for id_, rate in row["rates"].items()
    ]  # fmt: skip
