"""The routes for reading cases: with history and receipts, lists and queues."""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import TypeAdapter

from paidan_chassis import city_packs
from paidan_chassis.clock import Clock
from paidan_chassis.database import Pool
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.routes import create_router
from paidan_contracts import ids
from paidan_contracts.assignments import RuleRef
from paidan_contracts.city import City
from paidan_contracts.scopes import grants_of
from paidan_contracts.state import CaseState
from paidan_contracts.wire import CaseId
from paidan_dispatch.api import access, case_lists, queries
from paidan_dispatch.api.case_query import CURSORS, CaseQuery
from paidan_dispatch.api.lights import with_lights
from paidan_dispatch.api.models import CaseDetail, CaseList, CaseWorkGrid, ListedCase, OrderItem, Receipt
from paidan_dispatch.api.order_routes import load_order_items
from paidan_dispatch.api.work_grids import lies_in_grid, places_of_grid, work_grid_of
from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.inbox.rows import EventRow
from paidan_dispatch.inbox.unit_of_work import GENESIS_CHAIN

_RECEIPTS_ADAPTER: TypeAdapter[list[Receipt]] = TypeAdapter(list[Receipt])


@dataclass(frozen=True, slots=True)
class ReadRoutes:
    """``/v1/cases`` and ``/v1/cases/{case_id}``."""

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
        return router

    async def list_cases(
        self,
        caller: Caller,
        query: Annotated[CaseQuery, Query()],
    ) -> CaseList:
        """List cases, latest report first: `status=filed` is the hard-to-place desk, `received` awaits verification.

        `status=inspecting` awaits inspection, `status=closed&not_called_back=true` a callback; `held=true`,
        `overdue=true` and `due_before=` are the queues of the hard-to-place desk and of supervision; `pending=any`
        lists cases with a request that waits for a decision. Queues, which hold open cases, begin with those that come
        first by an emergency or event in force (`priority`), the higher ones before the others.
        """
        access.require_case_access(caller)
        case_filter = access.bounded(query.to_filter(access.resolve_city_filter(caller, query.city)), caller)
        cities = await self._cities_in_force(case_filter.city) if query.work_grid is not None else []
        lies_within = lies_in_grid(query.work_grid, cities)
        grid_places = places_of_grid(query.work_grid, cities)
        if query.work_grid is not None and not grid_places:
            return CaseList(cases=[], after=None)
        case_filter = replace(case_filter, grid_places=grid_places)
        page = await case_lists.list_covered(
            self.pool,
            case_filter,
            lambda state: access.is_within_bounds(state, caller) and lies_within(state),
        )
        now = self.clock.now()
        return CaseList(
            cases=[with_lights(each.state, now, each.priority) for each in page.cases],
            after=CURSORS.encode(page.after) if page.after else None,
        )

    async def _cities_in_force(self, city: str | None) -> list[City]:
        async with self.pool.acquire() as conn:
            versions = await city_packs.load_current_versions(conn)
            policies = [await self.packs.get(conn, each) for id_, each in versions.items() if city in (None, id_)]
        return [each.city for each in policies]

    async def show_case(self, case_id: CaseId, caller: Caller) -> Response:
        """Return a case with its history and the receipts of its decisions; to a department, only its order."""
        if not access.covers_area(caller, ids.area_of(case_id)):
            raise access.no_such_case()
        async with self.pool.acquire() as conn:
            stored = await queries.find_case(conn, case_id)
            history = await queries.load_history(conn, case_id) if stored and access.may_read_cases(caller) else []
            version = (
                (await city_packs.load_current_versions(conn)).get(stored.state.city) if stored and history else None
            )
            policy = await self.packs.get(conn, version) if version is not None else None
        if stored is None or not access.is_within_bounds(stored.state, caller):
            raise access.no_such_case()
        if history:
            grid = work_grid_of(stored.state, policy.city) if policy is not None else None
            listed = with_lights(stored.state, self.clock.now())
            return Response(_case_detail_json(listed, history, grid), media_type="application/json")
        order_item = await self._own_order(stored.state, caller)
        return Response(order_item.model_dump_json(), media_type="application/json")

    async def _own_order(self, state: CaseState, caller: Principal) -> OrderItem:
        department = grants_of(caller.scopes).department
        if department is None:
            raise access.no_such_case()
        items = await load_order_items(self.pool, self.packs, [state], department, self.clock.now())
        if not items:
            raise access.no_such_case()
        async with self.pool.acquire() as conn:
            rounds = await queries.load_past_rounds(conn, state, items[0].order)
        return items[0].model_copy(update={"rounds": rounds})


def _case_detail_json(state: ListedCase, events: list[EventRow], grid: CaseWorkGrid | None) -> bytes:
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
        grid.model_dump_json().encode() if grid is not None else b"null",
    )
    return b'{"case":%s,"receipts":%s,"history":[%s],"chain_holds":%s,"work_grid":%s}' % parts


def _receipts(state: CaseState) -> list[Receipt]:
    decisions: list[
        tuple[Literal["verified", "filed", "placed", "helped", "rated", "answerable"], RuleRef, str | None]
    ] = []
    required = next((each.verification.required_by for each in state.clocks if each.verification is not None), None)
    if required is not None:
        decisions.append(("verified", required, None))
    if state.filed_by:
        decisions.append(("filed", state.filed_by, None))
    decisions += [("placed", each.placed_by, each.department) for each in state.assignments]
    decisions += [("helped", each.placed_by, each.department) for each in state.helpers]
    if state.answerable:
        decisions.append(("answerable", state.answerable.named_by, state.answerable.unit))
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
