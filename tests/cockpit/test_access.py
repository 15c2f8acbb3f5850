"""Every route of the cockpit for everybody: a page, the way to sign in, or a plain no. No route without a row."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import asyncpg
import httpx
import pytest
from starlette.routing import Route

from paidan_contracts.places import Place
from paidan_contracts.state import CaseState
from tests.cockpit.cockpit_edge import new_browser, signed_in
from tests.cockpit.database_fixture import apply_records
from tests.cockpit.markup import PLANTED
from tests.cockpit.test_sign_in import csrf_of, from_address
from tests.scoring import case_histories
from tests.scoring.case_histories import assign
from tests.scoring.database_fixture import pack_bytes, pack_version

pytestmark = pytest.mark.takes(seconds=12)

PERSONS: Final[Mapping[str, tuple[str, ...]]] = {
    "dispatcher": ("role:operator",),
    "inspector": ("role:inspector",),
    "caller": ("role:caller",),
    "monitor": ("role:monitor",),
    "administrator": ("role:admin",),
    "clerk": ("department:streets",),
    "other clerk": ("department:lamps",),
    "district desk": ("role:operator", "place:1"),
    "other district": ("role:operator", "place:2"),
    "own classes": ("role:operator", "class:E*"),
    "other classes": ("role:operator", "class:C*"),
    "auditor": ("role:auditor",),
    "security": ("role:security",),
    "source": ("source:hotline",),
    "system operator": ("role:operator",),
    "administrator everywhere": ("role:admin",),
    "monitor everywhere": ("role:monitor",),
}
CITIES: Final[Mapping[str, str]] = {"system operator": "*", "administrator everywhere": "*", "monitor everywhere": "*"}
"""The cities of those whose post is of another city than the cases."""
ALL_CITIES_OPERATOR: Final = frozenset({"system operator"})
STAFF: Final = {
    "system operator",
    "administrator everywhere",
    "monitor everywhere",
    "dispatcher",
    "inspector",
    "caller",
    "monitor",
    "administrator",
    "district desk",
    "own classes",
}
BOUNDED_ELSEWHERE: Final = {"other district", "other classes"}
CLERKS: Final = {"clerk", "other clerk"}
EVERYBODY: Final = frozenset(PERSONS)
OPERATORS: Final = frozenset(
    {"system operator", "dispatcher", "administrator", "administrator everywhere", "district desk", "own classes"}
    | BOUNDED_ELSEWHERE
)
OVERSEERS: Final = OPERATORS | {"monitor", "monitor everywhere"}
ENDLESS: Final = 0
"""Instead of a status: the route never ends, and is read elsewhere."""
OF_THE_CASE: Final = frozenset(STAFF | {"clerk"})
OF_QUEUES: Final = frozenset(STAFF | BOUNDED_ELSEWHERE | CLERKS)


class Row(NamedTuple):
    """Who reaches a route, what they then get while other services are down, and what somebody gets without a session.

    ``public``: the route is for visitors without a session, and says the same to all.
    """

    readers: frozenset[str]
    status: int = 200
    nobody: int = 303
    public: bool = False


TABLE: Final[Mapping[tuple[str, str], Row]] = {
    ("GET", "/"): Row(EVERYBODY - {"auditor", "security", "source"}, 303),
    ("GET", "/sign-in"): Row(EVERYBODY, 200, 200, public=True),
    ("POST", "/sign-in"): Row(EVERYBODY, 410, 410, public=True),
    ("GET", "/sign-in/{token}"): Row(EVERYBODY, 410, 410, public=True),
    ("POST", "/sign-out"): Row(EVERYBODY, 303),
    ("GET", "/assets/{version}/{name:path}"): Row(EVERYBODY, 404, 404, public=True),
    ("GET", "/sessions"): Row(EVERYBODY),
    ("POST", "/sessions/{session_id}/end"): Row(frozenset()),
    ("GET", "/queues"): Row(OF_QUEUES),
    ("GET", "/queues.csv"): Row(OF_QUEUES),
    ("GET", "/queues.xlsx"): Row(OF_QUEUES),
    ("GET", "/queues/actions"): Row(OF_QUEUES, 303),
    ("POST", "/queues/actions/{kind}"): Row(OF_QUEUES, 303),
    ("GET", "/queues/views"): Row(OF_QUEUES),
    ("POST", "/queues/views"): Row(OF_QUEUES, 422),
    ("POST", "/queues/views/{view_id}"): Row(OF_QUEUES, 422),
    ("POST", "/queues/views/{view_id}/delete"): Row(frozenset()),
    ("GET", "/cases/{case_id}"): Row(OF_THE_CASE),
    ("GET", "/cases/{case_id}/photos/{ref}"): Row(OF_THE_CASE, 503),
    ("POST", "/cases/{case_id}/actions/{kind}"): Row(OF_THE_CASE, 503),
    ("GET", "/overview"): Row(OVERSEERS),
    ("GET", "/overview/map.json"): Row(OVERSEERS),
    ("GET", "/overview/borders.json"): Row(OVERSEERS),
    ("GET", "/overview/grid.json"): Row(OVERSEERS),
    ("GET", "/overview/stream"): Row(OVERSEERS, ENDLESS),
    ("GET", "/scores"): Row(OVERSEERS | CLERKS, 503),
    ("GET", "/scores.csv"): Row(OVERSEERS | CLERKS, 503),
    ("GET", "/scores/{score_id}"): Row(OVERSEERS | CLERKS, 503),
    ("GET", "/city"): Row(frozenset(STAFF | BOUNDED_ELSEWHERE)),
    ("GET", "/city/emergencies"): Row(frozenset(STAFF | BOUNDED_ELSEWHERE), 503),
    ("POST", "/city/emergencies"): Row(frozenset(STAFF | BOUNDED_ELSEWHERE), 503),
    ("POST", "/city/emergencies/{declaration_id}/end"): Row(frozenset(STAFF | BOUNDED_ELSEWHERE), 503),
    ("GET", "/city/borders.json"): Row(frozenset(STAFF | BOUNDED_ELSEWHERE)),
    ("GET", "/city/grid.json"): Row(frozenset(STAFF | BOUNDED_ELSEWHERE)),
    ("GET", "/system"): Row(OVERSEERS),
    ("GET", "/system/{service}/dead-letters"): Row(ALL_CITIES_OPERATOR, 503),
    ("GET", "/system/{service}/dead-letters/{letter_id}"): Row(ALL_CITIES_OPERATOR, 503),
    ("POST", "/system/{service}/dead-letters/{letter_id}/drop"): Row(ALL_CITIES_OPERATOR, 503),
    ("POST", "/system/{service}/dead-letters/redrive"): Row(ALL_CITIES_OPERATOR, 303),
    ("POST", "/system/{service}/halts/{halt_id}"): Row(ALL_CITIES_OPERATOR, 503),
    ("GET", "/desk"): Row(frozenset(CLERKS)),
    ("GET", "/inspection"): Row(frozenset({"inspector"})),
    ("GET", "/verification"): Row(frozenset({"inspector"})),
    ("GET", "/callbacks"): Row(frozenset({"caller"})),
    ("GET", "/callbacks/{case_id}/{report_id}"): Row(frozenset({"caller"}), 503),
    ("POST", "/callbacks/{case_id}/{report_id}/contact"): Row(frozenset({"caller"}), 503),
}
"""The case is of district 1, class E..., and the department streets. Whom a row does not name gets 404."""
OF_EVERY_SERVICE: Final = re.compile(r"/v1/|/\.well-known/|/healthz|/readyz|/metrics|/docs|/openapi\.json")
WRITES: Final = [route for route in TABLE if route[0] == "POST" and route != ("POST", "/sign-in")]


@pytest.fixture(scope="module")
async def case(pool: "asyncpg.Pool[Any]") -> CaseState:
    """Store a case of district 1 that streets has, in which strangers wrote whatever they could."""
    place = Place(district="1", street="1-1", address=PLANTED[:200], latitude=36.65, longitude=117.1)
    new = case_histories.new_case(1, pack=pack_version(pack_bytes()), text=f"井盖 {PLANTED}", place=place)
    states = list(case_histories.history(new, [assign("streets")]))
    await apply_records(pool, [case_histories.case_record(state, offset=at) for at, state in enumerate(states)])
    return states[-1]


def address(template: str, case: CaseState) -> str:
    """Return an address of a route."""
    return template.replace(":path", "").format(
        case_id=case.case_id,
        ref="0" * 64 + ".jpg",
        kind="accept",
        token="a" * 43,
        version="0",
        name="static/cockpit.css",
        service="intake",
        halt_id="1",
        letter_id="00000000-0000-4000-8000-000000000000",
        report_id="00000000-0000-4000-8000-000000000000",
        score_id="00000000-0000-4000-8000-000000000000",
        session_id="00000000-0000-4000-8000-000000000000",
        declaration_id="00000000-0000-4000-8000-000000000000",
        view_id="00000000-0000-4000-8000-000000000000",
    )


async def csrf_token(browser: httpx.AsyncClient) -> str:
    return csrf_of((await browser.get("/sessions")).text)


def test_every_route_has_its_row(site: httpx.ASGITransport) -> None:
    routes = [route for route in site.app.router.routes if isinstance(route, Route)]  # type: ignore[attr-defined] # FastAPI's
    found = {
        (method, route.path)
        for route in routes
        if not OF_EVERY_SERVICE.match(route.path)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert found == TABLE.keys()


@pytest.mark.parametrize("kind", PERSONS)
async def test_each_route_answers_whom_its_row_names(
    kind: str, site: httpx.ASGITransport, pool: "asyncpg.Pool[Any]", case: CaseState
) -> None:
    async with signed_in(
        from_address(site, f"of {kind}"), pool, *PERSONS[kind], city=CITIES.get(kind, "tiny")
    ) as browser:
        csrf = await csrf_token(browser)
        for (method, template), row in TABLE.items():
            reads = kind in row.readers
            if template == "/sign-out" or (reads and row.status == ENDLESS):
                continue
            data = {"csrf": csrf, "token": "a" * 43, "at": "kept"} if method == "POST" else None
            answer = await browser.request(method, address(template, case), data=data)
            no_page = 403 if template == "/" else 404
            assert answer.status_code == (row.status if reads else no_page), (method, template)
        assert (await browser.post("/sign-out", data={"csrf": csrf})).status_code == 303


async def test_nobody_gets_in_without_a_session(site: httpx.ASGITransport, case: CaseState) -> None:
    async with new_browser(site) as nobody:
        for (method, template), row in TABLE.items():
            answer = await nobody.request(method, address(template, case), data={"token": "a" * 43})
            assert answer.status_code == row.nobody, (method, template)
            if not row.public:
                assert answer.headers["location"] == "/sign-in"


@pytest.mark.parametrize("fault", ["missing", "foreign", "of a session that ended", "of another site", "origin null"])
@pytest.mark.parametrize(("method", "template"), WRITES)
async def test_no_form_counts_but_the_sessions_own(
    method: str,
    template: str,
    fault: str,
    site: httpx.ASGITransport,
    pool: "asyncpg.Pool[Any]",
    case: CaseState,
) -> None:
    kind = min(TABLE[method, template].readers & {"caller", "system operator"} or {"dispatcher"})
    scopes, city = PERSONS[kind], CITIES.get(kind, "tiny")
    async with signed_in(site, pool, *scopes, city=city) as browser, signed_in(site, pool, *scopes, city=city) as other:
        own, foreign = await csrf_token(browser), await csrf_token(other)
        fields = {"foreign": {"csrf": foreign}, "missing": {}}.get(fault, {"csrf": own})
        headers = {"of another site": {"origin": "https://evil.example"}, "origin null": {"origin": "null"}}.get(fault)
        if fault == "of a session that ended":
            cookies = dict(browser.cookies)
            await browser.post("/sign-out", data={"csrf": own})
            browser.cookies.update(cookies)
        answer = await browser.request(method, address(template, case), data=fields, headers=headers)

        if fault == "of a session that ended":
            assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
        else:
            assert answer.status_code == 403
            assert (await browser.get("/sessions")).status_code == 200
