"""The overview of a city: what came in, what is late, how good the work is, where; kept up to date while it is open."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from paidan_cockpit.pages import overview_map, overview_queries
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.live_groups import LiveGroups, server_sent_event
from paidan_cockpit.pages.overview_board import Boards, Reader
from paidan_cockpit.pages.overview_queries import OverviewFilter, Visible
from paidan_cockpit.pages.queue_filter import QueueFilter
from paidan_cockpit.pages.site import CONTENT_POLICY, Site
from paidan_cockpit.pages.visibility import Scope
from paidan_cockpit.pages.visit import PageRefused, Visit
from paidan_contracts.wire import Code, Id

_STREAM_S: Final = 300.0
_LAYERS_AFTER_S: Final = 2.0
_RECEIPT_CASES: Final = 200
_PARTS: Final = ("missed", "numerator", "denominator")
_CODE: Final = TypeAdapter(Code)
_SCORE_ID: Final = TypeAdapter(Id)


class OverviewPages:
    """``/overview`` with its stream and its map, and the cases behind its rates."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._boards = Boards(site)
        self._groups = LiveGroups(partial(overview_queries.read_position, site.pool))

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        page = self._site.page
        return [
            page("/overview", self._show, "overview"),
            page("/overview/live", self._stream, "overview"),
            page("/overview/map.json", self._map, "overview"),
            page("/overview/borders.json", self._borders, "overview"),
            page("/overview/receipts/{score_id}", self._receipt, "overview"),
        ]

    async def _show(self, visit: Visit) -> Response:
        view, reader = await self._open(visit)
        values = self._values(view, reader) | await self._boards.load(reader, view)
        response = self._site.show(visit, "overview.html", values)
        if self._site.map_tiles:
            response.headers["content-security-policy"] = policy_with_tiles(CONTENT_POLICY, self._site.map_tiles)
        return response

    async def _stream(self, visit: Visit) -> Response:
        view, reader = await self._open(visit)
        sent_layers = ""

        async def render() -> bytes:
            nonlocal sent_layers
            now_view = self._as_of_now(view)
            now_reader = _as_of(reader, now_view)
            values = self._values(now_view, reader) | await self._boards.load(now_reader, now_view)
            event = server_sent_event("board", self._site.renderer.render(visit, "overview_board.html", values))
            layers = await self._layers(visit, now_view, now_reader)
            if layers != sent_layers:
                sent_layers = layers
                event += server_sent_event("map", layers)
            return event

        events = self._groups.events((reader.key, visit.language), render, lasts_s=_STREAM_S)
        return StreamingResponse(events, media_type="text/event-stream", headers={"x-accel-buffering": "no"})

    async def _map(self, visit: Visit) -> Response:
        view, reader = await self._open(visit)
        return Response(await self._layers(visit, view, reader), media_type="application/json")

    async def _layers(self, visit: Visit, view: CityView, reader: Reader) -> str:
        return await self._boards.keep(
            ("layers", reader.key, visit.language),
            _LAYERS_AFTER_S,
            lambda: overview_map.live_layers(self._site, reader.visible, view, visit.language),
        )

    async def _borders(self, visit: Visit) -> Response:
        view, _ = await self._open(visit)
        return Response(overview_map.borders(view), media_type="application/geo+json")

    async def _receipt(self, visit: Visit) -> Response:
        view, _ = await self._open(visit)
        try:
            score_id = _SCORE_ID.validate_python(visit.request.path_params["score_id"])
        except ValidationError:
            raise PageRefused(404) from None
        query = visit.request.query_params
        part = next((each for each in _PARTS if each == query.get("part")), _PARTS[0])
        asked: dict[str, str | int] = {"part": part, "limit": _RECEIPT_CASES}
        if after := query.get("after"):
            asked["after"] = after
        answer = await self._site.services.get("scoring", f"/v1/scores/{score_id}/cases", visit.person, asked)
        if not answer.ok or not isinstance(answer.body, dict):
            raise PageRefused(404)
        values: dict[str, Any] = {"score": answer.body["score"], "cases": answer.body["cases"], "part": part}
        values |= {
            "parts": _PARTS,
            "next": answer.body.get("next"),
            "names": view.names,
            "rate_names": rate_names(view),
        }
        return self._site.show(visit, "overview_receipt.html", values)

    async def _open(self, visit: Visit) -> tuple[CityView, Reader]:
        query = visit.request.query_params
        view = await open_city(self._site, visit, query.get("city") or None)
        scope = Scope(view.city_id, visit.person.grants, view.times.now)
        return view, Reader(visit.person, Visible(scope, parse_filter(query)))

    def _as_of_now(self, view: CityView) -> CityView:
        return replace(view, times=replace(view.times, now=self._site.clock.now()))

    def _values(self, view: CityView, reader: Reader) -> dict[str, Any]:
        chosen = reader.visible.filter
        filled = QueueFilter(
            city=view.city_id, district=chosen.district, street=chosen.street, class_code=chosen.class_code
        )
        return {
            "view": view,
            "names": view.names,
            "times": view.times,
            "cities": view.cities,
            "filter": chosen,
            "queue": filled,
            "rate_names": rate_names(view),
            "map_tiles": self._site.map_tiles or "",
        }


def rate_names(view: CityView) -> dict[str, str]:
    """Return the names of a city's rates."""
    return {rate.id: view.names.of(rate.names) for rate in view.city.pack.indicators.rates}


def policy_with_tiles(policy: str, tiles: str) -> str:
    """Return a Content-Security-Policy that lets pictures come from the address of map tiles, too."""
    parts = urlsplit(tiles)
    return policy.replace("img-src 'self'", f"img-src 'self' {parts.scheme}://{parts.netloc}")


def parse_filter(query: Mapping[str, str]) -> OverviewFilter:
    """Return the part of a city that an address asks for; what cannot be a code is left out."""
    return OverviewFilter(*(_code(query.get(name, "")) for name in ("district", "street", "class_code")))


def _code(text: str) -> str | None:
    try:
        return _CODE.validate_python(text) if text else None
    except ValidationError:
        return None


def _as_of(reader: Reader, view: CityView) -> Reader:
    visible = reader.visible
    return replace(reader, visible=replace(visible, scope=replace(visible.scope, now=view.times.now)))
