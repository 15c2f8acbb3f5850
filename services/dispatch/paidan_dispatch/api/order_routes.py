"""The routes of a department's open orders: the snapshot by pages, what changed since, and a workbook."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Response
from pydantic import Field

from paidan_chassis.clock import Clock
from paidan_chassis.database import Pool
from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.change_watch import MAX_WAIT_S, ChangeWatch, WaitingRequest
from paidan_chassis.edge.cursors import decode_after
from paidan_chassis.edge.routes import create_router
from paidan_chassis.edge.xlsx_table import MEDIA_TYPE
from paidan_contracts.scopes import grants_of
from paidan_contracts.state import CaseState
from paidan_contracts.wire import RequestModel, Slug
from paidan_dispatch.api import access, queries
from paidan_dispatch.api.case_query import CURSORS
from paidan_dispatch.api.lights import order_item
from paidan_dispatch.api.models import OrderItem, OrderList
from paidan_dispatch.api.order_tags import OrdersOf
from paidan_dispatch.api.order_workbook import MAX_ROWS, OrderRow, order_workbook
from paidan_dispatch.api.queries import OrderPage, PageKey
from paidan_dispatch.cases import orders
from paidan_dispatch.city_packs import PackCache

MAX_ORDERS: Final = 1000
_ETAG: Final = {"ETag": {"description": "Of this state of the orders.", "schema": {"type": "string"}}}
_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"headers": _ETAG},
    304: {"description": "Nothing has changed since the state that `If-None-Match` names.", "headers": _ETAG},
}


class OrderQuery(RequestModel):
    """Query parameters of a department's open orders."""

    department: Slug | None = Field(default=None, description="Whose orders; a department's own key needs none.")
    after: str | None = Field(default=None, max_length=300, description="The `after` of the previous page.")
    limit: int = Field(default=MAX_ORDERS, ge=1, le=MAX_ORDERS)
    wait: int = Field(
        default=0, ge=0, le=MAX_WAIT_S, description="With `If-None-Match`: wait so many seconds for a change."
    )


