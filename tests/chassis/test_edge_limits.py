"""Connection limits of the HTTP server, tested through raw sockets."""

import asyncio
from dataclasses import replace

import pytest

from paidan_chassis.edge.limits import DEFAULT_LIMITS
from tests.chassis.raw_http import answer, ask, ended, library, refused, served
from tests.polling import poll

GET = b"GET /length HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /length HTTP/1.1\r\nHost: x\r\n"
PATIENT = replace(DEFAULT_LIMITS, head_within_s=20, stalled_after_s=20)
HASTY = replace(DEFAULT_LIMITS, head_within_s=0.3, stalled_after_s=0.3, unread_after_s=0.3)


@pytest.mark.parametrize(
    "sent",
    [
        GET + b"x: " + b"a" * DEFAULT_LIMITS.head_bytes + b"\r\n\r\n",
        GET + b"x: " + b"a" * DEFAULT_LIMITS.head_bytes,
        GET + b"".join(b"x%d: y\r\n" % number for number in range(DEFAULT_LIMITS.header_lines)) + b"\r\n",
        GET + b"".join(b"x%d: y\r\n" % number for number in range(10_000)),
        b"GET /" + b"a" * DEFAULT_LIMITS.head_bytes + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\nx: " + b"a" * DEFAULT_LIMITS.head_bytes,
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 200,
        POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * (DEFAULT_LIMITS.head_bytes + 1),
    ],
    ids=["header", "unended header", "lines", "10,000 lines", "path", "trailer", "trailers", "chunk extension"],
)
async def test_oversized_head_is_refused_while_it_is_received(sent: bytes) -> None:
    """The parser buffers the head, so one connection could fill the memory."""
    assert await ask(PATIENT, sent) == (431, "too_large")


async def test_caller_is_who_connected_whatever_the_headers_say() -> None:
    """A local proxy that passes them on would else let everybody choose the address that is limited and logged."""
    forwarded = b"X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nForwarded: for=203.0.113.9\r\n"
    async with served(PATIENT) as connect:
        reader, writer = await connect()
        writer.write(b"GET /caller HTTP/1.1\r\nHost: x\r\n" + forwarded + b"\r\n")
        answered = await answer(reader)

    assert answered == (200, b"127.0.0.1 http")


async def test_large_head_within_the_limits_and_larger_body_are_accepted_whole_or_in_pieces() -> None:
    headers = b"".join(b"x%d: %s\r\n" % (number, b"y" * 250) for number in range(90))
    whole = POST + headers + b"Content-Length: 400000\r\n\r\n" + b"z" * 400_000
    async with served(PATIENT) as connect:
        reader, writer = await connect()
        for size in (len(whole), 9_000):
            for start in range(0, len(whole), size):
                writer.write(whole[start : start + size])
                await writer.drain()
            assert await answer(reader) == (200, b"400000")


async def test_client_that_has_only_read_for_long_is_not_refused_when_it_sends_something() -> None:
    """Heads of earlier requests on its connection count for none of this one."""
    read = GET + b"x: " + b"a" * 9_000 + b"\r\n\r\n"
    async with served(PATIENT) as connect:
        reader, writer = await connect()
        for _ in range(5):
            writer.write(read)
            assert (await answer(reader))[0] == 200
        writer.write(POST + b"Content-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
        writer.write(b"abc")
        assert await answer(reader) == (200, b"3")


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 2\r\nContent-Length: 3\r\n",
        b"Content-Length: +2\r\n",
        b"Content-Length: 2, 2\r\n",
        b"Content-Length: " + b"9" * 30 + b"\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding : chunked\r\n",
        b"Content-Length: 2\r\nX: a\r\n b\r\n",
        b"X: a\0b\r\n",
        b"Content-Length: 2\n",
        b"Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}",
    ],
)
async def test_ambiguous_framing_is_refused(headers: bytes) -> None:
    """Behind a proxy, a request could be hidden in the body of another."""
    assert await ask(PATIENT, POST + headers + b"\r\n{}") == (400, "invalid")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /length HTTP/1.1\r\n\r\n",
        b"GET /length HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /length HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n",
        b"GET /length HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
        b"GET /length HTTP/1.1\r\nHost:\r\n\r\n",
        b"GET /length HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET /length HTTP/1.1\r\nHost: a/../b\r\n\r\n",
        b"GET /length HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /length HTTP/0.9\r\n\r\n",
        b"GET /length\r\n\r\n",
        b"POST /length HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_request_without_one_host_or_one_end_is_refused(sent: bytes) -> None:
    """Two servers in a row would take it for another host's request, or see its end elsewhere."""
    assert await ask(PATIENT, sent) == (400, "invalid")


