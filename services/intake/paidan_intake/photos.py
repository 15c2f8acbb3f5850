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

from paidan_intake.exif import ExifMetadata, apply_orientation, read_exif

_IMAGE_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_JPEG_QUALITY: Final = 85
Image.MAX_IMAGE_PIXELS = None  # our own limit is stricter, and is no warning
# What Pillow raises on files that are broken, cut off or made to harm; SyntaxError is its word for a bad PNG.
_DECODE_ERRORS: Final = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError)


class InvalidPhoto(Exception):
    """It cannot be taken as a photo; the code says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class PhotoLimits:
    """How large a photo may be as it comes, unfolded, and as it is kept."""

    max_bytes: int
    max_pixels: int
    max_side_px: int


@dataclass(frozen=True, slots=True)
class SanitizedPhoto:
    """A photo fit to be kept. ``upload`` fingerprints what was sent, of which nothing else remains."""

    ref: str
    jpeg: bytes
    upload_digest: str
    exif: ExifMetadata


def sanitize(upload: bytes, limits: PhotoLimits) -> SanitizedPhoto:
    """Decode a photo and encode it anew, upright, no larger than allowed and with nothing attached.

    Raises BadPhoto. Its size is judged by its header, before a single pixel is unfolded.
    """
    if len(upload) > limits.max_bytes:
        raise InvalidPhoto("photo_too_large")
    try:
        with Image.open(io.BytesIO(upload), formats=_IMAGE_FORMATS) as image:
            if image.width * image.height > limits.max_pixels:
                raise InvalidPhoto("photo_too_many_pixels")
            exif = read_exif(image)
            image.draft(
                "RGB", (limits.max_side_px, limits.max_side_px)
            )  # a large JPEG is unfolded at a fraction of its size
            jpeg = _reencode(image, limits.max_side_px)
    except _DECODE_ERRORS as error:
        raise InvalidPhoto("photo_unreadable") from error
    return SanitizedPhoto(f"{hashlib.sha256(jpeg).hexdigest()}.jpg", jpeg, hashlib.sha256(upload).hexdigest(), exif)


def _reencode(image: Image.Image, max_side_px: int) -> bytes:
    oriented = apply_orientation(image)
    oriented.thumbnail((max_side_px, max_side_px))
    # Only pixels are carried over: comments and profiles would ride along in the copy's info.
    canvas = Image.new("RGB", oriented.size, "white")
    converted = oriented.convert("RGBA") if _has_alpha(oriented) else oriented.convert("RGB")
    canvas.paste(converted, mask=converted.getchannel("A") if converted.mode == "RGBA" else None)
    buffer = io.BytesIO()
    canvas.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


class PhotoPoolBusy(Exception):
    """More photos are in hand than may be."""


class PhotoPool:
    """Develops a bounded number of photos at a time, off the loop that answers requests."""

    def __init__(self, executor: ThreadPoolExecutor, limits: PhotoLimits, *, max_pending: int) -> None:
        self.limits = limits
        self._executor = executor
        self._max_pending = max_pending
        self._in_flight = 0

    def acquire_slot(self) -> None:
        """Take a place before an upload is read; raises Busy when there is none. ``leave`` gives it back."""
        if self._in_flight >= self._max_pending:
            raise PhotoPoolBusy
        self._in_flight += 1

    def release_slot(self) -> None:
        """Give a place back."""
        self._in_flight -= 1

    async def sanitize(self, upload: bytes) -> SanitizedPhoto:
        """Make a photo harmless; raises BadPhoto."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, sanitize, upload, self.limits)


@asynccontextmanager
async def open_photo_pool(limits: PhotoLimits, *, workers: int, max_pending: int) -> AsyncIterator[PhotoPool]:
    """Develop photos while the context is open."""
    with ThreadPoolExecutor(workers, thread_name_prefix="photo") as executor:
        yield PhotoPool(executor, limits, max_pending=max_pending)


class PhotoStore:
    """A folder of photos, each under its content's name, so that one kept twice is one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, ref: str) -> Path:
        """Say where a photo lies."""
        return self._folder / ref[:2] / ref

    async def save(self, photo: SanitizedPhoto) -> None:
        """Return once the photo is on the disk to stay. Saving it again changes nothing."""
        await asyncio.to_thread(_write_durably, self.path(photo.ref), photo.jpeg)

    async def load(self, ref: str) -> bytes | None:
        """Read a photo; None when it is not here."""
        try:
            return await asyncio.to_thread(self.path(ref).read_bytes)
        except FileNotFoundError:
            return None


def _write_durably(path: Path, content: bytes) -> None:
    if path.exists():
        # Whoever wrote it may not have come to make its name last.
        _sync_folder(path.parent)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
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
