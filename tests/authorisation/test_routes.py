"""Every route answers every kind of key as ``contracts/authorisation.md`` says: own city, another, all, and no key."""

from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from paidan_chassis.edge.routes import EdgeRoute
from paidan_contracts.scopes import ALL_CITIES
from tests.authorisation import page
from tests.authorisation.calls import CALLS, cell_of
from tests.authorisation.keys import KINDS, Headers
from tests.authorisation.page import RouteRow
from tests.authorisation.services import Edges
from tests.cockpit.test_access import TABLE as PAGES_FOR_PEOPLE

pytestmark = pytest.mark.takes(seconds=40)

ROWS = page.routes()
PAGES = {path for _, path in PAGES_FOR_PEOPLE}


async def call(edges: Edges, row: RouteRow, headers: Headers) -> httpx.Response:
    """Send the row's request with these headers."""
    method, path = row.route.split(" ", 1)
    request = CALLS[row.route]
    return await edges.clients[row.service].request(
        method,
        request.path(path, edges.ids[row.service]) + request.query,
        content=request.content(edges.ids[row.service]),
        headers={**request.headers, **headers},
    )


def app_of(edges: Edges, service: str) -> FastAPI:
    transport = edges.clients[service]._transport  # noqa: SLF001 - httpx gives no other way
    assert isinstance(transport, httpx.ASGITransport)
    assert isinstance(transport.app, FastAPI)
    return transport.app


def all_routes(routes: list[BaseRoute]) -> Iterator[BaseRoute]:
    """Yield each route, those of included routers too."""
    for route in routes:
        included = getattr(route, "original_router", None) or getattr(route, "router", None)
        if included is not None:
            yield from all_routes(included.routes)
        else:
            yield route


def test_page_explains_the_keys_that_the_tests_use() -> None:
    assert page.kinds() == KINDS
    assert set(ROWS[0].cells) == set(KINDS)


async def test_page_lists_every_route_of_every_service(edges: Edges) -> None:
    found, open_paths = set(), set()
    for service in edges.clients:
        for route in all_routes(app_of(edges, service).routes):
            path: str = route.path  # type: ignore[attr-defined] # any with a path
            if path.startswith("/v1/"):
                found |= {(service, f"{method} {path}") for method in route.methods - {"HEAD"}}  # type: ignore[attr-defined]
            elif service != "cockpit" or path not in PAGES:
                open_paths.add(path)

    assert found == {(row.service, row.route) for row in ROWS}
    assert open_paths == page.routes_without_a_key()


async def test_every_route_judges_requests_before_their_bodies(edges: Edges) -> None:
    """A route of FastAPI's own class ignores unknown parameters, and reads the body before it looks at the key."""
    routes = [each for service in edges.clients for each in all_routes(app_of(edges, service).routes)]

    assert [each.path for each in routes if isinstance(each, APIRoute) and not isinstance(each, EdgeRoute)] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.service} {row.route}")
async def test_route_answers_each_kind_of_key_as_the_page_says(edges: Edges, row: RouteRow) -> None:
    request = CALLS[row.route]

    async def cell(kind: str, city: str) -> str:
        return cell_of(await call(edges, row, edges.keys.valid[kind, city]), request)

    everywhere = {kind: await cell(kind, ALL_CITIES) for kind in KINDS}
    own = {kind: await cell(kind, "tiny") for kind in KINDS}
    shown = {kind: "✓*" if (own[kind], everywhere[kind]) == ("403", "✓") else everywhere[kind] for kind in KINDS}

    assert shown == row.cells
    assert {kind for kind in KINDS if own[kind] != everywhere[kind]} == {
        kind for kind, cell in row.cells.items() if cell == "✓*"
    }
    elsewhere = {await cell(kind, "other") for kind in KINDS if everywhere[kind] in ("✓", "∅")}
    assert elsewhere <= {row.other_city}


@pytest.mark.parametrize(
    ("route", "query"),
    [
        ("GET /v1/cases/{case_id}", ""),
        ("GET /v1/cases/{case_id}/actions", ""),
        ("GET /v1/cases/{case_id}/reports", ""),
        ("GET /v1/cases/{case_id}/reports", "?after=9"),
        ("GET /v1/cases/{case_id}/reports", "?limit=1"),
    ],
)
async def test_a_case_that_is_not_a_keys_is_answered_as_none(edges: Edges, route: str, query: str) -> None:
    """Whatever page of it is asked for: else a key learns that it exists."""
    [row] = [each for each in ROWS if each.route == route]
    existing = edges.ids["dispatch"]["case_id"]

    async def get(case_id: str, headers: Headers) -> tuple[int, str]:
        path = route.removeprefix("GET ").format(case_id=case_id) + query
        response = await edges.clients["dispatch"].get(path, headers=headers)
        return response.status_code, response.text.replace(case_id, "")

    for kind, cell in row.cells.items():
        for city in ("tiny", "other"):
            if city == "other" or cell == "404":
                headers = edges.keys.valid[kind, city]
                assert await get(existing, headers) == await get("tiny-" + "0" * 32, headers), (kind, city)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.service} {row.route}")
async def test_no_route_answers_without_a_valid_key(edges: Edges, row: RouteRow) -> None:
    answers = {name: await call(edges, row, headers) for name, headers in edges.keys.invalid.items()}

    assert {name: each.status_code for name, each in answers.items()} == dict.fromkeys(edges.keys.invalid, 401)
    assert {each.json()["error"]["code"] for each in answers.values()} == {"unauthorized"}
