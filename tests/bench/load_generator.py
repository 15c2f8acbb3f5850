"""The HTTP load generator, a separate process: keep-alive connections, as little Python per request as possible."""

import asyncio
import json
import sys
import time
from array import array
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import uvloop

ANSWER_TIMEOUT_S: Final = 120.0
TICK_S: Final = 0.001
_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "


@dataclass(slots=True)
class LoadRun:
    """One run of requests, each sent once, with the times when it was due and when it was answered."""

    requests: list[bytes]
    due: "array[float]" = field(default_factory=lambda: array("d"))
    answered: "array[float]" = field(default_factory=lambda: array("d"))
    status: "array[int]" = field(default_factory=lambda: array("h"))
    idle: "deque[HttpConnection]" = field(default_factory=deque)
    waiting: "deque[int]" = field(default_factory=deque)
    pending: int = 0
    ends_at: float = 0.0
    """Until then an answered connection sends the next request at once; 0 in an open loop."""

    def send_next(self, due: float) -> None:
        """Send the next request on an idle connection, or queue it until there is one."""
        number = self._add_request(due)
        if self.idle:
            self.idle.popleft().send(number, self.requests[number])
        else:
            self.waiting.append(number)

    def record_answer(self, connection: "HttpConnection", number: int, status: int) -> None:
        """Record an answer, and send the connection's next request."""
        now = time.monotonic()
        self.answered[number], self.status[number] = now, status
        self.pending -= 1
        if self.waiting:
            later = self.waiting.popleft()
            connection.send(later, self.requests[later])
        elif now < self.ends_at and len(self.due) < len(self.requests):
            number = self._add_request(now)
            connection.send(number, self.requests[number])
        else:
            self.idle.append(connection)

    def _add_request(self, due: float) -> int:
        number = len(self.due)
        self.due.append(due)
        self.answered.append(0.0)
        self.status.append(0)
        self.pending += 1
        return number

    async def open_loop(self, rate: float) -> None:
        """Send at a fixed rate whether or not answers arrive; a delayed send counts as waiting."""
        begin = time.monotonic()
        for number in range(len(self.requests)):
            due = begin + number / rate
            while time.monotonic() < due:  # noqa: ASYNC110 - there is no event for a due time
                await asyncio.sleep(TICK_S)
            self.send_next(due)
        await self._all_answered()

    async def closed_loop(self, seconds: float) -> None:
        """Send on each connection as soon as its last request is answered."""
        self.ends_at = time.monotonic() + seconds
        for _ in range(min(len(self.idle), len(self.requests))):
            self.send_next(time.monotonic())
        await self._all_answered()

    async def _all_answered(self) -> None:
        give_up_at = max(time.monotonic(), self.ends_at) + ANSWER_TIMEOUT_S
        while self.pending and time.monotonic() < give_up_at:  # noqa: ASYNC110 - an event would cost each answer
            await asyncio.sleep(TICK_S)


class HttpConnection(asyncio.Protocol):
    """A keep-alive connection with at most one request in flight."""

    def __init__(self, run: LoadRun) -> None:
        self._run = run
        self._number = -1
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment] # a stream's transport can write
        self._run.idle.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self._run.idle:
            self._run.idle.remove(self)
        elif self._number >= 0:
            self._run.pending -= 1  # its status stays 0: not answered

    def send(self, number: int, request: bytes) -> None:
        """Send a request."""
        self._number, self._received = number, b""
        if self._transport is not None:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        body_at = self._received.find(_END) + len(_END)
        if body_at < len(_END):
            return
        length_at = self._received.find(_LENGTH) + len(_LENGTH)
        length = int(self._received[length_at : self._received.index(b"\r", length_at)])
        if len(self._received) >= body_at + length:
            self._run.record_answer(self, self._number, int(self._received[9:12]))


async def run_load(job: dict[str, Any]) -> dict[str, Any]:
    """Connect, print "ready", wait for a line on stdin, run the load and return its times."""
    run = LoadRun([_request(job, token, body) for token, body in job["requests"]])
    loop = asyncio.get_running_loop()
    for _ in range(job["connections"]):
        await loop.create_connection(lambda: HttpConnection(run), job["host"], job["port"])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.readline)
    cpu_started = time.process_time()
    if job["rate"]:
        await run.open_loop(job["rate"])
    else:
        await run.closed_loop(job["seconds"])
    cpu_s = time.process_time() - cpu_started
    return {"due": list(run.due), "answered": list(run.answered), "status": list(run.status), "cpu_s": cpu_s}


def _request(job: dict[str, Any], token: str, body: str) -> bytes:
    content = body.encode()
    head = (
        f"POST /v1/tickets HTTP/1.1\r\nHost: {job['host']}:{job['port']}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


if __name__ == "__main__":
    job_file = Path(sys.argv[1])
    result = uvloop.run(run_load(json.loads(job_file.read_text())))
    job_file.with_suffix(".done").write_text(json.dumps(result))
