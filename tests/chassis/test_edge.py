"""The edge says who may speak, how long, and what is wrong, in one shape, and never falls over what it is sent."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any

import asyncpg
import httpx
import pytest
import structlog
from fastapi import FastAPI, File, UploadFile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import AwareDatetime, BaseModel, Field, SecretStr, field_validator
from starlette.responses import JSONResponse, Response

from paidan_chassis import edge, keys, migrations, problems
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.edge import Call, Caller, Face, create_edge, hot_route
from paidan_chassis.health import Health
from paidan_chassis.keys import KeyRing
from paidan_chassis.listening import Listener, bind
from paidan_chassis.metrics import Metrics
from tests.servers import Servers, fresh_database

PHONE = "13812345678"
SHAPE = {"code", "message", "message_zh", "field"}


class Book(BaseModel):
    """What is lent."""

    title: str = Field(min_length=1, max_length=80)
    pages: int = Field(gt=0, lt=10_000)


class Loan(BaseModel):
    """Who lends what."""

    book: Book
    reader: str = "anonymous"
    since: AwareDatetime | None = None

    @field_validator("reader")
    @classmethod
    def _no_number(cls, reader: str) -> str:
        if reader.isdigit():
            raise ValueError(f"a name, not '{reader}'")
        return reader


class Taken(BaseModel):
    """The answer to a loan."""

    title: str
    by: str


async def take(call: Call[Loan]) -> Response:
    """Lend a book.

    The same loan twice is one loan.
    """
    return JSONResponse({"title": call.body.book.title, "by": call.principal.name}, 202)


def build(pool: Pool) -> FastAPI:
    """Build the edge under test, with routes of every kind."""
    metrics = Metrics("library")
    face = Face("Library", "1", KeyRing(pool), Health(metrics), metrics, access_log="all", body_limit=2_000)
    app = create_edge(face)
    hot_route(app, "/v1/loans", take, model=Loan, answers=Taken)
    hot_route(app, "/v1/loans/long", take, model=Loan, limit=500_000)

    @app.post("/v1/books")
    async def add(book: Book, _caller: Caller) -> Book:
        return book

    @app.post("/v1/scans", max_body_size=100_000)
    async def scan(page: Annotated[UploadFile, File()], _caller: Caller) -> int:
        return len(await page.read())

    @app.get("/v1/books/{title}")
    async def find(title: str, _caller: Caller, least: int = 0) -> str:
        return str(await pool.fetchval("SELECT $1::text || $2::int", title, least))

    @app.get("/v1/breaks")
    async def breaks() -> None:
        raise RuntimeError(f"secret of '{PHONE}'")

    @app.get("/v1/away")
    async def away() -> None:
        raise ConnectionRefusedError

    @app.get("/v1/stored-perhaps")
    async def stored_perhaps() -> None:
        raise problems.unavailable(7)

    return app


@pytest.fixture(scope="module")
async def client(servers: Servers) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the edge that holds a key."""
    async with fresh_database(servers) as dsn:
        connection = await asyncpg.connect(dsn)
        await migrations.migrate(connection, "library", [migrations.OWN])
        token, key = keys.mint(name="desk", city="quancheng", scopes=["role:operator"])
        await keys.add_key(connection, "library", key)
        await connection.close()
        async with open_pool(SecretStr(dsn), schema="library") as pool:
            through = httpx.ASGITransport(build(pool))
            headers = {"authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(transport=through, base_url="http://library", headers=headers) as made:
                yield made


def refusal(answer: httpx.Response) -> dict[str, Any]:
    """Read the error of an answer, which must have the one shape."""
    body = answer.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == SHAPE
    assert all(body["error"][name] for name in SHAPE - {"field"})
    found: dict[str, Any] = body["error"]
    return found


GOOD = {"book": {"title": "西游记", "pages": 100}}


async def test_a_hot_route_answers_the_holder_of_a_key(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/loans", json=GOOD)

    assert answer.status_code == 202
    assert answer.json() == {"title": "西游记", "by": "desk"}


async def test_a_key_may_come_in_its_own_header(client: httpx.AsyncClient) -> None:
    token = client.headers["authorization"].removeprefix("Bearer ")

    answer = await client.post("/v1/books", json=GOOD["book"], headers={"authorization": "", "x-api-key": token})

    assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/v1/loans", "/v1/books"])
@pytest.mark.parametrize("said", ["", "Bearer", "Bearer pdk_wrong", "Basic eDp5", "Bearer pdk_" + "a" * 43, "\xff"])
async def test_without_a_good_key_nothing_is_taken(client: httpx.AsyncClient, path: str, said: str) -> None:
    answer = await client.post(path, json=GOOD, headers=[(b"authorization", said.encode("latin-1"))])

    assert answer.status_code == 401
    assert refusal(answer)["code"] == "unauthorized"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "book"),
        ({"book": {"title": "x"}}, "book.pages"),
        ({"book": {"title": "", "pages": 1}}, "book.title"),
        ({"book": {"title": "x", "pages": PHONE}}, "book.pages"),
        ({"book": {"title": PHONE * 10, "pages": 1}}, "book.title"),
        (GOOD | {"since": "2026-01-01T00:00:00"}, "since"),
        (GOOD | {"reader": PHONE}, "reader"),
        (GOOD | {"reader": ["x"]}, "reader"),
        ([], None),
    ],
)
async def test_what_is_wrong_is_named_and_not_quoted(
    client: httpx.AsyncClient, body: object, field: str | None
) -> None:
    answer = await client.post("/v1/loans", json=body)

    assert answer.status_code == 422
    assert refusal(answer)["field"] == field
    assert PHONE not in answer.text


