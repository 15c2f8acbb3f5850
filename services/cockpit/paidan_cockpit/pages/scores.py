"""Scores: indicators by dimension and period as league tables with a trend; each figure opens the cases it counts."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_chassis.clock import real_now
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.csv_table import csv_table
from paidan_cockpit.pages.marked_texts import N_
from paidan_cockpit.pages.restatement import find_change_of_definitions, restated_periods
from paidan_cockpit.pages.score_filter import DIRECTIONS, ScoreFilter, ordered_rows, ranks
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.pages.visit import PageRefused, Visit
from paidan_cockpit.services_client import ServiceAnswer
from paidan_cockpit.translations import translations
from paidan_contracts.wire import ID_PATTERN

PARTS: Final = ("denominator", "numerator", "missed")
_SCORE_ID: Final = re.compile(ID_PATTERN)
_AT_ONCE: Final = 4
_CSV_TITLES: Final = (
    N_("City id"),
    N_("Period"),
    N_("By"),
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
    """A rate in one period; None: it was not told."""

    period: str
    rate: Mapping[str, Any] | None


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

    async def _table(self, visit: Visit) -> Response:
        view, chosen = await self._read(visit)
        answer, trend = await asyncio.gather(self._scores(visit, chosen), self._trend(visit, chosen))
        body = answer.body if answer.ok and isinstance(answer.body, dict) else None
        rows = ordered_rows(body["rows"], chosen) if body else []
        changed_at = await find_change_of_definitions(self._site.packs, self._site.clock, view.city)
        values: dict[str, Any] = {
            "names": view.names,
            "times": CityTimes(view.city.zone, real_now(), visit.language),
            "changed_at": changed_at,
            "restated": restated_periods({chosen.period, *chosen.trend_periods}, changed_at, view.city.zone),
            "cities": view.cities,
            "filter": chosen,
            "dimensions": visit.person.score_dimensions,
            "directions": DIRECTIONS,
            "own_department": visit.person.department,
            "rates": _rate_names(view),
            "rows": rows,
            "ranks": ranks(rows, chosen),
            "scores": body,
            "trend": trend,
            "why": "" if body else answer.message(visit.language),
        }
        return self._site.show(visit, "scores.html", values)

    async def _csv(self, visit: Visit) -> Response:
        view, chosen = await self._read(visit)
        answer = await self._scores(visit, chosen)
        if not answer.ok or not isinstance(answer.body, dict):
            raise PageRefused(404)
        rates, rows = _rate_names(view), ordered_rows(answer.body["rows"], chosen)
        titles = [translations(visit.language).gettext(title) for title in _CSV_TITLES]
        text = csv_table(titles, (line for row in rows for line in _csv_lines(answer.body, row, rates, view)))
        name = f"{chosen.city}-scores-{chosen.by}-{chosen.period}.csv"
        headers = {"content-disposition": f'attachment; filename="{name}"'}
        return Response("\ufeff" + text, headers=headers, media_type="text/csv; charset=utf-8")

    async def _read(self, visit: Visit) -> tuple[CityView, ScoreFilter]:
        query = visit.request.query_params
        view = await open_city(self._site, visit, query.get("city") or None)
        chosen = ScoreFilter.parse(
            query,
            city=view.city_id,
            today=view.times.now.astimezone(view.city.zone).date(),
            indicators=_rate_names(view),
            dimensions=visit.person.score_dimensions,
        )
        return view, chosen

    async def _scores(self, visit: Visit, chosen: ScoreFilter) -> ServiceAnswer:
        query = {"city": chosen.city, "period": chosen.period, "by": chosen.by}
        return await self._site.services.get("scoring", "/v1/scores", visit.person, query)

    async def _trend(self, visit: Visit, chosen: ScoreFilter) -> Sequence[TrendPoint]:
        if not chosen.indicator or visit.person.grants.is_bounded:
            return ()  # the whole city's is not for a post of a part of it
        turns = asyncio.Semaphore(_AT_ONCE)

        async def point(period: str) -> TrendPoint:
            by = "department" if visit.person.department else "city"
            query = {"city": chosen.city, "period": period, "by": by, "indicator": chosen.indicator}
            async with turns:
                answer = await self._site.services.get("scoring", "/v1/scores", visit.person, query)
            rows = answer.body["rows"] if answer.ok else []
            return TrendPoint(period, rows[0]["rates"].get(chosen.indicator) if rows else None)

        return await asyncio.gather(*(point(each) for each in chosen.trend_periods))

    async def _receipt(self, visit: Visit) -> Response:
        score_id = str(visit.request.path_params["score_id"])
        if not _SCORE_ID.fullmatch(score_id):
            raise PageRefused(404)
        asked = visit.request.query_params
        part = next((each for each in PARTS if each == asked.get("part")), PARTS[0])
        query: dict[str, str | int] = {"part": part, "limit": 100}
        if asked.get("after"):
            query["after"] = asked["after"]
        answer = await self._site.services.get("scoring", f"/v1/scores/{score_id}/cases", visit.person, query)
        if not answer.ok or not isinstance(answer.body, dict):
            raise PageRefused(404)
        score = answer.body["score"]
        view: CityView = await open_city(self._site, visit, score["city"])
        values = {"names": view.names, "times": view.times, "score": score, "rates": _rate_names(view), "part": part}
        values |= {"parts_of_score": PARTS, "cases": answer.body["cases"], "after": answer.body["next"]}
        return self._site.show(visit, "receipt.html", values)


def _rate_names(view: CityView) -> dict[str, str]:
    return {rate.id: view.names.of(rate.names) for rate in view.city.indicators.rates}


def _csv_lines(
    scores: Mapping[str, Any], row: Mapping[str, Any], rates: Mapping[str, str], view: CityView
) -> list[tuple[str, ...]]:
    """Return a row's rates, one a line. Without cases a value is empty: neither 0 nor 1."""
    name = row["names"][view.names.language] if row["names"] else row["key"]
    return [
        (
            scores["city"], scores["period"], scores["by"], row["key"], name, id_, rates.get(id_, id_),
            str(rate["numerator"]), str(rate["denominator"]), "" if rate["value"] is None else f"{rate['value']:.6f}",
            scores["indicator_version"], "yes" if scores["provisional"] else "no",
        )
        for id_, rate in row["rates"].items()
    ]  # fmt: skip
