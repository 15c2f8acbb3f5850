"""Scoring's HTTP edge. A department's key sees that department's figures; monitors and operators see all."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from paidan_chassis.database import Pool
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.problems import Problem, forbidden, invalid, not_found
from paidan_contracts.city.pack_types import CityId
from paidan_contracts.scores import Dimension
from paidan_contracts.wire import Id, Slug
from paidan_scoring.api import queries
from paidan_scoring.api.models import (
    ConservationShown,
    IndicatorsShown,
    ReceiptShown,
    SchemesShown,
    ScoresShown,
)
from paidan_scoring.indicator_values import ScoreName
from paidan_scoring.periods import NoPeriod, Period
from paidan_scoring.score_reader import (
    Asking,
    BadCursor,
    Question,
    UnknownCity,
    UnknownIndicator,
)

City = Annotated[CityId, Query(description="City id, such as `quancheng`.")]
PeriodText = Annotated[
    str, Query(max_length=10, description="A day `2026-01-31`, a month `2026-01` or a year `2026`, in the city's zone.")
]
By = Annotated[Dimension, Query(description="What the rows are.")]
Indicator = Annotated[Slug | None, Query(description="One rate only.")]
Counts = Annotated[str, Query(pattern="^(basic|all)$", description="`all`: every count that the city defines.")]
ScoreId = Annotated[Id, Path(description="As a rate of `/v1/scores` or a message on `paidan.scores` names it.")]
MissedOnly = Annotated[bool, Query(description="Only cases that are in the denominator and not in the numerator.")]
After = Annotated[str | None, Query(max_length=200, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=1000)]


def routes(asking: Asking, pool: Pool) -> APIRouter:
    """Give scoring's routes."""
    router = APIRouter(prefix="/v1", tags=["scores"])
    _scores(router, asking)
    _definitions(router, asking)
    _conservation(router, pool)
    return router


def _scores(router: APIRouter, asking: Asking) -> None:
    @router.get("/scores")
    async def scores(
        caller: Caller,
        city: City,
        period: PeriodText,
        by: By = "department",
        indicator: Indicator = None,
        counts: Counts = "basic",
    ) -> ScoresShown:
        """Show counts and rates, each rate with its numerator, denominator and the id of its receipt."""
        asked = Question(
            city=city,
            period=_period(period),
            by=by,
            key=_own_key(caller, city, by),
            indicator=indicator,
            every_count=counts == "all",
        )
        try:
            return await asking.scores(asked)
        except UnknownCity:
            raise _no_city() from None
        except UnknownIndicator:
            raise invalid("indicator", "the city defines no rate of this name", "该城市没有此指标") from None

    @router.get("/scores/{score_id}/cases")
    async def receipt(
        caller: Caller, score_id: ScoreId, missed_only: MissedOnly = False, after: After = None, limit: Limit = 100
    ) -> ReceiptShown:
        """List the cases that a figure is made of: its denominator, those of its numerator marked."""
        name = await asking.name_of(score_id)
        if name is None or not _may_see(caller, name):
            raise not_found("no figure of this id was ever shown", "没有此编号的指标值")
        try:
            return await asking.receipt(name, missed_only=missed_only, after=after, limit=limit)
        except BadCursor:
            raise invalid("after", "not what an earlier page gave as next", "分页标记无效") from None
        except KeyError:
            raise not_found("the city no longer defines this rate", "该城市已不再使用此指标") from None


def _definitions(router: APIRouter, asking: Asking) -> None:
    @router.get("/indicators")
    async def indicators(caller: Caller, city: City) -> IndicatorsShown:
        """Show a city's own definitions of its counts and rates."""
        _must_cover(caller, city)
        try:
            return await asking.indicators(city)
        except UnknownCity:
            raise _no_city() from None

    @router.get("/schemes")
    async def schemes(caller: Caller, city: City) -> SchemesShown:
        """Show a city's evaluation schemes: composite scores and grades. There are none yet."""
        _must_cover(caller, city)
        return SchemesShown(city=city)


def _conservation(router: APIRouter, pool: Pool) -> None:
    @router.get("/conservation")
    async def conservation(caller: Caller) -> ConservationShown:
        """Count cases, facts and tallies row by row, for `paidan verify`. Slow on purpose: it trusts no counter."""
        if not caller.is_a("monitor", "operator") or not caller.covers("*"):
            raise forbidden()
        async with pool.acquire() as conn:
            found = await queries.conservation(conn)
        ends = {
            "open": found.open,
            "closed": found.closed,
            "voided": found.voided,
            "not_accepted": found.not_accepted,
        }
        return ConservationShown(
            cases=found.cases,
            by_end=ends,
            facts=found.facts,
            current=found.current,
            tallied=found.tallied,
            negative=found.negative,
            holds=found.holds,
        )


def _period(text: str) -> Period:
    try:
        return Period.parse(text)
    except NoPeriod as error:
        raise invalid("period", str(error), "周期应为日、月或年") from None


def _own_key(caller: Principal, city: str, by: Dimension) -> str | None:
    """Name the one row that the caller may see; None: all of them."""
    _must_cover(caller, city)
    if caller.is_a("monitor", "operator"):
        return None
    if caller.department is not None and by == "department":
        return caller.department
    raise forbidden("a department's key sees its own row by department", "部门密钥只能按部门查看本部门数据")


def _may_see(caller: Principal, name: ScoreName) -> bool:
    if not caller.covers(name.city):
        return False
    own = name.by == "department" and name.key == caller.department
    return own or caller.is_a("monitor", "operator")


def _must_cover(caller: Principal, city: str) -> None:
    if not caller.covers(city):
        raise forbidden("the key is for another city", "该密钥不适用于此城市")


def _no_city() -> Problem:
    return not_found("no city of this name is known here", "没有此城市")