async def test_an_ordinary_route_refuses_in_the_same_shape(client: httpx.AsyncClient) -> None:
    body = await client.post("/v1/books", json={"title": "x", "pages": PHONE})
    query = await client.get("/v1/books/x?least=many")

    assert (body.status_code, refusal(body)["field"]) == (422, "pages")
    assert (query.status_code, refusal(query)["field"]) == (422, "query.least")


@pytest.mark.parametrize("path", ["/v1/loans", "/v1/books"])
@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b'{"a": NaN', b"[" * 1900])
async def test_what_is_not_json_is_said_to_be_none(client: httpx.AsyncClient, path: str, raw: bytes) -> None:
    answer = await client.post(path, content=raw, headers={"content-type": "application/json"})

    assert answer.status_code in (400, 422)
    assert refusal(answer)["code"] in ("invalid_json", "invalid")


async def test_what_only_the_database_refuses_is_the_callers_fault_too(client: httpx.AsyncClient) -> None:
    """A NUL passes every check of Python's."""
    nul = await client.get("/v1/books/%00")
    too_big = await client.get(f"/v1/books/x?least={2**40}")

    assert nul.status_code == too_big.status_code == 422


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/nowhere", 404, "not_found"), ("/v1/loans", 405, "method_not_allowed"), ("/v1/away", 503, "unavailable")],
)
async def test_every_refusal_has_the_one_shape(client: httpx.AsyncClient, path: str, status: int, code: str) -> None:
    answer = await client.get(path)

    assert answer.status_code == status
    assert refusal(answer)["code"] == code


