"""Bodies of requests: what is too large is not read, and nothing that somebody may send causes a 500."""

import asyncio
import json

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paidan_chassis.edge.server import HttpServer, bind_socket
from tests.chassis.sample_edge import error_of, in_chunks, padded_loan


@pytest.mark.parametrize("path", ["/v1/loans", "/v1/books"])
@pytest.mark.parametrize("raw", [b"", b"{", b"\xff\xfe", b'{"a": NaN', b"[" * 1900])
async def test_invalid_json_is_refused(client: httpx.AsyncClient, path: str, raw: bytes) -> None:
    answer = await client.post(path, content=raw, headers={"content-type": "application/json"})

    assert answer.status_code in (400, 422)
    assert error_of(answer)["code"] in ("invalid_json", "invalid")


@pytest.mark.parametrize("path", ["/v1/loans", "/v1/books"])
@pytest.mark.parametrize("announced", [True, False])
async def test_oversized_body_is_not_read(client: httpx.AsyncClient, path: str, *, announced: bool) -> None:
    body = padded_loan(2_000)

    answer = await client.post(
        path, content=body if announced else in_chunks(body), headers={"content-type": "application/json"}
    )

    assert answer.status_code == 413
    assert error_of(answer)["code"] == "too_large"


async def test_route_may_raise_its_body_limit(client: httpx.AsyncClient) -> None:
    long = await client.post("/v1/loans/long", content=padded_loan(300_000))
    too_long = await client.post("/v1/loans/long", content=padded_loan(600_000))
    upload = await client.post("/v1/scans", files={"page": b"x" * 50_000})
    too_big = await client.post("/v1/scans", files={"page": b"x" * 200_000})

    assert (long.status_code, upload.status_code, upload.text) == (202, 200, "50000")
    assert (too_long.status_code, too_big.status_code) == (413, 413)
    assert error_of(too_long)["message"] == "the body may have 500000 bytes at most"
    assert error_of(too_big)["code"] == "too_large"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["book", "\x00", "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["book", "title", "pages", "since"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=60) | json_values.map(lambda value: json.dumps(value).encode()))
async def test_no_request_body_causes_a_500(client: httpx.AsyncClient, raw: bytes) -> None:
    for path in ("/v1/loans", "/v1/books"):
        answer = await client.post(path, content=raw, headers={"content-type": "application/json"})

        assert answer.status_code < 500, answer.text


async def test_oversized_upload_over_a_socket_gets_413(client: httpx.AsyncClient) -> None:
    transport = client._transport  # noqa: SLF001 - the app that the module's fixture built
    assert isinstance(transport, httpx.ASGITransport)
    with bind_socket("127.0.0.1", 0) as sock:
        listener = HttpServer(transport.app, sock, stop_within_s=1)
        serving = asyncio.ensure_future(listener.serve())
        async with httpx.AsyncClient(headers=client.headers) as outside:
            answer = await outside.post(f"http://127.0.0.1:{listener.port}/v1/loans", content=padded_loan(5_000_000))
        listener.stop()
        await serving

    assert answer.status_code == 413
