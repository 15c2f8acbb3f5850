"""The edge: authentication, body limits and errors in one format; no request body causes a 500."""

import asyncio

import httpx
import pytest
import structlog
from fastapi import FastAPI

from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.middleware import authenticate
from paidan_chassis.edge.server import HttpServer, bind_socket
from tests.chassis.sample_edge import PHONE, VALID_LOAN, error_of
from tests.polling import poll


async def test_hot_route_accepts_a_valid_key(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/loans", json=VALID_LOAN)

    assert answer.status_code == 202
    assert answer.json() == {"title": "西游记", "by": "desk"}


async def test_key_may_be_sent_in_its_own_header(client: httpx.AsyncClient) -> None:
    token = client.headers["authorization"].removeprefix("Bearer ")

    answer = await client.post("/v1/books", json=VALID_LOAN["book"], headers={"authorization": "", "x-api-key": token})

    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/v1/loans", "/v1/books"])
@pytest.mark.parametrize("message", ["", "Bearer", "Bearer pdk_wrong", "Basic eDp5", "Bearer pdk_" + "a" * 43, "\xff"])
async def test_request_without_a_valid_key_is_unauthorized(client: httpx.AsyncClient, path: str, message: str) -> None:
    answer = await client.post(path, json=VALID_LOAN, headers=[(b"authorization", message.encode("latin-1"))])

    assert answer.status_code == 401
    assert error_of(answer)["code"] == "unauthorized"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "book"),
        ({"book": {"title": "x"}}, "book.pages"),
        ({"book": {"title": "", "pages": 1}}, "book.title"),
        ({"book": {"title": "x", "pages": PHONE}}, "book.pages"),
        ({"book": {"title": PHONE * 10, "pages": 1}}, "book.title"),
        (VALID_LOAN | {"since": "2026-01-01T00:00:00"}, "since"),
        (VALID_LOAN | {"reader": PHONE}, "reader"),
        (VALID_LOAN | {"reader": ["x"]}, "reader"),
        ([], None),
    ],
)
async def test_validation_error_names_the_field_without_its_value(
    client: httpx.AsyncClient, body: object, field: str | None
) -> None:
    answer = await client.post("/v1/loans", json=body)

    assert answer.status_code == 422
    assert error_of(answer)["field"] == field
    assert PHONE not in answer.text


@pytest.mark.parametrize("path", ["/v1/loans", "/v1/books"])
async def test_every_mistake_is_told_at_once_with_its_limit_in_both_languages(
    client: httpx.AsyncClient, path: str
) -> None:
    book = {"title": "x" * 81, "pages": 10_000}

    error = error_of(await client.post(path, json=book if path == "/v1/books" else {"book": book, "since": "x"}))

    told = [error, *error["more"]]
    assert [each["field"].rpartition(".")[2] for each in told][:2] == ["title", "pages"]
    assert len(told) == (2 if path == "/v1/books" else 3)
    for each, limit in zip(told, ("80", "10000"), strict=False):
        assert limit in each["message"]
        assert limit in each["message_zh"]


async def test_a_request_with_one_mistake_has_no_list_of_more(client: httpx.AsyncClient) -> None:
    assert "more" not in error_of(await client.post("/v1/books", json={"title": "x"}))


async def test_mistakes_that_are_told_are_bounded(client: httpx.AsyncClient) -> None:
    body = {"title": "x", "pages": 1} | {f"x{number}": 1 for number in range(3)}
    query = "&".join(["floor=a"] * 50)

    error = error_of(await client.get(f"/v1/shelves?{query}"))

    assert (await client.post("/v1/books", json=body)).status_code == 200  # the sample's models ignore other fields
    assert len(error["more"]) == 19


async def test_ordinary_route_uses_the_same_error_shape(client: httpx.AsyncClient) -> None:
    body = await client.post("/v1/books", json={"title": "x", "pages": PHONE})
    query = await client.get("/v1/books/x?least=many")

    assert (body.status_code, error_of(body)["field"]) == (422, "pages")
    assert (query.status_code, error_of(query)["field"]) == (422, "query.least")


@pytest.mark.parametrize(
    ("path", "raw", "field"),
    [
        ("/v1/loans", b'{"book": {"title": "a", "pages": 1, "title": "b"}}', "book.title"),
        ("/v1/loans", b'{"reader": "x", "book": {"title": "a", "pages": 1}, "reader": "y"}', "reader"),
        ("/v1/books", b'{"title": "a", "pages": 1, "title": "b"}', "title"),
    ],
)
async def test_field_that_is_stated_twice_is_refused_by_name(
    client: httpx.AsyncClient, path: str, raw: bytes, field: str
) -> None:
    answer = await client.post(path, content=raw)

    assert (answer.status_code, error_of(answer)["code"]) == (422, "duplicate_key")
    assert error_of(answer)["field"] == field
    assert "twice" in error_of(answer)["message"]
    assert "重复" in error_of(answer)["message_zh"]


async def test_database_data_error_is_a_client_error(client: httpx.AsyncClient) -> None:
    """A NUL is valid text in Python."""
    nul = await client.get("/v1/books/%00")
    too_big = await client.get(f"/v1/books/x?least={2**40}")

    assert nul.status_code == too_big.status_code == 422


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/nowhere", 404, "not_found"), ("/v1/loans", 405, "method_not_allowed"), ("/v1/away", 503, "unavailable")],
)
async def test_every_error_has_the_same_shape(client: httpx.AsyncClient, path: str, status: int, code: str) -> None:
    answer = await client.get(path)

    assert answer.status_code == status
    assert error_of(answer)["code"] == code


async def test_503_has_a_retry_after(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/stored-perhaps")).headers["retry-after"] == "7"
    assert (await client.get("/v1/away")).headers["retry-after"] == "2"


async def test_halt_in_a_route_is_a_503_with_its_reason(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/halted")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert error_of(answer)["code"] == "shelf_missing"
    assert "shelf 7" in error_of(answer)["message"]


async def test_requests_cut_off_by_shutdown_get_503(client: httpx.AsyncClient) -> None:
    """A process that shuts down must not answer as if the request were at fault."""
    app: FastAPI = client._transport.app  # type: ignore[attr-defined] # noqa: SLF001 - httpx gives no other way
    with bind_socket("127.0.0.1", 0) as sock:
        listener = HttpServer(app, sock, stop_within_s=5)
        serving = asyncio.create_task(listener.serve())
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listener.port}", timeout=10) as caller:
            asking = asyncio.create_task(caller.get("/v1/waits"))
            await poll(lambda: getattr(app.state, "waits", False), what="a request in hand")
            [in_hand] = [each for each in asyncio.all_tasks() if "run_asgi" in repr(each.get_coro())]
            in_hand.cancel()
            answer = await asking
        listener.stop()
        await serving

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert error_of(answer)["code"] == "unavailable"


async def test_unexpected_error_returns_only_a_trace_id(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await client.get("/v1/breaks")

    assert answer.status_code == 500
    assert error_of(answer)["code"] == "internal"
    assert PHONE not in answer.text
    broke = next(line for line in lines if line["event"] == "request_broke")
    assert broke["trace_id"] == answer.headers["x-trace-id"]


def test_hot_routes_and_ordinary_ones_name_the_same_principal() -> None:
    """There is one way to authenticate, not two that may drift."""
    assert Caller.__metadata__[0].dependency is authenticate  # type: ignore[attr-defined] # Annotated's own
