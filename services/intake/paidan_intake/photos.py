"""Sanitizes photos: decoded within limits, re-encoded without metadata; and stores them, named by their content.

What decodes runs in a child process (``photo_worker``), which ``photo_pool`` limits and replaces.
"""

import asyncio
import io
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, UnidentifiedImageError

from paidan_intake.exif import ExifMetadata, apply_orientation, read_exif
from paidan_intake.image_containers import JPEG_END, foreign_format, is_jpeg, webp_size, without_metadata
from paidan_intake.pixels import to_rgb

_IMAGE_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_JPEG_QUALITY: Final = 85
Image.MAX_IMAGE_PIXELS = None  # our own limit is stricter, and raises
# What Pillow raises on broken, truncated or malicious files; SyntaxError is for a bad PNG.
_DECODE_ERRORS: Final = (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, TypeError, IndexError)
# A format's most pixels are the setting's over its cost: a JPEG is decoded at a fraction of its size, though not a
# progressive one, and the decoder of WebP holds several canvases.
_PIXEL_COSTS: Final = {"JPEG": 1, "MPO": 1, "progressive JPEG": 2, "PNG": 2, "WEBP": 3}


class InvalidPhoto(Exception):
    """An upload is no acceptable photo: ``code`` is the reason, ``found`` what it is or has, ``limit`` what it may."""

    def __init__(self, code: str, *, found: str = "", limit: int = 0) -> None:
        super().__init__(code)
        self.code = code
        self.found = found
        self.limit = limit


@dataclass(frozen=True, slots=True)
class PhotoLimits:
    """The most bytes of an upload, pixels of its image, and pixels of a stored photo's longer side."""

    max_bytes: int
    max_pixels: int
    max_side_px: int

    @property
    def memory_bytes(self) -> int:
        """Return an address space in which all photos within the limits can be decoded: measured, and half as much."""
        return 150_000_000 + 12 * self.max_pixels


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """A photo as it is stored, and the metadata that it had."""

    jpeg: bytes
    exif: ExifMetadata


@dataclass(frozen=True, slots=True)
class SanitizedPhoto:
    """A photo that can be stored. ``upload_digest`` is the hash of the uploaded file, which is not stored."""

    ref: str
    jpeg: bytes
    upload_digest: str
    exif: ExifMetadata


def sanitize(upload: bytes, limits: PhotoLimits) -> DecodedPhoto:
    """Return a photo decoded and re-encoded: upright, no larger than allowed, without metadata.

    Raises InvalidPhoto. The size is checked by the header, before any pixel is decoded. A photo that cannot be read
    with its metadata is read without it; one whose end marker alone is missing is complete.
    """
    if len(upload) > limits.max_bytes:
        raise InvalidPhoto("photo_too_large", limit=limits.max_bytes)
    if name := foreign_format(upload):
        raise InvalidPhoto("photo_unreadable", found=name)
    if size := webp_size(upload):
        _check_pixels("WEBP", size, limits)
    try:
        return _decode(upload, limits)
    except _DECODE_ERRORS:
        bare = without_metadata(upload)
    try:
        return _decode(bare, limits)
    except _DECODE_ERRORS as error:
        if not is_jpeg(bare):
            raise InvalidPhoto("photo_unreadable") from error
    try:
        return _decode(bare + JPEG_END, limits, end_is_missing=True)
    except _DECODE_ERRORS as error:
        raise InvalidPhoto("photo_unreadable") from error


def _decode(upload: bytes, limits: PhotoLimits, *, end_is_missing: bool = False) -> DecodedPhoto:
    with Image.open(io.BytesIO(upload), formats=_IMAGE_FORMATS) as image:
        kind = "progressive JPEG" if image.info.get("progressive") else str(image.format)
        _check_pixels(kind, image.size, limits)
        exif = read_exif(image)
        # A large JPEG is decoded at a fraction of its size.
        image.draft("RGB", (limits.max_side_px, limits.max_side_px))
        image.load()
        if end_is_missing and _is_cut_off(image):
            raise InvalidPhoto("photo_unreadable", found="cut off")
        upright = apply_orientation(image, to_rgb(image, limits.max_side_px))
    buffer = io.BytesIO()
    upright.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return DecodedPhoto(buffer.getvalue(), exif)


def _check_pixels(kind: str, size: tuple[int, int], limits: PhotoLimits) -> None:
    max_pixels = limits.max_pixels // _PIXEL_COSTS[kind]
    if (pixels := size[0] * size[1]) > max_pixels:
        raise InvalidPhoto("photo_too_many_pixels", found=f"{kind}, {pixels}", limit=max_pixels)


def _is_cut_off(image: Image.Image) -> bool:
    """Return whether a JPEG's last block is missing: the decoder fills what it does not find with middle grey."""
    corner = (image.width - 1, image.height - 1, image.width, image.height)
    return image.crop(corner).convert("RGB").getpixel((0, 0)) in ((128, 128, 128), (127, 127, 127))


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