async def test_a_503_says_when_to_come_back(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/stored-perhaps")).headers["retry-after"] == "7"
    assert (await client.get("/v1/away")).headers["retry-after"] == "2"


async def test_a_bug_tells_the_caller_nothing_but_where_to_ask(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as lines:
        answer = await client.get("/v1/breaks")

    assert answer.status_code == 500
    assert refusal(answer)["code"] == "internal"
    assert PHONE not in answer.text
    broke = next(line for line in lines if line["event"] == "request_broke")
    assert broke["trace_id"] == answer.headers["x-trace-id"]


def longer(n: int) -> bytes:
    """Make a good loan that is this long at least."""
    return json.dumps(GOOD).encode() + b" " * n


async def pieces(whole: bytes) -> AsyncIterator[bytes]:
    """Send a body without saying how long it is."""
    for start in range(0, len(whole), 500):
        yield whole[start : start + 500]


@pytest.mark.parametrize("path", ["/v1/loans", "/v1/books"])
@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_beyond_the_limit_is_not_read(client: httpx.AsyncClient, path: str, *, announced: bool) -> None:
    body = longer(2_000)

    answer = await client.post(
        path, content=body if announced else pieces(body), headers={"content-type": "application/json"}
    )

    assert answer.status_code == 413
    assert refusal(answer)["code"] == "too_large"


async def test_a_route_may_take_more_than_the_rest(client: httpx.AsyncClient) -> None:
    long = await client.post("/v1/loans/long", content=longer(300_000))
    too_long = await client.post("/v1/loans/long", content=longer(600_000))
    upload = await client.post("/v1/scans", files={"page": b"x" * 50_000})
    too_big = await client.post("/v1/scans", files={"page": b"x" * 200_000})

    assert (long.status_code, upload.status_code, upload.text) == (202, 200, "50000")
    assert (too_long.status_code, too_big.status_code) == (413, 413)
    assert refusal(too_long)["message"] == "the body may have 500000 bytes at most"
    assert refusal(too_big)["code"] == "too_large"


async def test_a_trace_goes_on_where_the_caller_began_it(client: httpx.AsyncClient) -> None:
    given_id = "4bf92f3577b34da6a3ce929d0e0e4736"

    begun = await client.get("/nowhere", headers={"traceparent": f"00-{given_id}-00f067aa0ba902b7-01"})
    new = [(await client.get("/nowhere", headers={"traceparent": "odd"})).headers["x-trace-id"] for _ in range(2)]

    assert begun.headers["x-trace-id"] == given_id
    assert new[0] != new[1]
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in new)


async def test_the_access_line_holds_the_route_and_nothing_that_was_sent(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as lines:
        await client.get(f"/v1/books/{PHONE}?least=77123")
        await client.post("/v1/loans", json=GOOD | {"reader": PHONE})

    assert [(line["route"], line["status"]) for line in lines] == [("/v1/books/{title}", 200), ("/v1/loans", 422)]
    assert PHONE not in str(lines)
    assert "77123" not in str(lines)


async def test_a_flood_of_bad_requests_does_not_fill_the_disk() -> None:
    metrics = Metrics("library")
    app = create_edge(Face("Library", "1", KeyRing(None), Health(metrics), metrics))  # type: ignore[arg-type] # no route asks for a key

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://library") as made:
        with structlog.testing.capture_logs() as lines:
            for _ in range(200):
                await made.get("/nowhere")

    assert 0 < len(lines) <= 50
    assert 'route="unmatched",service="library",status="404"} 200.0' in metrics.page().decode()


async def test_requests_are_counted_by_template(client: httpx.AsyncClient) -> None:
    """A label for each id would fill the memory of whoever collects them."""
    await client.get("/v1/books/one")
    await client.get("/nowhere/in/particular")
    await client.post("/v1/loans", json=GOOD)

    page = (await client.get("/metrics")).text
    assert 'paidan_requests_total{route="/v1/books/{title}",service="library",status="200"}' in page
    assert 'route="/v1/loans",service="library",status="202"' in page
    assert "particular" not in page


async def test_the_document_is_valid_and_holds_hot_routes_like_others(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()

    OpenAPIV31SpecValidator(document).validate()
    loan = document["paths"]["/v1/loans"]["post"]
    assert loan["summary"] == "Lend a book."
    assert "The same loan twice" in loan["description"]
    body = loan["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert body == "#/components/schemas/Loan"
    assert document["components"]["schemas"]["Book"]["properties"]["pages"]["exclusiveMinimum"] == 0
    assert "/v1/books" in document["paths"]
    assert "/healthz" not in document["paths"]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "key"}


async def test_the_page_for_people_needs_no_other_network(client: httpx.AsyncClient) -> None:
    """A city's network is often closed, and the usual address of the script is blocked in places."""
    page = await client.get("/docs")

    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(loaded) == 3
    for address in loaded:
        assert address.startswith("/docs/assets/")
        assert (await client.get(address)).status_code == 200
    assert "//" not in "".join(loaded)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["book", "\x00", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["book", "title", "pages", "since"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
async def test_nothing_that_is_sent_makes_it_fall_over(client: httpx.AsyncClient, raw: bytes) -> None:
    for path in ("/v1/loans", "/v1/books"):
        answer = await client.post(path, content=raw, headers={"content-type": "application/json"})

        assert answer.status_code < 500, answer.text


async def test_a_client_that_sends_too_much_over_a_real_socket_hears_why(client: httpx.AsyncClient) -> None:
    transport = client._transport  # noqa: SLF001 - the app that the module's fixture built
    assert isinstance(transport, httpx.ASGITransport)
    with bind("127.0.0.1", 0) as sock:
        listener = Listener(transport.app, sock, stop_within_s=1)
        serving = asyncio.ensure_future(listener.serve())
        async with httpx.AsyncClient(headers=client.headers) as outside:
            answer = await outside.post(f"http://127.0.0.1:{listener.port}/v1/loans", content=longer(5_000_000))
        listener.stop()
        await serving

    assert answer.status_code == 413


def test_hot_routes_and_ordinary_ones_name_the_same_principal() -> None:
    """There is one way to authenticate, not two that may drift."""
    assert Caller.__metadata__[0].dependency is edge.principal  # type: ignore[attr-defined] # Annotated's own
