"""``POST /v1/noted/{report_id}/reply``: the public answer to a report that was noted without a case."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from paidan_chassis.edge import problems
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.query import DryRun
from paidan_chassis.edge.routes import create_router
from paidan_contracts import ids
from paidan_contracts.actions import Reply
from paidan_contracts.wire import Id
from paidan_dispatch.actions import route_docs
from paidan_dispatch.actions.http import ActionRoutes
from paidan_dispatch.actions.requests import RequestedAction
from paidan_dispatch.api import access, report_queries
from paidan_dispatch.api.report_models import ReplyBody


@dataclass(frozen=True, slots=True)
class ReplyRoutes:
    """``/v1/noted/{report_id}/reply``."""

    actions: ActionRoutes

    def router(self) -> APIRouter:
        """Return the router with this route."""
        router = create_router(tags=["reports"])
        router.add_api_route(
            "/v1/noted/{report_id}/reply", self.reply, methods=["POST"], status_code=202, response_model=None,
            summary="Reply to a noted report",
            responses=route_docs.ACTION_RESPONSES, openapi_extra=route_docs.IDEMPOTENCY_KEY,
        )  # fmt: skip
        return router

    async def reply(
        self, report_id: Id, body: ReplyBody, caller: Caller, http_request: Request, *, dry_run: DryRun = False
    ) -> Response:
        """Reply to a report that was noted; its source reads the answer, and the latest reply counts.

        Accepted once it is stored in Kafka; its outcome can be read under its id, as an action's.
        """
        area = await report_queries.find_noted_area(self.actions.pool, report_id)
        if area is None or not access.covers_area(caller, area):
            raise problems.not_found("no such report was noted", "没有此登记事项")
        requested = RequestedAction(
            # The case that it would have opened: an action's area is read off it.
            case_id=ids.case_id(area, report_id),
            action=Reply(text=body.text, adopted=body.adopted),
            of_report=report_id,
        )
        return await self.actions.submit(requested, caller, http_request, dry_run=dry_run)
