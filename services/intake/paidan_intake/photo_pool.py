"""Sanitizes a bounded number of photos at a time, each in a child process with a memory and a time limit."""

import asyncio
import hashlib
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any, Final

from pydantic import TypeAdapter

from paidan_intake.exif import ExifMetadata
from paidan_intake.photo_worker import READY, REQUEST_HEAD, RESPONSE_HEAD
from paidan_intake.photos import DecodedPhoto, InvalidPhoto, PhotoLimits, SanitizedPhoto

_WORKER_MODULE: Final = "paidan_intake.photo_worker"
_DECODE_WITHIN_S: Final = 30.0
_MAX_DESCRIPTION_BYTES: Final = 10_000
_MAX_JPEG_BYTES: Final = 100_000_000
_EXIF: Final = TypeAdapter(ExifMetadata)


class PhotoPoolBusy(Exception):
    """Too many photos are being processed; ``is_own``: too many of this holder's."""

    def __init__(self, *, is_own: bool) -> None:
        super().__init__()
        self.is_own = is_own


class WorkerDied(Exception):
    """The child process ended, answered nonsense, or did not answer in time."""


class WorkerNotStarted(Exception):
    """The child process cannot be started, which is no fault of a photo."""


class PhotoWorker:
    """A child process that decodes one photo at a time. It is started with the first."""

    def __init__(self, limits: PhotoLimits, *, memory_bytes: int | None = None) -> None:
        self._arguments = (json.dumps(asdict(limits)), str(memory_bytes or limits.memory_bytes))
        self.process: asyncio.subprocess.Process | None = None

    async def sanitize(self, upload: bytes) -> DecodedPhoto:
        """Return a photo; raises InvalidPhoto, WorkerNotStarted, or WorkerDied.

        After the last two the next call starts a new process.
        """
        try:
            async with asyncio.timeout(_DECODE_WITHIN_S):
                description, jpeg = await self._exchange(upload)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            await self.stop()
            raise WorkerDied from error
        except asyncio.CancelledError:
            await self.stop()  # its answer would be taken for that to the next photo
            raise
        if code := description.get("error"):
            raise InvalidPhoto(str(code), found=str(description["found"]), limit=int(description["limit"]))
        return DecodedPhoto(jpeg, _EXIF.validate_python(description["exif"]))

    async def _exchange(self, upload: bytes) -> tuple[dict[str, Any], bytes]:
        process = self.process = self.process or await self._start()
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise OSError("no pipes")
        stdin.write(REQUEST_HEAD.pack(len(upload)))
        stdin.write(upload)
        await stdin.drain()
        description_bytes, jpeg_bytes = RESPONSE_HEAD.unpack(await stdout.readexactly(RESPONSE_HEAD.size))
        if description_bytes > _MAX_DESCRIPTION_BYTES or jpeg_bytes > _MAX_JPEG_BYTES:
            raise ValueError("an answer too long")
        return json.loads(await stdout.readexactly(description_bytes)), await stdout.readexactly(jpeg_bytes)

    async def _start(self) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        # Isolated, and with no variable of ours: what takes over a decoder finds no secret.
        command = (sys.executable, "-I", "-m", _WORKER_MODULE, *self._arguments)
        try:
            process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env={}, cwd="/")
            self.process = process
            await _await_ready(process)
        except (OSError, EOFError) as error:
            await self.stop()
            raise WorkerNotStarted from error
        return process

    async def stop(self) -> None:
        """Kill the process, if it runs."""
        process, self.process = self.process, None
        if process is None:
            return
        if process.returncode is None:
            process.kill()
        await process.wait()


class PhotoPool:
    """Sanitizes a bounded number of photos at a time; further ones wait in slots, of which there are a number."""

    def __init__(self, limits: PhotoLimits, *, workers: int, max_pending: int) -> None:
        self.limits = limits
        self.workers = [PhotoWorker(limits) for _ in range(workers)]
        self._idle: asyncio.LifoQueue[PhotoWorker] = asyncio.LifoQueue()
        for worker in self.workers:
            self._idle.put_nowait(worker)
        self._max_pending = max_pending
        self._max_per_holder = max(1, max_pending // 4)
        self._in_flight: Counter[str] = Counter()

    def acquire_slot(self, holder: str) -> None:
        """Acquire a slot before an upload is read; raises PhotoPoolBusy if there is none, or none for this holder.

        A quarter of the slots is one holder's at most: idle uploads of one key must not shut out all others.
        """
        if self._in_flight[holder] >= self._max_per_holder:
            raise PhotoPoolBusy(is_own=True)
        if self._in_flight.total() >= self._max_pending:
            raise PhotoPoolBusy(is_own=False)
        self._in_flight[holder] += 1

    def release_slot(self, holder: str) -> None:
        """Release a slot."""
        self._in_flight[holder] -= 1
        self._in_flight += Counter()  # drops those that hold none

    async def sanitize(self, upload: bytes) -> SanitizedPhoto:
        """Return a sanitized photo; raises InvalidPhoto, or WorkerNotStarted."""
        if len(upload) > self.limits.max_bytes:
            raise InvalidPhoto("photo_too_large", limit=self.limits.max_bytes)
        if not upload:
            raise InvalidPhoto("photo_unreadable", found="empty")
        worker = await self._idle.get()
        try:
            photo = await _sanitize_with(worker, upload)
        finally:
            self._idle.put_nowait(worker)
        return await asyncio.to_thread(_name_by_content, photo, upload)

    async def close(self) -> None:
        """Kill the child processes."""
        for worker in self.workers:
            await worker.stop()


async def _await_ready(process: asyncio.subprocess.Process) -> None:
    if process.stdout is None or await process.stdout.readexactly(len(READY)) != READY:
        raise EOFError


async def _sanitize_with(worker: PhotoWorker, upload: bytes) -> DecodedPhoto:
    try:
        return await worker.sanitize(upload)
    except WorkerDied:
        pass  # perhaps an operator or the kernel killed it: the photo gets a second chance
    try:
        return await worker.sanitize(upload)
    except WorkerDied as error:
        raise InvalidPhoto("photo_unreadable", found="too much memory") from error


def _name_by_content(photo: DecodedPhoto, upload: bytes) -> SanitizedPhoto:
    # Here and not in the child, which has read what a stranger sent.
    ref = f"{hashlib.sha256(photo.jpeg).hexdigest()}.jpg"
    return SanitizedPhoto(ref, photo.jpeg, hashlib.sha256(upload).hexdigest(), photo.exif)


@asynccontextmanager
async def open_photo_pool(limits: PhotoLimits, *, workers: int, max_pending: int) -> AsyncIterator[PhotoPool]:
    """Open a pool with this many child processes, each of which is started with its first photo."""
    pool = PhotoPool(limits, workers=workers, max_pending=max_pending)
    try:
        yield pool
    finally:
        await pool.close()
