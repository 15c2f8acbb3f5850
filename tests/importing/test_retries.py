"""A service that is restarted, or busy, in the midst of an import costs it some time and nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest

from paidan_deploy.importing.send import post_lines

TAKEN = {"source_ref": "a\u2028b\x85c"}
"""Separators of Unicode's, which end no line of JSON."""


def _answer(status: str, body: bytes = b"") -> bytes:
    head = f"HTTP/1.1 {status}\r\nretry-after: 0\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


DONE = _answer("200 OK", json.dumps(TAKEN, ensure_ascii=False).encode() + b"\n")


@asynccontextmanager
async def door(answers: Sequence[bytes]) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Listen, answer each request with the next of these bytes and hang up; give the address and what was heard."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        [length] = [
            int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length")
        ]
        heard.append(await reader.readexactly(length))
        writer.write(answers[len(heard) - 1])
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/v1", heard


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(b"", id="it dies"),
        pytest.param(DONE[:-4], id="it dies while it answers"),
        pytest.param(_answer("500 Internal Server Error"), id="it fails"),
        pytest.param(_answer("502 Bad Gateway"), id="something before it finds it away"),
        pytest.param(_answer("503 Service Unavailable"), id="it is not ready"),
        pytest.param(_answer("429 Too Many Requests"), id="it is busy"),
    ],
)
async def test_the_same_lines_are_sent_again(fault: bytes) -> None:
    async with door([fault, DONE]) as (url, heard), httpx.AsyncClient() as client:
        answers = await post_lines(client, url, [{"source_ref": "a"}])

    assert answers == [TAKEN]
    assert heard == [b'{"source_ref": "a"}\n'] * 2


async def test_what_is_refused_is_not_asked_again() -> None:
    async with door([_answer("403 Forbidden"), DONE]) as (url, heard), httpx.AsyncClient() as client:
        with pytest.raises(httpx.HTTPStatusError, match="403"):
            await post_lines(client, url, [{}])

    assert len(heard) == 1
