"""Rules of ``contracts/authorisation.md`` about connections, each checked on the HTTP server itself."""

import asyncio
import json
from dataclasses import replace
from typing import Final

import pytest

from paidan_chassis.edge import server
from paidan_chassis.edge.limits import DEFAULT_LIMITS, ConnectionLimits
from tests.authorisation.page import RuleRow, number
from tests.authorisation.services import Edges
from tests.chassis.raw_http import answer, ask, ended, served

HASTY: Final = replace(DEFAULT_LIMITS, head_within_s=0.3, stalled_after_s=0.3, unread_after_s=0.3)
GET: Final = b"GET /length HTTP/1.1\r\nHost: x\r\n"
POST: Final = b"POST /length HTTP/1.1\r\nHost: x\r\n"


async def body_pace(_edges: Edges, rule: RuleRow) -> None:
    assert rule.limit == f"{DEFAULT_LIMITS.least_body_bytes} B in {DEFAULT_LIMITS.stalled_after_s:g} s"
    assert await _refusal(HASTY, POST + b"Content-Length: 1000\r\n\r\nabc") == rule.answer


async def body_time(_edges: Edges, rule: RuleRow) -> None:
    assert number(rule) == DEFAULT_LIMITS.body_within_s
    limits = replace(HASTY, least_body_bytes=0, body_within_s=0.5)
    assert await _refusal(limits, POST + b"Content-Length: 1000\r\n\r\nabc") == rule.answer


async def head_pace(_edges: Edges, rule: RuleRow) -> None:
    assert number(rule) == DEFAULT_LIMITS.head_within_s
    assert await _refusal(HASTY, GET) == rule.answer


async def head_size(_edges: Edges, rule: RuleRow) -> None:
    assert number(rule) == DEFAULT_LIMITS.head_bytes
    assert await _refusal(DEFAULT_LIMITS, GET + b"x: " + b"a" * number(rule)) == rule.answer


async def head_lines(_edges: Edges, rule: RuleRow) -> None:
    assert number(rule) == DEFAULT_LIMITS.header_lines
    assert await _refusal(DEFAULT_LIMITS, GET + b"x: y\r\n" * number(rule) + b"\r\n") == rule.answer


async def framing(_edges: Edges, rule: RuleRow) -> None:
    for sent in (
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST /length HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /length HTTP/2.0\r\nHost: x\r\n\r\n",
    ):
        assert await _refusal(DEFAULT_LIMITS, sent) == rule.answer


async def host(_edges: Edges, rule: RuleRow) -> None:
    for hosts in (b"", b"Host: a\r\nHost: b\r\n", b"Host: a\r\nHost: a\r\n", b"Host: a b\r\n"):
        assert await _refusal(DEFAULT_LIMITS, b"GET /length HTTP/1.1\r\n" + hosts + b"\r\n") == rule.answer


async def connections(_edges: Edges, rule: RuleRow) -> None:
    assert number(rule) == DEFAULT_LIMITS.connections
    async with served(replace(DEFAULT_LIMITS, connections=1)) as connect:
        await connect()
        reader, _writer = await connect()
        status, body = await answer(reader)
    assert f"{status} {json.loads(body)['error']['code']}" == rule.answer


async def first_byte(_edges: Edges, rule: RuleRow) -> None:
    assert (rule.answer, number(rule)) == ("closed", DEFAULT_LIMITS.head_within_s)
    async with served(HASTY) as connect:
        reader, _writer = await connect()
        await ended(reader)


async def idle(_edges: Edges, rule: RuleRow) -> None:
    assert (rule.answer, number(rule)) == ("closed", server._KEEP_ALIVE_TIMEOUT_S)  # noqa: SLF001 - uvicorn keeps it


async def unread(_edges: Edges, rule: RuleRow) -> None:
    assert (rule.answer, number(rule)) == ("closed", DEFAULT_LIMITS.unread_after_s)
    async with served(HASTY) as connect:
        reader, writer = await connect()
        writer.write(GET.replace(b"/length", b"/unread?bytes=50000000") + b"\r\n")
        for _ in range(3):
            idle_reader, _writer = await connect()
            await ended(idle_reader)  # longer than any limit
        async with asyncio.timeout(30):
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(50_000_000)


async def _refusal(limits: ConnectionLimits, sent: bytes) -> str:
    status, code = await ask(limits, sent)
    return f"{status} {code}"
