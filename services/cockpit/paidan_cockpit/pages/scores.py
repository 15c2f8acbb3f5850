"""Scores: indicators by dimension and period as league tables; each figure opens the cases that it counts."""

import re
from typing import Any, Final, get_args

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.visit import PageRefused, Visit
from paidan_contracts.scores import Dimension

DIMENSIONS: Final[tuple[Dimension, ...]] = get_args(Dimension)
PARTS: Final = ("denominator", "numerator", "missed")
_PERIOD: Final = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_SCORE_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class ScorePages:
    """``/scores`` and ``/scores/{score_id}``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        return [
            self._site.page("/scores", self._table, "scores"),
            self._site.page("/scores/{score_id}", self._receipt, "scores"),
        ]

    async def _table(self, visit: Visit) -> Response:
        query = visit.request.query_params
        view = await open_city(self._site, visit, query.get("city") or None)
        month = view.times.now.astimezone(view.city.zone).strftime("%Y-%m")
        period = query.get("period", "")
        period = period if _PERIOD.fullmatch(period) else month
        by = (
            "department"
            if visit.person.department
            else next((x for x in DIMENSIONS if x == query.get("by")), "district")
        )
        answer = await self._site.services.get(
            "scoring", "/v1/scores", visit.person, {"city": view.city_id, "period": period, "by": by}
        )
        body = answer.body if answer.ok and isinstance(answer.body, dict) else None
        values: dict[str, Any] = {
            "names": view.names,
            "times": view.times,
            "cities": view.cities,
            "city_id": view.city_id,
            "period": period,
            "by": by,
            "dimensions": DIMENSIONS,
            "own_department": visit.person.department,
            "rates": {rate.id: view.names.of(rate.names) for rate in view.city.indicators.rates},
            "rows": _ordered(body["rows"]) if body else [],
            "total": body["total"] if body else None,
            "rebuilding": bool(body and body["rebuilding"]),
            "why": "" if body else answer.message(visit.language),
        }
        return self._site.show(visit, "scores.html", values)

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
        rates = {rate.id: view.names.of(rate.names) for rate in view.city.indicators.rates}
        values = {"names": view.names, "times": view.times, "score": score, "rates": rates, "part": part}
        values |= {"parts_of_score": PARTS, "cases": answer.body["cases"], "after": answer.body["next"]}
        return self._site.show(visit, "receipt.html", values)


def _ordered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with those of most cases first."""
    return sorted(rows, key=lambda row: -max((rate["denominator"] for rate in row["rates"].values()), default=0))
