"""The overview of a city: what came in, what is late, how good the work is, where; kept up to date while it is open."""

from collections.abc import AsyncIterator, Mapping
from time import monotonic
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from paidan_cockpit.pages import map_layers, overview_map, overview_queries
from paidan_cockpit.pages.city_outlines import draw_city
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.cookies import session_cookie_of
from paidan_cockpit.pages.live import LiveFeed
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.overview_board import Boards, Reader
from paidan_cockpit.pages.overview_queries import OverviewFilter, Visible
from paidan_cockpit.pages.queue_filter import QueueFilter
from paidan_cockpit.pages.site import CONTENT_POLICY, Site
from paidan_cockpit.pages.ttl_cache import TtlCache
from paidan_cockpit.pages.visibility import Scope
from paidan_cockpit.pages.visit import Visit

_LAYERS_AGE_S: Final = 0.5
_CHECK_SESSION_EVERY_S: Final = 5.0


class OverviewPages:
    """``/overview`` with its stream and its map."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._boards = Boards(site)
        self._recent_layers = TtlCache[str](_LAYERS_AGE_S)
        self._feed = LiveFeed(lambda: overview_queries.load_position(site.pool))

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        page = self._site.page
        return [
            page("/overview", self._show, "overview"),
            page("/overview/stream", self._stream, "overview"),
            page("/overview/map.json", self._map, "overview"),
            page("/overview/borders.json", self._borders, "overview"),
            page("/overview/grid.json", self._grid, "overview"),
        ]

    async def _show(self, visit: Visit) -> Response:
        view, reader = await self._open(visit)
        response = self._site.show(visit, "overview.html", await self._values(view, reader))
        if self._site.map_tiles:
            response.headers["content-security-policy"] = policy_with_tiles(CONTENT_POLICY, self._site.map_tiles)
        return response

    async def _stream(self, visit: Visit) -> Response:
        """Send figures and map whenever something was committed; who may see the same share one computation."""
        _, reader = await self._open(visit)

        async def render() -> bytes:
            fresh, now_reader = await self._open(visit)
            board = self._site.renderer.render(visit, "overview_board.html", await self._values(fresh, now_reader))
            layers = await self._layers(visit, fresh, now_reader)
            return server_sent_event("board", board) + server_sent_event("map", layers)

        pages = self._while_signed_in(visit, self._feed.follow((reader.key, visit.language), render))
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(_events(pages), headers=headers, media_type="text/event-stream")

    async def _map(self, visit: Visit) -> Response:
        view, reader = await self._open(visit)
        return Response(await self._layers(visit, view, reader), media_type="application/json")

    async def _layers(self, visit: Visit, view: CityView, reader: Reader) -> str:
        return await self._recent_layers.get(
            (reader.key, visit.language),
            lambda: overview_map.live_layers(self._site, reader.visible, view, visit.language),
        )

    async def _while_signed_in(self, visit: Visit, pages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield pages until the session has ended or its person's rights are others; the last event says so.

        An open overview counts as being active: a wall goes on until its session ends by itself.
        """
        secret, checked = session_cookie_of(visit.request), monotonic()
        async for page in pages:
            if monotonic() - checked > _CHECK_SESSION_EVERY_S:
                session = await self._site.accounts.find_session(secret)
                if session is None or session.person != visit.person:
                    yield server_sent_event("signed-out", "reload")
                    return
                checked = monotonic()
            yield page

    async def _borders(self, visit: Visit) -> Response:
        view, _ = await self._open(visit)
        return Response(map_layers.borders(view.city, view.names), media_type="application/geo+json")

    async def _grid(self, visit: Visit) -> Response:
        view, _ = await self._open(visit)
        return Response(map_layers.grid(view.city), media_type="application/json")

    async def _open(self, visit: Visit) -> tuple[CityView, Reader]:
        query = visit.request.query_params
        view = await open_city(self._site, visit, query.get("city") or None)
        scope = Scope(view.city_id, visit.person.grants, view.times.now)
        return view, Reader(visit.person, Visible(scope, parse_filter(query, view.names)))

    async def _values(self, view: CityView, reader: Reader) -> dict[str, Any]:
        chosen = reader.visible.filter
        filled = QueueFilter(
            city=view.city_id, district=chosen.district, street=chosen.street, class_code=chosen.class_code
        )
        return await self._boards.load(reader, view) | {
            "view": view,
            "names": view.names,
            "times": view.times,
            "cities": view.cities,
            "filter": chosen,
            "queue": filled,
            "rate_names": rate_names(view),
            "map_tiles": self._site.map_tiles or "",
            "drawing": draw_city(view.city),
        }


def rate_names(view: CityView) -> dict[str, str]:
    """Return the names of a city's rates."""
    return {rate.id: view.names.of(rate.names) for rate in view.city.pack.indicators.rates}


def policy_with_tiles(policy: str, tiles: str) -> str:
    """Return a Content-Security-Policy that lets pictures come from the address of map tiles, too."""
    parts = urlsplit(tiles)
    return policy.replace("img-src 'self'", f"img-src 'self' {parts.scheme}://{parts.netloc}")


def parse_filter(query: Mapping[str, str], names: CityNames) -> OverviewFilter:
    """Return the part of a city that an address asks for; what the city does not have is left out."""
    chosen = {name: query.get(name) for name in ("district", "street", "class_code")}
    return OverviewFilter(**{name: value for name, value in chosen.items() if value in dict(names.choices(name))})


def server_sent_event(name: str, body: str) -> bytes:
    """Return an event as a stream writes it."""
    lines = "".join(f"data: {line}\n" for line in body.splitlines())
    return f"event: {name}\n{lines}\n".encode()


async def _events(pages: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield events; where there are none, a comment that keeps the connection open."""
    yield b"retry: 2000\n\n"
    async for page in pages:
        yield page or b": alive\n\n"
