"""The overview of a city: what came in, what is late, how good the work is, where; kept up to date while it is open."""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic
from typing import ClassVar, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit.pages import map_layers, overview_map, overview_queries
from paidan_cockpit.pages.city_outlines import CityDrawing, draw_city
from paidan_cockpit.pages.city_view import CityView, open_city
from paidan_cockpit.pages.cookies import session_cookie_of
from paidan_cockpit.pages.emergencies import EmergencyNotices
from paidan_cockpit.pages.event_streams import EventStreams
from paidan_cockpit.pages.live import LiveFeed
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.overview_figures import FiguresLoader, OverviewFigures, Reader
from paidan_cockpit.pages.overview_queries import OverviewFilter, Visible
from paidan_cockpit.pages.precedence import ListedEmergency
from paidan_cockpit.pages.queue_filter import QueueFilter
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import RequestContext
from paidan_cockpit.pages.site import Site
from paidan_cockpit.pages.times import CityTimes
from paidan_cockpit.pages.ttl_cache import TtlCache
from paidan_cockpit.pages.visibility import Scope

_LAYERS_AGE_S: Final = 0.5
_CHECK_SESSION_EVERY_S: Final = 5.0
_LINE_END: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewPage(PageValues):
    """The overview of a city or of a part of it.

    ``queue`` is the filter under which queues show the same part, ``part_query`` its own address's query.
    """

    template: ClassVar[str] = "overview.html"

    view: CityView
    names: CityNames
    times: CityTimes
    cities: Mapping[str, str]
    filter: OverviewFilter
    queue: QueueFilter
    part_query: str
    rate_names: Mapping[str, str]
    map_tiles: str
    drawing: CityDrawing | None
    figures: OverviewFigures
    emergencies: Sequence[ListedEmergency]


class OverviewPages:
    """``/overview`` with its stream and its map."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._figures = FiguresLoader(site)
        self._emergencies = EmergencyNotices(site)
        self._streams = EventStreams()
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

    async def _show(self, context: RequestContext) -> Response:
        view, reader = await self._open(context)
        return self._site.show_with_map(context, await self._page(view, reader))

    async def _stream(self, context: RequestContext) -> Response:
        """Send figures and map whenever something was committed; who may see the same share one computation."""
        _, reader = await self._open(context)

        async def render() -> bytes:
            fresh, now_reader = await self._open(context)
            page = await self._page(fresh, now_reader)
            figures = self._site.renderer.render(context, page, "overview_figures.html")
            layers = await self._layers(context, fresh, now_reader)
            return server_sent_event("figures", figures) + server_sent_event("map", layers)

        pages = self._while_signed_in(context, self._feed.follow((reader.key, context.language), render))
        return self._streams.response(context, _events(pages))

    async def _map(self, context: RequestContext) -> Response:
        view, reader = await self._open(context)
        return Response(await self._layers(context, view, reader), media_type="application/json")

    async def _layers(self, context: RequestContext, view: CityView, reader: Reader) -> str:
        return await self._recent_layers.get(
            (reader.key, context.language),
            lambda: overview_map.live_layers(self._site, reader.visible, view, context.language),
        )

    async def _while_signed_in(self, context: RequestContext, pages: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """Yield pages until the session has ended or its person's rights are others; the last event says so.

        An open overview counts as being active: a wall goes on until its session ends by itself.
        """
        secret, checked = session_cookie_of(context.request), monotonic()
        async with aclosing(pages):
            async for page in pages:
                if monotonic() - checked > _CHECK_SESSION_EVERY_S:
                    session = await self._site.accounts.find_session(secret)
                    if session is None or session.person != context.person:
                        yield server_sent_event("signed-out", "reload")
                        return
                    checked = monotonic()
                yield page

    async def _borders(self, context: RequestContext) -> Response:
        view, _ = await self._open(context)
        return Response(map_layers.borders(view.city, view.names), media_type="application/geo+json")

    async def _grid(self, context: RequestContext) -> Response:
        view, _ = await self._open(context)
        return Response(map_layers.grid(view.city), media_type="application/json")

    async def _open(self, context: RequestContext) -> tuple[CityView, Reader]:
        query = context.request.query_params
        view = await open_city(self._site, context, query.get("city") or None)
        scope = Scope(view.city_id, context.person.grants, view.times.now)
        return view, Reader(context.person, Visible(scope, parse_filter(query, view.names)))

    async def _page(self, view: CityView, reader: Reader) -> OverviewPage:
        chosen = reader.visible.filter
        return OverviewPage(
            view=view,
            names=view.names,
            times=view.times,
            cities=view.cities,
            filter=chosen,
            queue=QueueFilter(
                city=view.city_id, district=chosen.district, street=chosen.street, class_code=chosen.class_code
            ),
            part_query=chosen.query(view.city_id),
            rate_names=view.rate_names(),
            map_tiles=self._site.map_tiles or "",
            drawing=draw_city(view.city),
            emergencies=await self._emergencies.load(reader.person, view.city),
            figures=await self._figures.load(reader, view),
        )


def parse_filter(query: Mapping[str, str], names: CityNames) -> OverviewFilter:
    """Return the part of a city that an address asks for; what the city does not have is left out."""
    district = _known(query.get("district"), names.choices("district"))
    return OverviewFilter(
        district=district,
        street=_known(query.get("street"), names.streets_of(district)),
        class_code=_known(query.get("class_code"), names.choices("class_code")),
    )


def _known(code: str | None, choices: Sequence[tuple[str, str]]) -> str | None:
    return code if code in dict(choices) else None


def server_sent_event(name: str, body: str) -> bytes:
    """Return an event as a stream writes it."""
    # The lines of a stream alone: Python would also cut where U+2028 stands in a name.
    lines = "".join(f"data: {line}\n" for line in _LINE_END.split(body.removesuffix("\n")))
    return f"event: {name}\n{lines}\n".encode()


async def _events(pages: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Yield events; where there are none, a comment that keeps the connection open."""
    async with aclosing(pages):
        yield b"retry: 2000\n\n"
        async for page in pages:
            yield page or b": alive\n\n"
