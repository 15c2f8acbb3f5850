"""Saved views: a person's own filters of queues under names, renamed and deleted, one of them what opens first."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from starlette.responses import Response
from starlette.routing import BaseRoute

from paidan_cockpit import saved_views
from paidan_cockpit.pages.filter_description import describe_filter
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.queue_filter import QueueFilter
from paidan_cockpit.pages.renderer import PageValues
from paidan_cockpit.pages.request_context import PageRefused, RequestContext
from paidan_cockpit.pages.site import Site, see_other
from paidan_cockpit.saved_views import MAX_NAME, MAX_VIEWS, Reason, SavedView, ViewRefused, clean_name
from paidan_cockpit.translations import translations

_PATH: Final = "/queues/views"


@dataclass(frozen=True, slots=True)
class RefusedView:
    """A view that could not be kept: which, None for a new one, as it was filled in, and why not."""

    view_id: uuid.UUID | None
    name: str
    query: str
    is_first: bool
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedViewsPage(PageValues):
    """A person's views; ``describe`` returns what a view's query shows."""

    template: ClassVar[str] = "saved_views.html"

    views: Sequence[SavedView]
    describe: Callable[[str], str]
    refused: RefusedView | None
    done: str
    max_name: int
    max_views: int


class SavedViewPages:
    """``/queues/views`` and what is below it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[BaseRoute]:
        """Return these routes."""
        page = self._site.page
        return [
            page(_PATH, self._list, "queues"),
            page(_PATH, self._add, "queues", "POST"),
            page(f"{_PATH}/{{view_id}}", self._change, "queues", "POST"),
            page(f"{_PATH}/{{view_id}}/delete", self._delete, "queues", "POST"),
        ]

    async def _list(self, context: RequestContext) -> Response:
        return await self._show(context)

    async def _add(self, context: RequestContext) -> Response:
        fields = (await context.form()).fields
        # Whatever was sent, a filter is kept as this page itself would write it.
        query = QueueFilter.from_query(fields.get("query", "")).query()
        text, is_first = fields.get("name", ""), "first" in fields
        try:
            view = SavedView(uuid.uuid4(), clean_name(text), query, is_first)
            await saved_views.add_view(self._site.pool, context.person, view)
        except ViewRefused as refused:
            return await self._show(context, RefusedView(None, text, query, is_first, refused.reason))
        return see_other(f"/queues?{query}&done=saved")

    async def _change(self, context: RequestContext) -> Response:
        fields = (await context.form()).fields
        view_id = _view_id(context)
        text, is_first = fields.get("name", ""), "first" in fields
        try:
            name = clean_name(text)
            is_own = await saved_views.change_view(self._site.pool, context.person, view_id, name, is_first=is_first)
        except ViewRefused as refused:
            return await self._show(context, RefusedView(view_id, text, "", is_first, refused.reason))
        if not is_own:
            raise PageRefused(404)
        return see_other(f"{_PATH}?done=changed")

    async def _delete(self, context: RequestContext) -> Response:
        await context.form()
        if not await saved_views.delete_view(self._site.pool, context.person, _view_id(context)):
            raise PageRefused(404)
        return see_other(f"{_PATH}?done=deleted")

    async def _show(self, context: RequestContext, refused: RefusedView | None = None) -> Response:
        translate, packs = translations(context.language).gettext, await self._site.packs.current()

        def describe(query: str) -> str:
            queue_filter = QueueFilter.from_query(query)
            city = packs.get(queue_filter.city or "")
            names = CityNames(city if context.person.covers(queue_filter.city or "") else None, context.language)
            return " · ".join(filter(None, (names.city_name(), describe_filter(queue_filter, names, translate))))

        page = SavedViewsPage(
            views=await saved_views.list_views(self._site.pool, context.person),
            describe=describe,
            refused=refused,
            done=context.request.query_params.get("done", ""),
            max_name=MAX_NAME,
            max_views=MAX_VIEWS,
        )
        return self._site.show(context, page, 422 if refused else 200)


def _view_id(context: RequestContext) -> uuid.UUID:
    try:
        return uuid.UUID(str(context.request.path_params["view_id"]))
    except ValueError:
        raise PageRefused(404) from None
