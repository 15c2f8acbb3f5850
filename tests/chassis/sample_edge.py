"""A sample edge for the tests: a library that lends books, with routes of every kind."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import asyncpg
import httpx
from fastapi import FastAPI, File, Query, Request, UploadFile
from pydantic import AwareDatetime, BaseModel, Field, SecretStr, field_validator
from starlette.responses import JSONResponse, Response

from paidan_chassis import migrations
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.edge import api_keys, problems
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import Caller, EdgeConfig, create_app, hot_route
from paidan_chassis.edge.hot_routes import HotRequest
from paidan_chassis.edge.issuer_keys import PersonTokenVerifier
from paidan_chassis.edge.query import DRY_RUN_PARAMETER, DryRun
from paidan_chassis.edge.routes import require_header
from paidan_chassis.errors import Halt
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from tests.servers import ServerAddresses, fresh_database

PHONE = "13812345678"

ERROR_FIELDS = {"code", "message", "message_zh", "field"}


class Book(BaseModel):
    """A book."""

    title: str = Field(min_length=1, max_length=80)
    pages: int = Field(gt=0, lt=10_000)


class Loan(BaseModel):
    """A request for a loan."""

    book: Book
    reader: str = "anonymous"
    since: AwareDatetime | None = None

    @field_validator("reader")
    @classmethod
    def _no_number(cls, reader: str) -> str:
        if reader.isdigit():
            raise ValueError(f"a name, not '{reader}'")
        return reader


class ShelfQuery(BaseModel):
    """A search for shelves."""

    floor: list[int] = []
    sort_by: str = "number"


class LoanAccepted(BaseModel):
    """The answer to a loan."""

    title: str
    by: str


async def lend(call: HotRequest[Loan]) -> Response:
    """Record a book's loan.

    The same loan twice is one loan.
    """
    return JSONResponse({"title": call.body.book.title, "by": call.principal.name}, 202)


def build_app(pool: Pool, persons: PersonTokenVerifier | None = None) -> FastAPI:
    """Return the app under test, with routes of every kind."""
    metrics = Metrics("library")
    keys = KeyRing(pool, persons=persons)
    config = EdgeConfig("Library", "1", keys, Health(metrics), metrics, access_log="all", body_limit=2_000)
    app = create_app(config)
    hot_route(app, "/v1/loans", lend, name="lend", model=Loan, response_model=LoanAccepted, query=(DRY_RUN_PARAMETER,))
    hot_route(app, "/v1/loans/long", lend, name="lend", model=Loan, body_limit=500_000)

    @app.post("/v1/books")
    async def add(book: Book, _caller: Caller) -> Book:
        return book

    @app.post("/v1/scans", max_body_size=100_000)
    async def scan(page: Annotated[UploadFile, File()], _caller: Caller) -> int:
        return len(await page.read())

    @app.get("/v1/books/{title}")
    async def find(title: str, _caller: Caller, least: int = 0) -> str:
        return str(await pool.fetchval("SELECT $1::text || $2::int", title, least))

    @app.get("/v1/shelves")
    async def shelves(query: Annotated[ShelfQuery, Query()], _caller: Caller, dry_run: DryRun = False) -> str:
        return f"{query.floor} {query.sort_by} {dry_run}"

    @app.post(
        "/v1/returns",
        openapi_extra={
            "parameters": [{"name": "Return-Id", "in": "header", "required": True, "schema": {"type": "string"}}]
        },
    )
    async def give_back(request: Request, _book: Book, _caller: Caller) -> str:
        return require_header(request.scope, "Return-Id")

    _add_failing_routes(app)
    return app


def _add_failing_routes(app: FastAPI) -> None:
    @app.get("/v1/breaks")
    async def breaks() -> None:
        raise RuntimeError(f"secret of '{PHONE}'")

    @app.get("/v1/away")
    async def away() -> None:
        raise ConnectionRefusedError

    @app.get("/v1/waits")
    async def waits() -> None:
        app.state.waits = True
        await asyncio.Event().wait()

    @app.get("/v1/halted")
    async def halted() -> None:
        raise Halt("shelf_missing", "there is no shelf 7")

    @app.get("/v1/stored-perhaps")
    async def stored_perhaps() -> None:
        raise problems.unavailable(7)


@asynccontextmanager
async def open_client(servers: ServerAddresses) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of the edge with a key."""
    async with fresh_database(servers) as dsn:
        connection = await asyncpg.connect(dsn)
        await migrations.migrate(connection, "library", [migrations.CHASSIS_MIGRATIONS])
        token, key = api_keys.generate_key(name="desk", city="quancheng", scopes=["role:operator"])
        await api_keys.add_key(connection, "library", key)
        await connection.close()
        async with open_pool(SecretStr(dsn), schema="library") as pool:
            transport = httpx.ASGITransport(build_app(pool))
            headers = {"authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(transport=transport, base_url="http://library", headers=headers) as client:
                yield client


def error_of(response: httpx.Response) -> dict[str, Any]:
    """Return the error of a response, and check its format."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) - {"more"} == ERROR_FIELDS
    assert all(body["error"][name] for name in ERROR_FIELDS - {"field"})
    error: dict[str, Any] = body["error"]
    return error


VALID_LOAN = {"book": {"title": "西游记", "pages": 100}}


def padded_loan(n: int) -> bytes:
    """Return a valid loan of at least this many bytes."""
    return json.dumps(VALID_LOAN).encode() + b" " * n


async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
    """Yield a body in parts, so that its length is not announced."""
    for start in range(0, len(body), 500):
        yield body[start : start + 500]
