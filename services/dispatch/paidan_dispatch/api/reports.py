"""The routes about reports: those of a case, those whose reporters are to be called back, those that were noted."""

from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from paidan_chassis.database import Pool
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.cursors import CursorCodec, decode_after
from paidan_chassis.edge.routes import create_router
from paidan_contracts import ids
from paidan_contracts.reports import JoinedReport
from paidan_contracts.scopes import grants_of
from paidan_contracts.state import CaseState
from paidan_contracts.wire import CaseId, RequestModel, Slug
from paidan_dispatch.api import access, case_lists, queries, report_queries
from paidan_dispatch.api.case_filter import CaseFilter
from paidan_dispatch.api.queries import PageKey
from paidan_dispatch.api.report_models import Callback, CallbackList, CaseReport, CaseReportList, NotedReportList
from paidan_dispatch.api.report_queries import NotedPageKey

_CASE_CURSORS = CursorCodec(PageKey)
_NOTED_CURSORS = CursorCodec(NotedPageKey)


class CaseReportQuery(RequestModel):
    """Query parameters of the list of a case's reports."""

    after: int = Field(default=0, ge=0, le=2_000_000_000, description="The `after` of the previous page.")
    limit: int = Field(default=100, ge=1, le=500)


class CallbackQuery(RequestModel):
    """Query parameters of the list of callbacks."""

    city: Slug | None = None
    after: str | None = Field(default=None, max_length=300, description="The `after` of the previous page.")
    limit: int = Field(default=100, ge=1, le=500, description="Number of cases.")


class NotedQuery(RequestModel):
    """Query parameters of the list of noted reports."""

    city: Slug | None = None
    answered: bool | None = None
    after: str | None = Field(default=None, max_length=300, description="The `after` of the previous page.")
    limit: int = Field(default=100, ge=1, le=500)


@dataclass(frozen=True, slots=True)
class ReportRoutes:
    """``/v1/cases/{case_id}/reports``, ``/v1/callbacks``, ``/v1/noted``."""

    pool: Pool

    def router(self) -> APIRouter:
        """Return the router with these routes."""
        router = create_router(tags=["reports"])
        router.add_api_route(
            "/v1/cases/{case_id}/reports", self.list_case_reports, methods=["GET"], response_model=CaseReportList,
            summary="The reports of a case",
        )  # fmt: skip
        router.add_api_route(
            "/v1/callbacks", self.list_callbacks, methods=["GET"], response_model=CallbackList,
            summary="The reporters to be called back",
        )  # fmt: skip
        router.add_api_route(
            "/v1/noted", self.list_noted, methods=["GET"], response_model=NotedReportList,
            summary="The reports that were noted without a case",
        )  # fmt: skip
        return router

    async def list_case_reports(
        self, case_id: CaseId, caller: Caller, query: Annotated[CaseReportQuery, Query()]
    ) -> CaseReportList:
        """List the reports of a case: all of them to staff and to departments with an order, to a source its own."""
        if not access.covers_area(caller, ids.area_of(case_id)):
            raise access.no_such_case()
        source = grants_of(caller.scopes).source
        async with self.pool.acquire() as conn:
            stored = await queries.find_case(conn, case_id)
            if stored is None or not (source or access.may_see(stored.state, caller)):
                raise access.no_such_case()
            only_source = None if access.may_see(stored.state, caller) else source
            opener = (
                [opener_of(stored.state)] if query.after == 0 and only_source in (None, stored.state.source) else []
            )
            joined = await report_queries.load_joined_reports(
                conn, case_id, source=only_source, after=query.after, limit=query.limit - len(opener)
            )
            is_foreign = only_source not in (None, stored.state.source) and not joined
            if is_foreign and not await report_queries.load_joined_reports(
                conn, case_id, source=only_source, after=0, limit=1
            ):
                raise access.no_such_case()
        reports = opener + joined
        is_full = len(reports) == query.limit
        return CaseReportList(case_id=case_id, reports=reports, after=reports[-1].number if is_full else None)

    async def list_callbacks(self, caller: Caller, query: Annotated[CallbackQuery, Query()]) -> CallbackList:
        """List the reporters of closed cases who are to be called back, each under the report that they sent."""
        access.require_case_access(caller)
        case_filter = CaseFilter(
            city=access.resolve_city_filter(caller, query.city),
            statuses=("closed",),
            not_called_back=True,
            oldest_first=True,
            after=decode_after(_CASE_CURSORS, query.after),
            limit=query.limit,
        )
        page = await case_lists.list_covered(
            self.pool, access.bounded(case_filter, caller), partial(access.is_within_bounds, principal=caller)
        )
        states = [each.state for each in page.cases]
        awaited = [(state, report_id) for state in states for report_id in _awaited(state)]
        reports = await report_queries.load_reports_to_call(
            self.pool, [state.case_id for state in states], [report_id for _, report_id in awaited]
        )
        return CallbackList(
            callbacks=[_callback(state, report_id, reports.get(report_id)) for state, report_id in awaited],
            after=_CASE_CURSORS.encode(page.after) if page.after else None,
        )

    async def list_noted(self, caller: Caller, query: Annotated[NotedQuery, Query()]) -> NotedReportList:
        """List the reports that were noted, oldest first; `answered=false` are those that wait for a reply."""
        access.require_case_access(caller)
        if grants_of(caller.scopes).is_bounded:  # a noted report has no class and no place
            return NotedReportList(reports=[], after=None)
        reports = await report_queries.list_noted_reports(
            self.pool,
            city=access.resolve_city_filter(caller, query.city),
            answered=query.answered,
            after=decode_after(_NOTED_CURSORS, query.after),
            limit=query.limit,
        )
        last = reports[-1] if len(reports) == query.limit else None
        after = _NOTED_CURSORS.encode(NotedPageKey(last.recorded_at, last.report_id)) if last else None
        return NotedReportList(reports=reports, after=after)


def opener_of(state: CaseState) -> CaseReport:
    """Return the report that opened a case, which its state holds in full."""
    report = JoinedReport(
        report_id=state.opened_by,
        source=state.source,
        channel=state.channel,
        text=state.text,
        address=state.place.address,
        latitude=state.place.latitude,
        longitude=state.place.longitude,
        photos=state.photos,
        recorded_at=state.reported_at,
        wants_callback=state.wants_callback,
        confidential=state.confidential,
    )
    return CaseReport(number=1, report=report)


def _awaited(state: CaseState) -> tuple[str, ...]:
    # A case that a release before this one closed does not say who waits: its opener.
    return state.callbacks_awaited or (state.opened_by,)


def _callback(state: CaseState, report_id: str, report: JoinedReport | None) -> Callback:
    return Callback(
        case_id=state.case_id,
        report_id=report_id,
        report=opener_of(state).report if report_id == state.opened_by else report,
        class_code=state.class_code,
        round=state.round,
        closed_at=state.closed_at,
        answer=state.answer,
    )
