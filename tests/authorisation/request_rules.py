"""Rules of ``contracts/authorisation.md`` about requests, each checked on the routes of every service."""

import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Final

import httpx
import pytest

from paidan_chassis.edge.api_keys import KeyRing, hash_token
from paidan_chassis.edge.app import EdgeConfig
from paidan_contracts.scopes import ALL_CITIES
from paidan_intake.photo_pool import PhotoPoolBusy, open_photo_pool
from paidan_intake.photos import PhotoLimits
from tests.authorisation import page
from tests.authorisation.calls import CALLS, Call
from tests.authorisation.page import RouteRow, RuleRow, number
from tests.authorisation.services import Edges

ROWS: Final = page.routes()


def key_of(edges: Edges, row: RouteRow) -> dict[str, str]:
    """Return the headers of a key that the route answers."""
    # A route about one thing that nobody has is judged alike whoever asks.
    kind = next((kind for kind, cell in row.cells.items() if cell in ("✓", "✓*", "∅")), "operator")
    return edges.keys.valid[kind, ALL_CITIES if row.cells[kind] == "✓*" else "tiny"]


async def send(  # noqa: PLR0913 - each is a part of the request that a rule is about
    edges: Edges,
    row: RouteRow,
    *,
    query: str = "",
    path: str = "",
    content: str | bytes | AsyncIterator[bytes] | None = None,
    headers: dict[str, str] | None = None,
    drops: str = "",
) -> httpx.Response:
    """Send a route's valid request with these differences."""
    method, template = row.route.split(" ", 1)
    request = CALLS[row.route]
    url = (path or request.path(template, edges.ids[row.service])) + request.query
    url += ("&" if "?" in url else "?") + query if query else ""
    kept = {name: value for name, value in request.headers.items() if name != drops}
    body = request.content(edges.ids[row.service]) if content is None else content
    return await edges.clients[row.service].request(
        method,
        url,
        content=body,
        headers={**kept, **key_of(edges, row), **(headers or {})},
    )


def error(response: httpx.Response) -> str:
    """Return status and code as the page has them, and check that the error is told in both languages."""
    problem = response.json()["error"]
    assert problem["message"]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in problem["message_zh"])
    return f"{response.status_code} {problem['code']}"


def reading(rows: list[RouteRow], wanted: Callable[[Call], bool]) -> Iterator[RouteRow]:
    return (row for row in rows if wanted(CALLS[row.route]))


async def never_sent() -> AsyncIterator[bytes]:
    """Fail the test when the body is read."""
    raise AssertionError("the body was read")
    yield b""


async def unknown_parameter(edges: Edges, rule: RuleRow) -> None:
    for row in ROWS:
        for query in ("dryrun=true", "Dry-Run=true", "x", "测试=1"):
            response = await send(edges, row, query=query)
            assert error(response) == rule.answer, (row, query)
            assert query.partition("=")[0] in response.json()["error"]["message"]
    for service, client in edges.clients.items():
        for path in ("/healthz", "/readyz", "/readyz/edge", "/metrics", "/openapi.json", "/docs"):
            assert error(await client.get(f"{path}?x=1")) == rule.answer, (service, path)


async def repeated_parameter(edges: Edges, rule: RuleRow) -> None:
    for row in reading(ROWS, lambda each: "dry-run" in each.query):
        for query in ("dry-run=true", "dry_run=false"):
            assert error(await send(edges, row, query=query)) == rule.answer, row
    for row in ROWS:
        if "?city=" in CALLS[row.route].query:
            assert error(await send(edges, row, query="city=tiny")) == rule.answer, row


async def key(edges: Edges, rule: RuleRow) -> None:
    for row in reading(ROWS, lambda each: each.body is not None):
        assert error(await send(edges, row, content=never_sent(), headers={"authorization": "Bearer x"})) == rule.answer


async def missing_header(edges: Edges, rule: RuleRow) -> None:
    for row in reading(ROWS, lambda each: "Idempotency-Key" in each.headers):
        assert error(await send(edges, row, content=never_sent(), drops="Idempotency-Key")) == rule.answer


async def header_text(edges: Edges, rule: RuleRow) -> None:
    for row in reading(ROWS, lambda each: "Idempotency-Key" in each.headers):
        for values in ([b"\xff"], [b"1", b"1"], ["编号".encode("gbk")]):
            client = edges.clients[row.service]
            sent = [(b"idempotency-key", value) for value in values]
            headers = [*((name.encode(), value.encode()) for name, value in key_of(edges, row).items()), *sent]
            url = row.route.split(" ")[1].format(**edges.ids[row.service]) + CALLS[row.route].query
            assert error(await client.post(url, content="{}", headers=headers)) == rule.answer


