"""Photos made harmless and kept: decoded within limits, re-encoded with nothing attached, named by their content."""

import asyncio
import hashlib
import io
import os
import tempfile
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, UnidentifiedImageError

from paidan_intake.exif import Told, told_by, upright

_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_QUALITY: Final = 85
Image.MAX_IMAGE_PIXELS = None  # our own limit is stricter, and is no warning
# What Pillow raises on files that are broken, cut off or made to harm; SyntaxError is its word for a bad PNG.
_BROKEN: Final = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError)


class BadPhoto(Exception):
    """It cannot be taken as a photo; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a photo may be as it comes, unfolded, and as it is kept."""

    encoded_bytes: int
    pixels: int
    side: int


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo fit to be kept. ``upload`` fingerprints what was sent, of which nothing else remains."""

    ref: str
    body: bytes
    upload: str
    told: Told


def develop(upload: bytes, limits: Limits) -> Picture:
    """Decode a photo and encode it anew, upright, no larger than allowed and with nothing attached.

    Raises BadPhoto. Its size is judged by its header, before a single pixel is unfolded.
    """
    if len(upload) > limits.encoded_bytes:
        raise BadPhoto("photo_too_large")
    try:
        with Image.open(io.BytesIO(upload), formats=_FORMATS) as image:
            if image.width * image.height > limits.pixels:
                raise BadPhoto("photo_too_many_pixels")
            told = told_by(image)
            image.draft("RGB", (limits.side, limits.side))  # a large JPEG is unfolded at a fraction of its size
            body = _encoded(image, limits.side)
    except _BROKEN as error:
        raise BadPhoto("photo_unreadable") from error
    return Picture(f"{hashlib.sha256(body).hexdigest()}.jpg", body, hashlib.sha256(upload).hexdigest(), told)


def _encoded(image: Image.Image, side: int) -> bytes:
    held = upright(image)
    held.thumbnail((side, side))
    # Only pixels are carried over: comments and profiles would ride along in the copy's info.
    bare = Image.new("RGB", held.size, "white")
    shown = held.convert("RGBA") if _is_see_through(held) else held.convert("RGB")
    bare.paste(shown, mask=shown.getchannel("A") if shown.mode == "RGBA" else None)
    out = io.BytesIO()
    bare.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _is_see_through(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


class Busy(Exception):
    """More photos are in hand than may be."""


class Darkroom:
    """Develops a bounded number of photos at a time, off the loop that answers requests."""

    def __init__(self, workers: ThreadPoolExecutor, limits: Limits, *, most_waiting: int) -> None:
        self.limits = limits
        self._workers = workers
        self._most_waiting = most_waiting
        self._in_hand = 0

    def enter(self) -> None:
        """Take a place before an upload is read; raises Busy when there is none. ``leave`` gives it back."""
        if self._in_hand >= self._most_waiting:
            raise Busy
        self._in_hand += 1

    def leave(self) -> None:
        """Give a place back."""
        self._in_hand -= 1

    async def develop(self, upload: bytes) -> Picture:
        """Make a photo harmless; raises BadPhoto."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, develop, upload, self.limits)


@asynccontextmanager
async def open_darkroom(limits: Limits, *, workers: int, most_waiting: int) -> AsyncIterator[Darkroom]:
    """Develop photos while the context is open."""
    with ThreadPoolExecutor(workers, thread_name_prefix="photo") as pool:
        yield Darkroom(pool, limits, most_waiting=most_waiting)


class Store:
    """A folder of photos, each under its content's name, so that one kept twice is one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, ref: str) -> Path:
        """Say where a photo lies."""
        return self._folder / ref[:2] / ref

    async def save(self, picture: Picture) -> None:
        """Return once the photo is on the disk to stay. Saving it again changes nothing."""
        await asyncio.to_thread(_write, self.path(picture.ref), picture.body)

    async def read(self, ref: str) -> bytes | None:
        """Read a photo; None when it is not here."""
        try:
            return await asyncio.to_thread(self.path(ref).read_bytes)
        except FileNotFoundError:
            return None


def _write(path: Path, body: bytes) -> None:
    if path.exists():
        # Whoever wrote it may not have come to make its name last.
        _sync_folder(path.parent)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)
    _sync_folder(path.parent.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
