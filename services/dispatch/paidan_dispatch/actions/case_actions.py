"""What the caller may do with a case, or with many, now; why not; and the form of each action."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter, Request

from paidan_chassis.database import Connection
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.rate_limit import charge
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
from paidan_dispatch.api.lights import order_item
from paidan_dispatch.api.models import CaseAction, CaseActions, CaseActionsList, CaseActionsLookup, OrderItem
from paidan_dispatch.api.reports import opener_of
from paidan_dispatch.cases import orders, refusals
from paidan_dispatch.cases.names import ACTION_NAMES
from paidan_dispatch.cases.policy import CityPolicy

MAX_OWN_REPORTS: Final = 100


@dataclass(frozen=True, slots=True)
class CaseActionRoutes:
    """``/v1/cases/{case_id}/actions``, as it is read, and ``/v1/cases/actions/lookup``."""

    actions: ActionRoutes

    def router(self) -> APIRouter:
        """Return the router with these routes."""
        router = create_router(tags=["actions"])
        router.add_api_route(
            "/v1/cases/{case_id}/actions", self.list_actions, methods=["GET"], response_model=CaseActions,
            summary="What may be done with a case",
        )  # fmt: skip
        router.add_api_route(
            "/v1/cases/actions/lookup", self.look_up_actions, methods=["POST"], response_model=CaseActionsList,
            summary="What may be done with many cases",
        )  # fmt: skip
        return router

    async def list_actions(self, case_id: CaseId, caller: Caller) -> CaseActions:
        """List every kind of action: whether the caller may take it now, else why not, and the schema of its request.

        To be shown before anything is filled in: `POST` with `?dry-run=true` evaluates the filled form. What is decided
        in the meantime may change both.
        """
        found = await self._load([case_id], caller, ())
        if not found:
            raise access.no_such_case()
        return found[0]

    async def look_up_actions(
        self, lookup: CaseActionsLookup, caller: Caller, http_request: Request
    ) -> CaseActionsList:
        """List what the caller may do with each of many cases, in their order, as of each alone.

        Cases that do not exist or are not the caller's to see are left out. It counts as one request for each case.
        """
        case_ids = list(dict.fromkeys(lookup.case_ids))
        await charge(http_request, len(case_ids) - 1)
        return CaseActionsList(cases=await self._load(case_ids, caller, lookup.kinds))

    async def _load(self, case_ids: Sequence[str], caller: Principal, kinds: Collection[str]) -> list[CaseActions]:
        covered = [each for each in case_ids if access.covers_area(caller, ids.area_of(each))]
        listed = []
        async with self.actions.pool.acquire() as conn:
            stored = await queries.load_cases_with_policy(conn, covered)
            for case_id in covered:
                if case_id not in stored:
                    continue
                state = stored[case_id].state
                own_reports = await _find_own_reports(conn, state, caller)
                if own_reports is None:
                    continue
                policy = await self.actions.packs.get(conn, stored[case_id].pack_version)
                own_report = own_reports[0].report_id if own_reports else None
                query = PermissionQuery(state, policy, caller, self.actions.clock.now(), own_report)
                listed.append(_case_actions(query, own_reports, kinds, await _own_order(conn, query)))
                await asyncio.sleep(0)  # others' requests do not wait for a hundred forms
        return listed


def _case_actions(
    query: PermissionQuery, own_reports: Sequence[JoinedReport], kinds: Collection[str], order: OrderItem | None
) -> CaseActions:
    state = query.state
    return CaseActions(
        case_id=state.case_id,
        case_version=state.version,
        status=state.status,
        actions=[_case_action(each, state, query.policy, own_reports) for each in query.permissions(kinds)],
        order=order,
    )


async def _own_order(conn: Connection, query: PermissionQuery) -> OrderItem | None:
    department = grants_of(query.caller.scopes).department
    order = orders.open_order_of(query.state, department, query.policy) if department else None
    if order is None:
        return None
    return order_item(query.state, order, query.at, await queries.load_past_rounds(conn, query.state, order))


async def _find_own_reports(conn: Connection, state: CaseState, caller: Principal) -> Sequence[JoinedReport] | None:
    """Return the reports by which a source acts; of others none. None for who may not see the case."""
    if access.may_see(state, caller):
        return ()
    source = grants_of(caller.scopes).source
    if source is None:
        return None
    opener = [opener_of(state).report] if state.source == source else []
    joined = await report_queries.load_joined_reports(
        conn, state.case_id, source=source, after=0, limit=MAX_OWN_REPORTS
    )
    return [*opener, *(each.report for each in joined)] or None


def _case_action(
    permission: Permission, state: CaseState, policy: CityPolicy, own_reports: Sequence[JoinedReport]
) -> CaseAction:
    names = ACTION_NAMES[permission.kind]
    return CaseAction(
        kind=permission.kind,
        names=Names(zh=names.zh, en=names.en),
        allowed=permission.refusal is None,
        why=permission.refusal and refusals.without_allowed(state, permission.refusal),
        body_schema=build_form(permission, state, policy, own_reports),
    )
