"""A response's head is sent with its body, and alone where no body follows at once."""

import asyncio

import pytest

from paidan_chassis.edge.joined_writes import JoinedWrites

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"


class RecordingTransport(asyncio.Transport):
    """A transport that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:  # type: ignore[override, unused-ignore]
        assert not self.is_closed
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


@pytest.fixture
async def transport() -> RecordingTransport:
    return RecordingTransport()


async def test_head_and_body_are_one_write(transport: RecordingTransport) -> None:
    joined = JoinedWrites(transport, asyncio.get_running_loop())
    joined.write(HEAD)
    joined.write(b"body")
    joined.write(b"more")
    await asyncio.sleep(0)

    assert transport.writes == [HEAD + b"body", b"more"]


async def test_head_whose_body_is_late_is_sent_in_the_loops_next_turn(transport: RecordingTransport) -> None:
    joined = JoinedWrites(transport, asyncio.get_running_loop())
    joined.write(HEAD)
    assert transport.writes == []
    await asyncio.sleep(0)
    assert transport.writes == [HEAD]
    joined.write(b"body")

    assert transport.writes == [HEAD, b"body"]


async def test_whole_answer_is_sent_at_once_and_after_what_is_held_back(transport: RecordingTransport) -> None:
    joined = JoinedWrites(transport, asyncio.get_running_loop())
    joined.write_response(HEAD + b"body")
    assert transport.writes == [HEAD + b"body"]
    joined.write(HEAD)
    joined.write_response(HEAD + b"next")
    await asyncio.sleep(0)

    assert transport.writes == [HEAD + b"body", HEAD, HEAD + b"next"]


async def test_interim_answer_is_sent_at_once(transport: RecordingTransport) -> None:
    JoinedWrites(transport, asyncio.get_running_loop()).write(b"HTTP/1.1 100 Continue\r\n\r\n")

    assert len(transport.writes) == 1


async def test_closing_sends_what_is_held_back(transport: RecordingTransport) -> None:
    joined = JoinedWrites(transport, asyncio.get_running_loop())
    joined.write(HEAD)
    joined.close()
    await asyncio.sleep(0)

    assert transport.writes == [HEAD]
    assert joined.is_closing()