async def test_old_client_needs_no_host() -> None:
    async with served(PATIENT) as connect:
        reader, writer = await connect()
        writer.write(b"POST /length HTTP/1.0\r\nContent-Length: 2\r\n\r\nab")

        assert await answer(reader) == (200, b"2")


async def test_body_that_keeps_the_least_pace_ends_in_time_all_the_same() -> None:
    """A gigabyte announced could otherwise be sent for days."""
    limits = replace(HASTY, least_body_bytes=1, body_within_s=1.0)
    async with served(limits) as connect:
        reader, writer = await connect()
        writer.write(POST + b"Content-Length: 100000000\r\n\r\n")

        async def stream() -> None:
            while True:
                writer.write(b"a" * 100)
                await asyncio.sleep(0.05)

        streaming = asyncio.create_task(stream())
        try:
            assert await refused(reader) == (408, "too_slow")
        finally:
            streaming.cancel()


async def test_refusal_before_routing_has_the_security_headers() -> None:
    async with served(PATIENT) as connect:
        reader, writer = await connect()
        writer.write(b"nonsense\r\n\r\n")

        head = await reader.readuntil(b"\r\n\r\n")

    assert b"cache-control: no-store" in head.lower()


async def test_connection_without_a_request_is_closed() -> None:
    async with served(HASTY) as connect:
        reader, _writer = await connect()

        await ended(reader)


@pytest.mark.parametrize("begun", [GET, POST + b"Content-Length: 1000\r\n\r\n"], ids=["head", "body"])
async def test_request_sent_byte_by_byte_times_out(begun: bytes) -> None:
    """Each such request holds a connection; some hundreds of them would block all others."""
    async with served(HASTY) as connect:
        reader, writer = await connect()
        writer.write(begun)

        async def drip() -> None:
            while True:
                writer.write(b"a")
                await asyncio.sleep(0.02)

        dripping = asyncio.create_task(drip())
        try:
            assert await refused(reader) == (408, "too_slow")
        finally:
            dripping.cancel()


async def test_reader_of_an_aborted_body_gets_a_disconnect() -> None:
    app = library()
    async with served(HASTY, app) as connect:
        reader, writer = await connect()
        writer.write(POST + b"Content-Length: 1000\r\n\r\n")

        assert await refused(reader) == (408, "too_slow")
        await poll(lambda: getattr(app.state, "gone", False), what="the route hears that its caller is gone")


async def test_later_request_on_the_same_connection_times_out_too() -> None:
    """Empty lines between two requests must not hold a connection for ever, either."""
    async with served(HASTY) as connect:
        for between in (b"", b"\r\n"):
            reader, writer = await connect()
            writer.write(GET + b"\r\n")
            assert await answer(reader) == (200, b"0")
            writer.write(between + GET)
            assert await refused(reader) == (408, "too_slow")


async def test_waiting_for_a_response_has_no_timeout() -> None:
    app = library()
    async with served(HASTY, app) as connect:
        reader, writer = await connect()
        writer.write(GET.replace(b"/length", b"/slow") + b"\r\n")
        await poll(lambda: getattr(app.state, "asked", False), what="a request in hand")
        idle, _writer = await connect()
        await ended(idle)  # longer than any limit

        app.state.go.set()

        assert await answer(reader) == (200, b"late")


async def test_valid_request_is_answered_although_invalid_data_follows() -> None:
    app = library()
    async with served(PATIENT, app) as connect:
        reader, writer = await connect()
        writer.write(GET.replace(b"/length", b"/slow") + b"\r\n" + b"\x16\x03\x01")
        await poll(lambda: getattr(app.state, "asked", False), what="a request in hand")

        app.state.go.set()

        assert await answer(reader) == (200, b"late")
        await ended(reader)


async def test_connection_whose_response_is_not_read_is_closed() -> None:
    app = library()
    async with served(HASTY, app) as connect:
        reader, writer = await connect()
        writer.write(GET.replace(b"/length", b"/unread?bytes=50000000") + b"\r\n")
        await poll(lambda: getattr(app.state, "answered", False), what="an answer under way")
        for _ in range(3):
            idle, _writer = await connect()
            await ended(idle)  # longer than any limit

        async with asyncio.timeout(30):
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(50_000_000)


async def test_connection_above_the_limit_gets_503_and_is_served_once_another_closes() -> None:
    async with served(replace(PATIENT, connections=3)) as connect:
        held = [await connect() for _ in range(3)]
        reader, _writer = await connect()
        assert await refused(reader) == (503, "unavailable")

        held[0][1].close()

        async def is_served() -> bool:
            reader, writer = await connect()
            writer.write(GET + b"\r\n")
            return (await answer(reader))[0] == 200

        await poll(is_served, what="a place is free again")
