"""Sanitizes and stores photos: decoded within limits, re-encoded without metadata, named by their content."""

import asyncio
import hashlib
import io
import os
import tempfile
from collections import Counter
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
Image.MAX_IMAGE_PIXELS = None  # our own limit is stricter, and raises
# What Pillow raises on broken, truncated or malicious files; SyntaxError is for a bad PNG.
_DECODE_ERRORS: Final = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError)


class InvalidPhoto(Exception):
    """An upload is no acceptable photo; ``code`` is the reason."""

    def __init__(self, code: str, limit: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.limit = limit


@dataclass(frozen=True, slots=True)
class PhotoLimits:
    """The most bytes of an upload, pixels of its image, and pixels of a stored photo's longer side."""

    max_bytes: int
    max_pixels: int
    max_side_px: int


@dataclass(frozen=True, slots=True)
class SanitizedPhoto:
    """A photo that can be stored. ``upload_digest`` is the hash of the uploaded file, which is not stored."""

    ref: str
    jpeg: bytes
    upload_digest: str
    exif: ExifMetadata


def sanitize(upload: bytes, limits: PhotoLimits) -> SanitizedPhoto:
    """Return a photo decoded and re-encoded: upright, no larger than allowed, without metadata.

    Raises InvalidPhoto. The size is checked by the header, before any pixel is decoded.
    """
    if len(upload) > limits.max_bytes:
        raise InvalidPhoto("photo_too_large", limits.max_bytes)
    try:
        with Image.open(io.BytesIO(upload), formats=_IMAGE_FORMATS) as image:
            if image.width * image.height > limits.max_pixels:
                raise InvalidPhoto("photo_too_many_pixels", limits.max_pixels)
            exif = read_exif(image)
            # A large JPEG is decoded at a fraction of its size.
            image.draft("RGB", (limits.max_side_px, limits.max_side_px))
            jpeg = _reencode(image, limits.max_side_px)
    except _DECODE_ERRORS as error:
        raise InvalidPhoto("photo_unreadable") from error
    return SanitizedPhoto(f"{hashlib.sha256(jpeg).hexdigest()}.jpg", jpeg, hashlib.sha256(upload).hexdigest(), exif)


def _reencode(image: Image.Image, max_side_px: int) -> bytes:
    oriented = apply_orientation(image)
    oriented.thumbnail((max_side_px, max_side_px))
    # Only pixels are copied: a copy of the image would keep comments and profiles.
    canvas = Image.new("RGB", oriented.size, "white")
    converted = oriented.convert("RGBA") if _has_alpha(oriented) else oriented.convert("RGB")
    canvas.paste(converted, mask=converted.getchannel("A") if converted.mode == "RGBA" else None)
    buffer = io.BytesIO()
    canvas.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info


class PhotoPoolBusy(Exception):
    """Too many photos are being processed; ``is_own``: too many of this holder's."""

    def __init__(self, *, is_own: bool) -> None:
        super().__init__()
        self.is_own = is_own


class PhotoPool:
    """Sanitizes a bounded number of photos at a time in threads."""

    def __init__(self, executor: ThreadPoolExecutor, limits: PhotoLimits, *, max_pending: int) -> None:
        self.limits = limits
        self._executor = executor
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
        """Return a sanitized photo; raises InvalidPhoto."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, sanitize, upload, self.limits)


@asynccontextmanager
async def open_photo_pool(limits: PhotoLimits, *, workers: int, max_pending: int) -> AsyncIterator[PhotoPool]:
    """Open a pool with this many threads."""
    with ThreadPoolExecutor(workers, thread_name_prefix="photo") as executor:
        yield PhotoPool(executor, limits, max_pending=max_pending)


class PhotoStore:
    """A folder of photos, each named by its content, so that storing one twice makes one file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, ref: str) -> Path:
        """Return the path of a photo."""
        return self._folder / ref[:2] / ref

    async def save(self, photo: SanitizedPhoto) -> None:
        """Store a photo durably (fsync). Storing it again changes nothing."""
        await asyncio.to_thread(_write_durably, self.path(photo.ref), photo.jpeg)

    async def load(self, ref: str) -> bytes | None:
        """Return a photo's bytes; None if it is not stored."""
        try:
            return await asyncio.to_thread(self.path(ref).read_bytes)
        except FileNotFoundError:
            return None


def _write_durably(path: Path, content: bytes) -> None:
    if path.exists():
        os.utime(path)  # a sweep judges by its last upload
        # The process that wrote it may have crashed before it synced the folder.
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
