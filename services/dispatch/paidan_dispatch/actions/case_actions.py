"""``GET /v1/cases/{case_id}/actions``: what the caller may do with a case now, why not, and the form of each action."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter

from paidan_chassis.database import Connection
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.routes import create_router
from paidan_contracts import ids
from paidan_contracts.city.pack_types import Names
from paidan_contracts.reports import JoinedReport
from paidan_contracts.scopes import grants_of
from paidan_contracts.state import CaseState
from paidan_contracts.wire import CaseId
from paidan_dispatch.actions.forms import build_form
from paidan_dispatch.actions.http import ActionRoutes
from paidan_dispatch.actions.permissions import Permission, PermissionQuery
from paidan_dispatch.api import access, queries, report_queries
from paidan_dispatch.api.models import CaseAction, CaseActions
from paidan_dispatch.api.reports import opener_of
from paidan_dispatch.cases.names import ACTION_NAMES
from paidan_dispatch.cases.policy import CityPolicy

MAX_OWN_REPORTS: Final = 100


@dataclass(frozen=True, slots=True)
class CaseActionRoutes:
    """``/v1/cases/{case_id}/actions``, as it is read."""

    actions: ActionRoutes

    def router(self) -> APIRouter:
        """Return the router with this route."""
        router = create_router(tags=["actions"])
        router.add_api_route(
            "/v1/cases/{case_id}/actions", self.list_actions, methods=["GET"], response_model=CaseActions,
            summary="What may be done with a case",
        )  # fmt: skip
        return router

    async def list_actions(self, case_id: CaseId, caller: Caller) -> CaseActions:
        """List every kind of action: whether the caller may take it now, else why not, and the schema of its request.

        To be shown before anything is filled in: `POST` with `?dry-run=true` evaluates the filled form. What is decided
        in the meantime may change both.
        """
        if not access.covers_area(caller, ids.area_of(case_id)):
            raise access.no_such_case()
        async with self.actions.pool.acquire() as conn:
            stored = (await queries.load_cases_with_policy(conn, {case_id})).get(case_id)
            if stored is None:
                raise access.no_such_case()
            own_reports = await _own_reports(conn, stored.state, caller)
            policy = await self.actions.packs.get(conn, stored.pack_version)
        state = stored.state
        own_report = own_reports[0].report_id if own_reports else None
        query = PermissionQuery(state, policy, caller, self.actions.clock.now(), own_report)
        return CaseActions(
            case_id=case_id,
            case_version=state.version,
            status=state.status,
            actions=[_case_action(each, state, policy, own_reports) for each in query.permissions()],
        )


async def _own_reports(conn: Connection, state: CaseState, caller: Principal) -> Sequence[JoinedReport]:
    """Return the reports by which a source acts; of others none. Raises Problem 404 for who may not see the case."""
    if access.may_see(state, caller):
        return ()
    source = grants_of(caller.scopes).source
    if source is None:
        raise access.no_such_case()
    opener = [opener_of(state).report] if state.source == source else []
    joined = await report_queries.load_joined_reports(
        conn, state.case_id, source=source, after=0, limit=MAX_OWN_REPORTS
    )
    own = [*opener, *(each.report for each in joined)]
    if not own:
        raise access.no_such_case()
    return own


def _case_action(
    permission: Permission, state: CaseState, policy: CityPolicy, own_reports: Sequence[JoinedReport]
) -> CaseAction:
    names = ACTION_NAMES[permission.kind]
    return CaseAction(
        kind=permission.kind,
        names=Names(zh=names.zh, en=names.en),
        allowed=permission.refusal is None,
        why=permission.refusal,
        body_schema=build_form(permission, state, policy, own_reports),
    )
