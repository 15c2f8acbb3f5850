"""A service that is restarted or busy during an import costs time and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest

from paidan_deploy.importing.client import post_lines

ACCEPTED_LINE = {"source_ref": "a\u2028b\x85c"}
"""Unicode line separators, which do not end a line of NDJSON."""


def http_response(status: str, body: bytes = b"") -> bytes:
    """Return a whole response, as a service writes it."""
    head = f"HTTP/1.1 {status}\r\nretry-after: 0\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


ACCEPTED_RESPONSE = http_response("200 OK", json.dumps(ACCEPTED_LINE, ensure_ascii=False).encode() + b"\n")


@asynccontextmanager
async def stub_server(answers: Sequence[bytes]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answer each request with the next of these bytes and hang up; yield the address and the requests' bodies."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        [length] = [
            int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length")
        ]
        requests.append(await reader.readexactly(length))
        writer.write(answers[len(requests) - 1])
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/v1", requests


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(b"", id="it dies"),
        pytest.param(ACCEPTED_RESPONSE[:-4], id="it dies while it answers"),
        pytest.param(http_response("500 Internal Server Error"), id="it fails"),
        pytest.param(http_response("502 Bad Gateway"), id="a proxy in front finds it down"),
        pytest.param(http_response("503 Service Unavailable"), id="it is not ready"),
        pytest.param(http_response("429 Too Many Requests"), id="it is busy"),
    ],
)
async def test_the_same_lines_are_sent_again(fault: bytes) -> None:
    async with stub_server([fault, ACCEPTED_RESPONSE]) as (url, requests), httpx.AsyncClient() as client:
        answers = await post_lines(client, url, [{"source_ref": "a"}])

    assert answers == [ACCEPTED_LINE]
    assert requests == [b'{"source_ref": "a"}\n'] * 2


async def test_a_refused_request_is_not_repeated() -> None:
    async with (
        stub_server([http_response("403 Forbidden"), ACCEPTED_RESPONSE]) as (url, requests),
        httpx.AsyncClient() as client,
    ):
        with pytest.raises(httpx.HTTPStatusError, match="403"):
            await post_lines(client, url, [{}])

    assert len(requests) == 1
