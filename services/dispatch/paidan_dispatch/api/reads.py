"""What may be read over HTTP: cases with their history and receipts, lists and queues, a department's open orders."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Literal

import asyncpg
from fastapi import APIRouter, Query, Response
from pydantic import Field, TypeAdapter

from paidan_chassis.clock import Clock
from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_contracts import ids
from paidan_contracts.state import CaseState, Status
from paidan_contracts.wire import Area, Asked, CaseId, Code, Moment, Slug
from paidan_dispatch.api import access, queries
from paidan_dispatch.api.models import (
    CaseList,
    CaseShown,
    Orders,
    OrderShown,
    Receipt,
)
from paidan_dispatch.api.queries import Wanted
from paidan_dispatch.cases import orders
from paidan_dispatch.city_packs import Cities
from paidan_dispatch.inbox.unit_of_work import UNCHAINED, StepRow

_RECEIPTS: TypeAdapter[list[Receipt]] = TypeAdapter(list[Receipt])


class ListAsked(Asked):
    """Which cases a list is to show."""

    city: Slug | None = None
    area: Area | None = None
    status: list[Status] = Field(default=[], max_length=9)
    department: Slug | None = None
    class_code: Code | None = None
    reported_from: Moment | None = None
    reported_until: Moment | None = None
    not_called_back: bool = Field(
        default=False, description="Only closed cases whose reporter nobody has called back since."
    )
    order: Literal["newest", "oldest"] = "newest"
    after: str | None = Field(default=None, max_length=300, description="The `after` of the page before.")
    limit: int = Field(default=100, ge=1, le=500)

    def wanted(self, city: str | None) -> Wanted:
        """Put it as the query wants it."""
        return Wanted(
            city=city,
            area=self.area,
            statuses=tuple(self.status),
            department=self.department,
            class_code=self.class_code,
            reported_from=self.reported_from,
            reported_until=self.reported_until,
            not_called_back=self.not_called_back,
            oldest_first=self.order == "oldest",
            after=_place(self.after) if self.after else None,
            limit=self.limit,
        )


@dataclass(frozen=True, slots=True)
class LookingRoutes:
    """``/v1/cases``, ``/v1/cases/{case_id}``, ``/v1/orders``."""

    pool: "asyncpg.Pool[Any]"
    cities: Cities
    clock: Clock

    def router(self) -> APIRouter:
        """Give the routes."""
        router = APIRouter(tags=["cases"])
        router.add_api_route(
            "/v1/cases", self.list_cases, methods=["GET"], response_model=CaseList, summary="Cases and queues"
        )
        router.add_api_route(
            "/v1/cases/{case_id}", self.show, methods=["GET"], response_model=None,
            summary="A case with its history and receipts",
            responses={200: {"model": CaseShown | OrderShown, "description": "The case; a department's own order."}},
        )  # fmt: skip
        router.add_api_route(
            "/v1/orders", self.list_orders, methods=["GET"], response_model=Orders, summary="A department's open orders"
        )
        return router

    async def list_cases(
        self,
        caller: Caller,
        wanted: Annotated[ListAsked, Query()],
    ) -> CaseList:
        """List cases, newest report first: `status=filed` is the hard-to-place desk, `received` waits for verification.

        `status=inspecting` waits for inspection, `status=closed&not_called_back=true` for a callback.
        """
        access.must_see_cases(caller)
        found = await queries.cases(self.pool, wanted.wanted(access.city_asked(caller, wanted.city)))
        more = len(found) == wanted.limit
        return CaseList(cases=found, after=_cursor(found[-1]) if more else None)

    async def show(self, case_id: CaseId, caller: Caller) -> Response:
        """Show a case with its history and the receipts of its decisions; a department sees its order alone."""
        if not access.covers_area(caller, ids.area_of(case_id)):
            raise problems.not_found("there is no such case", "无此案件")
        async with self.pool.acquire() as conn:
            found = await queries.case_by_id(conn, case_id)
            steps = await queries.history(conn, case_id) if found and access.sees_cases(caller) else []
        if found is None:
            raise problems.not_found("there is no such case", "无此案件")
        if steps:
            return Response(_shown(found.state, steps), media_type="application/json")
        shown = await self._order(found.state, caller)
        return Response(shown.model_dump_json(), media_type="application/json")

    async def list_orders(self, caller: Caller, department: Annotated[Slug | None, Query()] = None) -> Orders:
        """Give all open orders of a department, oldest first, each with its version; keep the higher one."""
        asked = caller.department or department
        if caller.department is None:
            access.must_see_cases(caller)
        if asked is None:
            raise problems.invalid("department", "name the department whose orders you want")
        if caller.department not in (None, department or caller.department):
            raise problems.forbidden("the key is another department's", "该密钥属于其他单位")
        as_of = self.clock.now()
        states = [each for each in await queries.open_orders(self.pool, asked) if access.covers_area(caller, each.area)]
        return Orders(department=asked, as_of=as_of, orders=await self._shown_orders(states))

    async def _order(self, state: CaseState, caller: Principal) -> OrderShown:
        holds = state.department == caller.department and state.status not in ("received", "filed") and not state.past
        if caller.department is None or not holds:
            raise problems.not_found("there is no such case", "无此案件")
        return (await self._shown_orders([state]))[0]

    async def _shown_orders(self, states: Sequence[CaseState]) -> list[OrderShown]:
        async with self.pool.acquire() as conn:
            versions = {state.city_version for state in states}
            bylaws = {version: await self.cities.get(conn, version) for version in versions}
        return [
            OrderShown(order=orders.newest(state, bylaws[state.city_version]), status=state.status) for state in states
        ]


def _cursor(state: CaseState) -> str:
    return base64.urlsafe_b64encode(f"{state.reported_at.isoformat()}|{state.case_id}".encode()).decode()


def _place(cursor: str) -> tuple[datetime, str]:
    try:
        at, _, case_id = base64.urlsafe_b64decode(cursor).decode().partition("|")
        place = datetime.fromisoformat(at), case_id
    except (ValueError, binascii.Error):
        raise problems.invalid("after", "give what the page before said under `after`") from None
    if place[0].tzinfo is None or "\x00" in case_id:
        raise problems.invalid("after", "give what the page before said under `after`")
    return place


def _shown(state: CaseState, steps: list[StepRow]) -> bytes:
    """Write the answer around the events as they were published, byte for byte."""
    history = b",".join(
        b'{"version":%d,"chain":"%s","event":%s}' % (step.version, step.chain.hex().encode(), step.event)
        for step in steps
    )
    parts = state.model_dump_json().encode(), _RECEIPTS.dump_json(_receipts(state)), history, _holds(steps)
    return b'{"case":%s,"receipts":%s,"history":[%s],"chain_holds":%s}' % parts


def _receipts(state: CaseState) -> list[Receipt]:
    filed = [state.filed_by] if state.filed_by else []
    return [
        *(Receipt(decision="filed", rule=each.rule, city_version=each.city_version) for each in filed),
        *(
            Receipt(
                decision="placed",
                rule=turn.placed_by.rule,
                city_version=turn.placed_by.city_version,
                department=turn.department,
            )
            for turn in state.assignments
        ),
    ]


def _holds(steps: list[StepRow]) -> bytes:
    chains = [UNCHAINED, *(step.chain for step in steps)]
    fits = all(sha256(chains[at] + step.event).digest() == step.chain for at, step in enumerate(steps))
    return b"true" if fits else b"false"
