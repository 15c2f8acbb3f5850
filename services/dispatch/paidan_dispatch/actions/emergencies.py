"""``POST /v1/emergencies``, ``POST /v1/emergencies/{declaration_id}/end``: acts on a city as a whole."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from paidan_chassis.edge import problems
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.query import DryRun
from paidan_chassis.edge.routes import create_router
from paidan_contracts import ids
from paidan_contracts.emergency_actions import DeclareEmergency, EndEmergency
from paidan_contracts.wire import Id
from paidan_dispatch.actions import route_docs
from paidan_dispatch.actions.http import ActionRoutes
from paidan_dispatch.actions.requests import RequestedAction
from paidan_dispatch.api import access, emergency_queries
from paidan_dispatch.api.emergency_models import DeclareBody, EndBody


@dataclass(frozen=True, slots=True)
class EmergencyRoutes:
    """The routes by which an emergency or an event is declared, and ends."""

    actions: ActionRoutes

    def router(self) -> APIRouter:
        """Return the router with these routes."""
        router = create_router(tags=["emergencies"])
        router.add_api_route(
            "/v1/emergencies", self.declare, methods=["POST"], status_code=202, response_model=None,
            summary="Declare an emergency or an event",
            responses=route_docs.ACTION_RESPONSES, openapi_extra=route_docs.IDEMPOTENCY_KEY,
        )  # fmt: skip
        router.add_api_route(
            "/v1/emergencies/{declaration_id}/end", self.end, methods=["POST"], status_code=202, response_model=None,
            summary="End an emergency or an event",
            responses=route_docs.ACTION_RESPONSES, openapi_extra=route_docs.IDEMPOTENCY_KEY,
        )  # fmt: skip
        return router

    async def declare(
        self, body: DeclareBody, caller: Caller, http_request: Request, *, dry_run: DryRun = False
    ) -> Response:
        """Declare an emergency (应急响应) or an event (重大活动保障) by a plan of the city's pack.

        Accepted once it is stored in Kafka; its outcome can be read under its id, which is the declaration's. New cases
        have its limits from then on, running ones a few hundred at a time.
        """
        city = access.resolve_city_filter(caller, body.city)
        if city is None:
            raise problems.invalid("city", "name the city", "请注明城市")
        fields = body.model_dump(exclude={"city", "begins_at", "ends_at"})
        begins_at, ends_at = (
            self.actions.terms.in_zone(ids.city_subject(city), each) for each in (body.begins_at, body.ends_at)
        )
        action = DeclareEmergency(**fields, begins_at=begins_at, ends_at=ends_at)
        requested = RequestedAction(ids.city_subject(city), action)
        return await self.actions.submit(requested, caller, http_request, dry_run=dry_run)

    async def end(
        self,
        declaration_id: Id,
        body: EndBody,
        caller: Caller,
        http_request: Request,
        *,
        dry_run: DryRun = False,
    ) -> Response:
        """End what was declared: new cases have the usual limits again; those that run, as the pack says."""
        city = await emergency_queries.find_city(self.actions.pool, declaration_id)
        if city is None or not access.covers_area(caller, city):
            raise problems.not_found("nothing of this id was declared", "没有该编号的应急响应或保障")
        action = EndEmergency(declaration_id=declaration_id, reason=body.reason)
        requested = RequestedAction(ids.city_subject(city), action)
        return await self.actions.submit(requested, caller, http_request, dry_run=dry_run)
