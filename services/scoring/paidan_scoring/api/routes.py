"""Scoring's HTTP routes. A department's key reads that department's scores; monitors and operators read all."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from paidan_chassis.database import Pool
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.cursors import InvalidCursor
from paidan_chassis.edge.problems import Problem, forbidden, invalid, not_found
from paidan_chassis.edge.routes import create_router
from paidan_contracts.city.pack_types import CityId
from paidan_contracts.nearest import nearest
from paidan_contracts.scopes import ALL_CITIES, covers_city, grants_of
from paidan_contracts.scores import Dimension
from paidan_contracts.wire import Id, Slug
from paidan_scoring.api import queries
from paidan_scoring.api.access import VisibleRows, visible_rows
from paidan_scoring.api.models import (
    ConservationResponse,
    IndicatorsResponse,
    ReceiptResponse,
    SchemesResponse,
    ScoresResponse,
)
from paidan_scoring.api.score_reader import CountedPart, ScoreQuery, ScoreReader, UnknownCity, UnknownIndicator
from paidan_scoring.indicator_values import ScoreName
from paidan_scoring.periods import InvalidPeriod, Period

CityParam = Annotated[CityId, Query(description="City id, such as `quancheng`.")]
PeriodParam = Annotated[
    str, Query(max_length=10, description="A day `2026-01-31`, a month `2026-01` or a year `2026`, in the city's zone.")
]
DimensionParam = Annotated[Dimension, Query(description="Dimension of the rows.")]
IndicatorParam = Annotated[Slug | None, Query(description="Only this rate.")]
CountsParam = Annotated[str, Query(pattern="^(basic|all)$", description="`all`: every count that the city defines.")]
ScoreIdParam = Annotated[Id, Path(description="Score id of a rate of `/v1/scores` or of a message on `paidan.scores`.")]
PartParam = Annotated[
    CountedPart,
    Query(
        description="Which cases: of the `denominator`, of the `numerator`, those `missed` (in the denominator and not"
        " in the numerator: the bad ones of a good rate), or those in `neither`."
    ),
]
MissedOnlyParam = Annotated[bool, Query(deprecated=True, description="The same as `part=missed`.")]
AfterParam = Annotated[str | None, Query(max_length=200, description="`next` of the previous page.")]
LimitParam = Annotated[int, Query(ge=1, le=1000)]


def create_score_router(reader: ScoreReader, pool: Pool) -> APIRouter:
    """Return the router of all routes."""
    router = create_router(prefix="/v1", tags=["scores"])
    _add_scores_route(router, reader)
    _add_receipt_route(router, reader)
    _add_definition_routes(router, reader)
    _add_conservation_route(router, pool)
    return router


def _add_scores_route(router: APIRouter, reader: ScoreReader) -> None:
    @router.get("/scores")
    async def scores(
        caller: Caller,
        city: CityParam,
        period: PeriodParam,
        by: DimensionParam = "department",
        indicator: IndicatorParam = None,
        counts: CountsParam = "basic",
    ) -> ScoresResponse:
        """Return counts and rates, each rate with its numerator, denominator and the id of its receipt."""
        query = ScoreQuery(
            city=city,
            period=_parse_period(period),
            by=by,
            rows=_visible_rows(caller, city, by),
            indicator=indicator,
            includes_all_counts=counts == "all",
        )
        try:
            return await reader.scores(query)
        except UnknownCity as error:
            raise _city_not_found(error, caller) from None
        except UnknownIndicator as error:
            hint, known = nearest(error.name, error.known), ", ".join(error.known)
            raise invalid(
                "indicator",
                f"the city defines no rate {error.name}; there are: {known}{hint.en}",
                f"该城市没有比率指标 {error.name}；可用的有：{known}{hint.zh}",
            ) from None


def _add_receipt_route(router: APIRouter, reader: ScoreReader) -> None:
    @router.get("/scores/{score_id}/cases")
    async def receipt(
        caller: Caller,
        score_id: ScoreIdParam,
        part: PartParam = "denominator",
        missed_only: MissedOnlyParam = False,
        after: AfterParam = None,
        limit: LimitParam = 100,
    ) -> ReceiptResponse:
        """List the cases of which a score consists, or one part of them; each says whether it is in the numerator."""
        name = await reader.find_score_name(score_id)
        if name is None or not _may_read(caller, name):
            raise not_found("no score has this id", "没有此编号的指标值")
        try:
            return await reader.receipt(name, part="missed" if missed_only else part, after=after, limit=limit)
        except InvalidCursor:
            raise invalid("after", "not the `next` of an earlier page", "须为此前某页返回的 next") from None
        except KeyError:
            raise not_found("the city no longer defines this rate", "该城市已不再使用此指标") from None


def _add_definition_routes(router: APIRouter, reader: ScoreReader) -> None:
    @router.get("/indicators")
    async def indicators(caller: Caller, city: CityParam) -> IndicatorsResponse:
        """Return a city's own definitions of its counts and rates."""
        _require_city(caller, city)
        try:
            return await reader.indicators(city)
        except UnknownCity as error:
            raise _city_not_found(error, caller) from None

    @router.get("/schemes")
    async def schemes(caller: Caller, city: CityParam) -> SchemesResponse:
        """Return a city's evaluation schemes: composite scores and grades. There are none yet."""
        _require_city(caller, city)
        return SchemesResponse(city=city)


