"""The routes for reading emergencies and events, and the standing orders of departments."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query

from paidan_chassis.clock import Clock
from paidan_chassis.database import Pool
from paidan_chassis.edge import problems
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.routes import create_router
from paidan_contracts.scopes import grants_of
from paidan_contracts.wire import Slug
from paidan_dispatch.api import access, emergency_queries
from paidan_dispatch.api.emergency_models import EmergencyList, EmergencyQuery, StandingOrderList
from paidan_dispatch.cases.emergency_acts import standing_orders


@dataclass(frozen=True, slots=True)
class EmergencyReadRoutes:
    """``GET /v1/emergencies``, ``GET /v1/standing-orders``."""

    pool: Pool
    clock: Clock

    def router(self) -> APIRouter:
        """Return the router with these routes."""
        router = create_router(tags=["emergencies"])
        router.add_api_route(
            "/v1/emergencies", self.list_emergencies, methods=["GET"], response_model=EmergencyList,
            summary="Emergencies and events", response_model_exclude_none=True,
        )  # fmt: skip
        router.add_api_route(
            "/v1/standing-orders", self.list_standing_orders, methods=["GET"], response_model=StandingOrderList,
            summary="A department's standing orders", response_model_exclude_none=True,
        )  # fmt: skip
        return router

    async def list_emergencies(self, caller: Caller, query: Annotated[EmergencyQuery, Query()]) -> EmergencyList:
        """List what is declared (应急响应, 重大活动保障), last first: in force, to come, or past.

        Each with the number of running cases whose limits it changed. Any key of the city may read it.
        """
        city, now = access.resolve_city_filter(caller, query.city), self.clock.now()
        items = await emergency_queries.list_emergencies(self.pool, city, query, now)
        return EmergencyList(as_of=now, emergencies=list(items))

    async def list_standing_orders(
        self, caller: Caller, department: Annotated[Slug | None, Query()] = None
    ) -> StandingOrderList:
        """Return the standing orders (常备令) of a department, as long as what they belong to has not ended."""
        own = grants_of(caller.scopes).department
        if own is None:
            access.require_case_access(caller)
        wanted = own or department
        if wanted is None:
            raise problems.invalid("department", "name the department", "请注明责任单位")
        if own not in (None, department or own):
            raise problems.forbidden("the key is another department's", "该密钥属于其他单位")
        city, query = access.resolve_city_filter(caller, None), EmergencyQuery(limit=200)
        items = await emergency_queries.list_emergencies(self.pool, city, query, self.clock.now())
        standing = (each.declaration for each in items if each.ending is None)
        orders = [order for each in standing for order in standing_orders(each) if order.department == wanted]
        return StandingOrderList(department=wanted, orders=orders)
