"""What a request says beside its body: query, headers, type; and the order in which each is judged."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.chassis.sample_edge import VALID_LOAN, error_of

BOOK = {"title": "西游记", "pages": 100}
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("path", "code", "parameter", "nearest"),
    [
        ("/v1/loans?dryrun=true", "unknown_parameter", "dryrun", "dry-run"),
        ("/v1/loans?Dry-Run=true", "unknown_parameter", "Dry-Run", "dry-run"),
        ("/v1/loans?dry-run%00=true", "unknown_parameter", "dry-run\\x00", "dry-run"),
        ("/v1/loans?dry-run=true&dry-run=false", "repeated_parameter", "dry-run", None),
        ("/v1/loans?dry-run=true&dry_run=false", "repeated_parameter", "dry-run", None),
        ("/v1/shelves?flor=1", "unknown_parameter", "flor", "floor"),
        ("/v1/shelves?sort_by=a&sort-by=a", "repeated_parameter", "sort_by", None),
        ("/v1/shelves?=1", "unknown_parameter", '""', None),
        ("/v1/shelves?测试=1", "unknown_parameter", "测试", None),
        ("/v1/shelves?dry-run=perhaps", "invalid", "query.dry-run", None),
        ("/v1/loans?dry-run=", "invalid", "dry-run", None),
        ("/v1/loans?dry%2Drun=", "invalid", "dry-run", None),
        ("/v1/shelves?sort_by=a&dry_run=", "invalid", "dry-run", None),
        ("/v1/books?dry-run=true", "unknown_parameter", "dry-run", None),
        ("/healthz?verbose=1", "unknown_parameter", "verbose", None),
        ("/openapi.json?x=1", "unknown_parameter", "x", None),
    ],
)
async def test_parameter_that_the_route_does_not_know_is_refused_by_name(
    client: httpx.AsyncClient, path: str, code: str, parameter: str, nearest: str | None
) -> None:
    """An ignored `?dryrun=true` would be done for real."""
    method = "POST" if path.startswith(("/v1/loans", "/v1/books")) else "GET"
    response = await client.request(method, path, json=VALID_LOAN if method == "POST" else None)

    error = error_of(response)
    assert (response.status_code, error["code"], error["field"]) == (422, code, parameter)
    for text in (error["message"], error["message_zh"]):
        assert nearest is None or nearest in text


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("floor=1&floor=2&sort_by=x", "[1, 2] x False"),
        ("sort-by=x", "[] x False"),
        ("dry_run=true", "[] number True"),
        ("dry-run", "[] number True"),
        ("dry%2Drun=1", "[] number True"),
        ("dry-run=FALSE", "[] number False"),
    ],
)
async def test_parameter_is_known_with_a_hyphen_and_with_an_underscore(
    client: httpx.AsyncClient, query: str, answer: str
) -> None:
    response = await client.get(f"/v1/shelves?{query}")

    assert (response.status_code, response.json()) == (200, answer)


@pytest.mark.parametrize("headers", [FORM, {"content-type": "text/plain"}, {"content-type": ""}, {}])
@pytest.mark.parametrize("path", ["/v1/books", "/v1/loans"])
async def test_json_body_is_read_whatever_type_it_is_announced_as(
    client: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    """``curl -d`` announces a form."""
    body = '{"title": "西游记", "pages": 100}' if path == "/v1/books" else '{"book": {"title": "西游记", "pages": 100}}'

    response = await client.post(path, content=body, headers=headers)
    broken = await client.post(path, content="title=西游记", headers=headers)

    assert response.status_code < 300, response.text
    assert (broken.status_code, error_of(broken)["code"]) == (400, "invalid_json")


async def never_sent() -> AsyncIterator[bytes]:
    """Fail the test when the body is read."""
    raise AssertionError("the body was read")
    yield b""


@pytest.mark.parametrize("path", ["/v1/loans", "/v1/books", "/v1/returns"])
@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [({"authorization": "Bearer pdk_none"}, "", 401), ({}, "?what=1", 422), ({"content-encoding": "gzip"}, "", 415)],
)
async def test_key_query_and_coding_are_judged_before_the_body_is_read(
    client: httpx.AsyncClient, path: str, headers: dict[str, str], query: str, status: int
) -> None:
    response = await client.post(path + query, content=never_sent(), headers=headers)

    assert response.status_code == status


async def test_missing_header_comes_before_what_is_wrong_with_the_body(client: httpx.AsyncClient) -> None:
    unread = await client.post("/v1/returns", content=never_sent())
    empty = await client.post("/v1/returns", content="", headers={"Return-Id": "  "})

    for response in (unread, empty):
        assert (response.status_code, error_of(response)["code"]) == (400, "return_id_missing")


@pytest.mark.parametrize("value", ["4711-内", "4711-冠", "4711-\u00a0x", "id\u0085x", "编号", "a b"])
async def test_header_is_read_as_utf8_to_its_last_byte(client: httpx.AsyncClient, value: str) -> None:
    """As Latin-1, the last bytes of 内 and 冠 are spaces, and two ids became one."""
    response = await client.post("/v1/returns", json=BOOK, headers=[(b"return-id", b" " + value.encode() + b"\t")])

    assert response.json() == value


@pytest.mark.parametrize(
    "headers",
    [
        [(b"return-id", "编号".encode("gbk"))],
        [(b"return-id", b"a\xff")],
        [(b"return-id", b"1"), (b"Return-Id", b"1")],
        [(b"return-id", b"1"), (b"return-id", b"2")],
    ],
)
async def test_header_that_is_not_utf8_or_given_twice_is_refused_by_name(
    client: httpx.AsyncClient, headers: list[tuple[bytes, bytes]]
) -> None:
    response = await client.post("/v1/returns", json=BOOK, headers=headers)

    assert (response.status_code, error_of(response)["field"]) == (400, "Return-Id")


async def test_two_keys_in_one_request_are_none(client: httpx.AsyncClient) -> None:
    own = client.headers["authorization"].encode()

    for other in (b"Bearer pdk_" + b"a" * 43, own):
        response = await client.get("/v1/shelves", headers=[(b"authorization", own), (b"authorization", other)])
        assert response.status_code == 401


@pytest.mark.parametrize("path", ["/v1/shelves/", "/v1/loans/", "/docs/", "/nowhere/"])
async def test_trailing_slash_is_not_redirected_to_the_host_that_the_caller_sent(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path, headers={"host": "evil.example"})

    assert response.status_code == 404
    assert "location" not in response.headers


@pytest.mark.parametrize("path", ["/v1/shelves", "/v1/shelves?x=1", "/healthz", "/metrics", "/nowhere", "/v1/breaks"])
async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)

    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
    assert "strict-transport-security" not in response.headers


async def test_docs_page_may_run_its_own_scripts_and_nothing_else(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/docs")).headers["content-security-policy"]

    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("scheme", ["https", "HTTPS"])
async def test_answers_over_tls_ask_for_tls_from_then_on(client: httpx.AsyncClient, scheme: str) -> None:
    behind_proxy = await client.get("/v1/shelves", headers={"x-forwarded-proto": scheme})
    own = await client.get("https://library/v1/shelves")

    for response in (behind_proxy, own):
        assert response.headers["strict-transport-security"].startswith("max-age=")


async def test_refused_method_names_those_that_are_allowed(client: httpx.AsyncClient) -> None:
    response = await client.put("/v1/books", json={})

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


async def test_refusal_without_a_key_names_the_scheme(client: httpx.AsyncClient) -> None:
    response = await client.get("/v1/shelves", headers={"authorization": ""})

    assert response.headers["www-authenticate"] == "Bearer"