def _add_conservation_route(router: APIRouter, pool: Pool) -> None:
    @router.get("/conservation")
    async def conservation(caller: Caller) -> ConservationResponse:
        """Count cases, facts and tallies row by row, for `paidan verify`. Slow, because it uses no counter."""
        grants = grants_of(caller.scopes)
        if not grants.has_role("monitor", "operator") or grants.is_bounded or caller.city != ALL_CITIES:
            raise forbidden()
        async with pool.acquire() as conn:
            counts = await queries.load_conservation(conn)
        by_end = {
            "open": counts.open,
            "closed": counts.closed,
            "voided": counts.voided,
            "not_accepted": counts.not_accepted,
        }
        return ConservationResponse(
            cases=counts.cases,
            by_end=by_end,
            facts=counts.facts,
            current=counts.current,
            tallied=counts.tallied,
            negative=counts.negative,
            holds=counts.holds,
        )


def _parse_period(text: str) -> Period:
    try:
        return Period.parse(text)
    except InvalidPeriod as error:
        raise invalid("period", str(error), "周期为一日（2026-01-31）、一月（2026-01）或一年（2026）") from None


def _visible_rows(caller: Principal, city: str, by: Dimension) -> VisibleRows:
    """Return the rows that the caller may read; raise a Problem if there are none."""
    _require_city(caller, city)
    rows = visible_rows(grants_of(caller.scopes), by)
    if isinstance(rows, VisibleRows):
        return rows
    if rows.is_bounded:
        message = f"figures by {by} count cases beyond the post's classes and places"
        raise Problem(403, "bounded_post", message, f"按 {by} 统计的数据含岗位类别和地点以外的案件", "by")
    raise forbidden("a department's key reads only its own row, by department", "部门密钥只能按部门查看本部门数据")


def _may_read(caller: Principal, name: ScoreName) -> bool:
    rows = visible_rows(grants_of(caller.scopes), name.by)
    return covers_city(caller.city, name.city) and isinstance(rows, VisibleRows) and rows.has(name.key)


def _require_city(caller: Principal, city: str) -> None:
    if not covers_city(caller.city, city):
        raise forbidden("the key is for another city", "该密钥不适用于此城市")


def _city_not_found(error: UnknownCity, caller: Principal) -> Problem:
    hint = nearest(error.name, [city for city in error.known if covers_city(caller.city, city)])
    return not_found(f"there is no city {error.name}{hint.en}", f"没有城市 {error.name}{hint.zh}")