async def content_type(edges: Edges, _rule: RuleRow) -> None:
    for row in reading(ROWS, lambda each: each.is_json):
        for announced in ("application/x-www-form-urlencoded", "text/plain", "", "multipart/form-data; boundary=x"):
            response = await send(edges, row, headers={"content-type": announced})
            expected = 404 if set(row.cells.values()) == {"404"} else 202
            assert response.status_code <= expected, (row, announced, response.text)


async def unknown_field(edges: Edges, rule: RuleRow) -> None:
    for row in reading(ROWS, lambda each: each.is_json):
        body = json.loads(str(CALLS[row.route].content(edges.ids[row.service])))
        spoilt = [body | {"nonsense": 1}]
        spoilt += [body | {name: part | {"nonsense": 1}} for name, part in body.items() if isinstance(part, dict)]
        for each in spoilt:
            response = await send(edges, row, content=json.dumps(each))
            assert error(response) == rule.answer, (row, each)
            assert response.json()["error"]["field"].endswith("nonsense")


async def id_form(edges: Edges, rule: RuleRow) -> None:
    for row in ROWS:
        for name in re.findall(r"{(report_id|action_id|score_id|letter_id)}", row.route):
            plain = edges.ids[row.service][name]
            for form in (f"urn:uuid:{plain}", f"{{{plain}}}", plain.upper(), plain.replace("-", ""), "nonsense"):
                if form == plain:
                    continue
                path = row.route.split(" ")[1].replace(f"{{{name}}}", form)
                assert error(await send(edges, row, path=path)) == rule.answer, (row, form)


async def trailing_slash(edges: Edges, rule: RuleRow) -> None:
    for row in ROWS:
        path = row.route.split(" ", 1)[1].format(**edges.ids[row.service]) + "/"
        response = await send(edges, row, path=path, headers={"host": "evil.example"})
        assert error(response) == rule.answer, row
        assert "location" not in response.headers


async def response_headers(edges: Edges, _rule: RuleRow) -> None:
    for row in ROWS:
        for response in (await send(edges, row), await send(edges, row, headers={"authorization": "Bearer x"})):
            is_photo = response.headers["content-type"] == "image/jpeg"
            assert response.headers["cache-control"].startswith("private" if is_photo else "no-store"), row
            assert response.headers["x-content-type-options"] == "nosniff"
            assert "frame-ancestors 'none'" in response.headers["content-security-policy"]


async def strict_transport(edges: Edges, _rule: RuleRow) -> None:
    for row in ROWS:
        secure = await send(edges, row, headers={"x-forwarded-proto": "https"})
        assert secure.headers["strict-transport-security"].startswith("max-age="), row
        assert "strict-transport-security" not in (await send(edges, row)).headers


async def rate(edges: Edges, rule: RuleRow) -> None:
    for row in ROWS:
        headers = key_of(edges, row)
        await send(edges, row)
        ring = key_ring_of(edges, row.service)
        allowance = ring.cache[hash_token(headers["authorization"].removeprefix("Bearer "))].allowance
        before = allowance.tokens, allowance.remaining
        allowance.tokens, allowance.remaining, allowance.leased_at = 0.0, -1e9, time.monotonic()
        try:
            response = await send(edges, row)
        finally:
            allowance.tokens, allowance.remaining = before
        assert error(response) == rule.answer, row
        assert int(response.headers["retry-after"]) > 0


def key_ring_of(edges: Edges, service: str) -> KeyRing:
    transport = edges.clients[service]._transport  # noqa: SLF001 - httpx gives no other way
    assert isinstance(transport, httpx.ASGITransport)
    ring: KeyRing = transport.app.state.keys  # type: ignore[attr-defined] # FastAPI's
    return ring


async def body_size(edges: Edges, rule: RuleRow) -> None:
    assert EdgeConfig.__dataclass_fields__["body_limit"].default == number(rule)
    posts = [row for row in ROWS if row.route.startswith("POST")]
    rows = [row for row in posts if "{case_id}/actions" in row.route or "lookup" in row.route]
    for row in rows:
        assert error(await send(edges, row, content=b" " * (number(rule) + 1))) == rule.answer


async def uploads(_edges: Edges, rule: RuleRow) -> None:
    places, (part, whole) = 8, map(int, rule.limit.split("/"))
    async with open_photo_pool(PhotoLimits(1, 1, 1), workers=1, max_pending=places) as pool:
        for _ in range(places * part // whole):
            pool.acquire_slot("key")
        with pytest.raises(PhotoPoolBusy) as busy:
            pool.acquire_slot("key")
    assert busy.value.is_own