@dataclass(frozen=True, slots=True)
class OrderRoutes:
    """``/v1/orders`` and ``/v1/orders.xlsx``."""

    pool: Pool
    packs: PackCache
    clock: Clock
    watch: ChangeWatch[OrdersOf]

    def router(self) -> APIRouter:
        """Return the router with these routes. ``name`` is released: operation ids are made from it."""
        router = create_router(tags=["cases"])
        router.add_api_route(
            "/v1/orders",
            self.list_orders,
            methods=["GET"],
            response_model=OrderList,
            summary="A department's open orders",
            responses=_RESPONSES,
        )
        router.add_api_route(
            "/v1/orders.xlsx",
            self.download_orders,
            methods=["GET"],
            response_class=Response,
            summary="A department's open orders as a workbook",
            responses={200: {"content": {MEDIA_TYPE: {}}, "description": "The workbook."}},
        )
        return router

    async def list_orders(
        self,
        caller: Caller,
        response: Response,
        query: Annotated[OrderQuery, Query()],
        if_none_match: Annotated[
            str | None, Header(max_length=300, description="An `ETag`: answered by 304 while nothing has changed.")
        ] = None,
    ) -> OrderList | Response:
        """Return the open orders of a department, oldest first, each with its version; keep the highest.

        Those of cases that come first by an emergency or event in force (`priority`) are before all others.

        Those to help (`role` helper) are among them; their `status` follows from the department's own answers.
        All pages together are a complete snapshot, of the times at which they were read. With the `ETag` of an earlier
        answer in `If-None-Match` and `wait=30` the answer comes as soon as an order was issued, changed or withdrawn.
        """
        department = _department_of(caller, query.department)
        city = access.resolve_city_filter(caller, None)
        page = _page_of(caller, city, decode_after(CURSORS, query.after), query.limit)
        asked = _asked_by(caller, department, city)
        tag = await self.watch.tag(asked)
        if query.wait and if_none_match == _etag(tag, caller, query):
            await self.watch.wait(WaitingRequest(asked, tag), query.wait, caller.key_id)
            tag = await self.watch.tag(asked)
        etag = _etag(tag, caller, query)
        headers = {"ETag": etag}
        if if_none_match == etag:
            return Response(status_code=304, headers=headers)
        response.headers.update(headers)
        return await self._read_page(caller, department, page)

    async def download_orders(
        self, caller: Caller, department: Annotated[Slug | None, Query(description="Whose orders.")] = None
    ) -> Response:
        """Return the open orders of a department as a workbook (XLSX), oldest first, the first 10,000 of them.

        Names stand beside codes, and times are the city's.
        """
        department = _department_of(caller, department)
        city = access.resolve_city_filter(caller, None)
        rows: list[OrderRow] = []
        after: PageKey | None = None
        while True:
            page = _page_of(caller, city, after, MAX_ORDERS)
            queued = await queries.load_open_orders(self.pool, department, page)
            states = [each.state for each in queued if access.is_within_bounds(each.state, caller)]
            rows += await self._rows_of(states, department)
            if len(queued) < MAX_ORDERS or len(rows) >= MAX_ROWS:
                break
            after = queued[-1].key
        content = await asyncio.to_thread(order_workbook, rows[:MAX_ROWS])
        name = f"orders-{department}-{self.clock.now():%Y%m%d}.xlsx"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return Response(content, media_type=MEDIA_TYPE, headers=headers)

    async def _rows_of(self, states: Sequence[CaseState], department: str) -> list[OrderRow]:
        items = await load_order_items(self.pool, self.packs, states, department, self.clock.now())
        versions = {each.case_id: each.city_version for each in states}
        async with self.pool.acquire() as conn:
            cities = {each: (await self.packs.get(conn, each)).city for each in set(versions.values())}
        return [OrderRow(each, cities[versions[each.order.case_id]]) for each in items]

    async def _read_page(self, caller: Principal, department: str, page: OrderPage) -> OrderList:
        as_of = self.clock.now()
        queued = await queries.load_open_orders(self.pool, department, page)
        within = [each for each in queued if access.is_within_bounds(each.state, caller)]
        items = await load_order_items(self.pool, self.packs, [each.state for each in within], department, as_of)
        priorities = {each.state.case_id: each.priority for each in within}
        return OrderList(
            department=department,
            as_of=as_of,
            orders=[each.model_copy(update={"priority": priorities[each.order.case_id]}) for each in items],
            after=CURSORS.encode(queued[-1].key) if len(queued) == page.limit else None,
        )


def _department_of(caller: Principal, department: str | None) -> str:
    own_department = grants_of(caller.scopes).department
    department_id = own_department or department
    if own_department is None:
        access.require_case_access(caller)
    if department_id is None:
        raise problems.invalid(
            "department", "name the department whose orders you want", "请注明要查看哪个责任单位的派单"
        )
    if own_department not in (None, department or own_department):
        raise problems.forbidden("the key is another department's", "该密钥属于其他单位")
    return department_id


def _asked_by(caller: Principal, department: str, city: str | None) -> OrdersOf:
    """Return what the caller may see of the orders: of a change beyond its bounds it hears nothing."""
    grants = grants_of(caller.scopes)
    return OrdersOf(department, city, tuple(sorted(grants.places)), tuple(sorted(grants.classes)))


def _page_of(caller: Principal, city: str | None, after: PageKey | None, limit: int) -> OrderPage:
    grants = grants_of(caller.scopes)
    return OrderPage(city, after, limit, within_places=grants.places, within_classes=grants.classes)


def _etag(tag: str, caller: Principal, query: OrderQuery) -> str:
    """Return a weak tag: what the clock alone changes, such as a light, is no change."""
    shown = repr((tag, sorted(caller.scopes), query.after, query.limit))
    return f'W/"{sha256(shown.encode()).hexdigest()[:32]}"'


async def load_order_items(
    pool: Pool, packs: PackCache, states: Sequence[CaseState], department: str, now: datetime
) -> list[OrderItem]:
    """Return the department's open orders in these cases, with their limits' lights as of now."""
    async with pool.acquire() as conn:
        versions = {state.city_version for state in states}
        policies = {version: await packs.get(conn, version) for version in versions}
    found = [(state, orders.open_order_of(state, department, policies[state.city_version])) for state in states]
    return [order_item(state, order, now) for state, order in found if order]
