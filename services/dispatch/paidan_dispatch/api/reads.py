"""The routes for reading: cases with history and receipts, lists and queues, a department's open orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field, TypeAdapter

from paidan_chassis.clock import Clock
from paidan_chassis.database import Pool
from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.cursors import CursorCodec, decode_after
from paidan_chassis.edge.routes import create_router
from paidan_contracts import ids
from paidan_contracts.assignments import RuleRef
from paidan_contracts.scopes import grants_of
from paidan_contracts.state import CaseState, Status
from paidan_contracts.wire import Area, CaseId, Code, RequestModel, Slug, Timestamp
from paidan_dispatch.api import access, case_lists, queries
from paidan_dispatch.api.case_lists import CaseFilter, PendingRequest
from paidan_dispatch.api.models import CaseDetail, CaseList, OrderItem, OrderList, Receipt
from paidan_dispatch.api.queries import OrderPage, PageKey
from paidan_dispatch.cases import orders
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.inbox.rows import EventRow
from paidan_dispatch.inbox.unit_of_work import GENESIS_CHAIN

MAX_ORDERS: Final = 1000
_CURSORS = CursorCodec(PageKey)
_RECEIPTS_ADAPTER: TypeAdapter[list[Receipt]] = TypeAdapter(list[Receipt])


class CaseQuery(RequestModel):
    """Query parameters of the list of cases."""

    city: Slug | None = None
    area: Area | None = None
    status: list[Status] = Field(default=[], max_length=9)
    department: Slug | None = None
    class_code: Code | None = None
    reported_from: Timestamp | None = None
    reported_until: Timestamp | None = None
    not_called_back: bool = Field(
        default=False,
        description="Only closed cases with a reporter who is to be called back; `/v1/callbacks` lists them by report.",
    )
    held: bool = Field(default=False, description="Only cases that no rule routes, at the hard-to-place desk.")
    overdue: bool = Field(default=False, description="Only cases of which a running time limit has passed.")
    pending: PendingRequest | None = Field(
        default=None, description="Only cases with a request of this kind that waits for a decision; any: of any kind."
    )
    due_before: Timestamp | None = Field(
        default=None, description="Only open cases whose next clock, or its warning, is due before this time."
    )
    order: Literal["newest", "oldest"] = "newest"
    after: str | None = Field(default=None, max_length=300, description="The `after` of the previous page.")
    limit: int = Field(default=100, ge=1, le=500)

    def to_filter(self, city: str | None) -> CaseFilter:
        """Return the filter for the query. Raises Problem 422 for an invalid ``after``."""
        return CaseFilter(
            city=city,
            area=self.area,
            statuses=tuple(self.status),
            department=self.department,
            class_code=self.class_code,
            reported_from=self.reported_from,
            reported_until=self.reported_until,
            not_called_back=self.not_called_back,
            held=self.held,
            overdue=self.overdue,
            pending=self.pending,
            due_before=self.due_before,
            oldest_first=self.order == "oldest",
            after=decode_after(_CURSORS, self.after),
            limit=self.limit,
        )


@dataclass(frozen=True, slots=True)
class ReadRoutes:
    """``/v1/cases``, ``/v1/cases/{case_id}``, ``/v1/orders``."""

    pool: Pool
    packs: PackCache
    clock: Clock

    def router(self) -> APIRouter:
        """Return the router with these routes. ``name`` is released: operation ids are made from it."""
        router = create_router(tags=["cases"])
        router.add_api_route(
            "/v1/cases", self.list_cases, methods=["GET"], response_model=CaseList, summary="Cases and queues"
        )
        router.add_api_route(
            "/v1/cases/{case_id}", self.show_case, name="show", methods=["GET"], response_model=None,
            summary="A case with its history and receipts",
            responses={200: {"model": CaseDetail | OrderItem, "description": "The case, or a department's own order."}},
        )  # fmt: skip
        router.add_api_route(
            "/v1/orders",
            self.list_orders,
            methods=["GET"],
            response_model=OrderList,
            summary="A department's open orders",
        )
        return router

    async def list_cases(
        self,
        caller: Caller,
        query: Annotated[CaseQuery, Query()],
    ) -> CaseList:
        """List cases, latest report first: `status=filed` is the hard-to-place desk, `received` awaits verification.

        `status=inspecting` awaits inspection, `status=closed&not_called_back=true` a callback; `held=true`,
        `overdue=true` and `due_before=` are the queues of the hard-to-place desk and of supervision; `pending=any`
        lists cases with a request that waits for a decision.
        """
        access.require_case_access(caller)
        case_filter = query.to_filter(access.resolve_city_filter(caller, query.city))
        page = await case_lists.list_covered(self.pool, case_filter, partial(access.is_within_bounds, principal=caller))
        return CaseList(cases=page.cases, after=_CURSORS.encode(page.after) if page.after else None)

    async def show_case(self, case_id: CaseId, caller: Caller) -> Response:
        """Return a case with its history and the receipts of its decisions; to a department, only its order."""
        if not access.covers_area(caller, ids.area_of(case_id)):
            raise access.no_such_case()
        async with self.pool.acquire() as conn:
            stored = await queries.find_case(conn, case_id)
            history = await queries.load_history(conn, case_id) if stored and access.may_read_cases(caller) else []
        if stored is None or not access.is_within_bounds(stored.state, caller):
            raise access.no_such_case()
        if history:
            return Response(_case_detail_json(stored.state, history), media_type="application/json")
        order_item = await self._own_order(stored.state, caller)
        return Response(order_item.model_dump_json(), media_type="application/json")

    async def list_orders(
        self,
        caller: Caller,
        department: Annotated[Slug | None, Query()] = None,
        after: Annotated[str | None, Query(max_length=300, description="The `after` of the previous page.")] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_ORDERS)] = MAX_ORDERS,
    ) -> OrderList:
        """Return the open orders of a department, oldest first, each with its version; keep the highest.

        Those to help (`role` helper) are among them; their `status` follows from the department's own answers.
        All pages together are a complete snapshot, of the times at which they were read.
        """
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
        as_of = self.clock.now()
        page = OrderPage(access.resolve_city_filter(caller, None), decode_after(_CURSORS, after), limit)
        states = await queries.load_open_orders(self.pool, department_id, page)
        return OrderList(
            department=department_id,
            as_of=as_of,
            orders=await self._order_items(
                [each for each in states if access.is_within_bounds(each, caller)], department_id
            ),
            after=_next_cursor(states, limit),
        )

    async def _own_order(self, state: CaseState, caller: Principal) -> OrderItem:
        department = grants_of(caller.scopes).department
        items = await self._order_items([state], department) if department is not None else []
        if not items:
            raise access.no_such_case()
        return items[0]

    async def _order_items(self, states: Sequence[CaseState], department: str) -> list[OrderItem]:
        async with self.pool.acquire() as conn:
            versions = {state.city_version for state in states}
            policies = {version: await self.packs.get(conn, version) for version in versions}
        found = [(state, orders.open_order_of(state, department, policies[state.city_version])) for state in states]
        return [OrderItem(order=order, status=orders.status_for(state, order)) for state, order in found if order]


def _next_cursor(states: Sequence[CaseState], limit: int) -> str | None:
    last = states[-1] if len(states) == limit else None
    return _CURSORS.encode(PageKey(last.reported_at, last.case_id)) if last else None


def _case_detail_json(state: CaseState, events: list[EventRow]) -> bytes:
    """Return the body, with the events as they were published, byte for byte."""
    history = b",".join(
        b'{"version":%d,"chain":"%s","event":%s}' % (event.version, event.chain.hex().encode(), event.event)
        for event in events
    )
    parts = (
        state.model_dump_json().encode(),
        _RECEIPTS_ADAPTER.dump_json(_receipts(state)),
        history,
        _chain_holds_json(events),
    )
    return b'{"case":%s,"receipts":%s,"history":[%s],"chain_holds":%s}' % parts


def _receipts(state: CaseState) -> list[Receipt]:
    decisions: list[tuple[Literal["filed", "placed", "helped", "rated"], RuleRef, str | None]] = []
    if state.filed_by:
        decisions.append(("filed", state.filed_by, None))
    decisions += [("placed", each.placed_by, each.department) for each in state.assignments]
    decisions += [("helped", each.placed_by, each.department) for each in state.helpers]
    if state.rated_by:
        decisions.append(("rated", state.rated_by, None))
    return [
        Receipt(decision=decision, rule=by.rule, city_version=by.city_version, department=department)
        for decision, by, department in decisions
    ]


def _chain_holds_json(events: list[EventRow]) -> bytes:
    chains = [GENESIS_CHAIN, *(event.chain for event in events)]
    is_intact = all(sha256(chains[index] + step.event).digest() == step.chain for index, step in enumerate(events))
    return b"true" if is_intact else b"false"
