"""Photo uploads: multipart forms parsed within limits, photos sanitized in a bounded pool."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from fastapi import Request
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from paidan_chassis.edge import problems
from paidan_chassis.edge.app import read_body
from paidan_chassis.edge.problems import Problem
from paidan_intake.photos import InvalidPhoto, PhotoPool, PhotoPoolBusy, SanitizedPhoto

MAX_PHOTOS: Final = 9
_MAX_REPORT_BYTES: Final = 100_000
_PHOTO_ERRORS: Final = {
    "photo_too_large": (413, "the photo may have {limit} bytes at most", "照片不得超过 {limit} 字节"),
    "photo_too_many_pixels": (422, "the photo may have {limit} pixels at most", "照片不得超过 {limit} 像素"),
    "photo_unreadable": (422, "not a JPEG, PNG or WebP that can be read", "无法读取照片，仅支持 JPEG、PNG、WebP"),
}


def _too_many_uploads() -> Problem:
    message = "the key has too many uploads under way; send this one when another has ended"
    return Problem(429, "too_many_requests", message, "该密钥同时上传过多，请在其他上传结束后再发送", retry_after_s=2)


@dataclass(frozen=True, slots=True)
class UploadForm:
    """The parts of a multipart request."""

    report: bytes | None
    uploads: tuple[bytes, ...]


@asynccontextmanager
async def upload_slot(photo_pool: PhotoPool, key_id: str, *, timeout_s: float) -> AsyncIterator[None]:
    """Hold a slot of the photo pool from before the upload is read; raise 503 without one, 408 after ``timeout_s``.

    Raises 429 where this key holds too many.
    """
    try:
        photo_pool.acquire_slot(key_id)
    except PhotoPoolBusy as busy:
        raise _too_many_uploads() if busy.is_own else problems.unavailable() from None
    try:
        # Or a few slow senders would block all others.
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError:
        raise Problem(408, "too_slow", "the upload took too long", "上传超时") from None
    finally:
        photo_pool.release_slot(key_id)


async def read_form(request: Request, max_bytes: int) -> UploadForm:
    """Return the part ``report`` and the parts ``photo``, or raise 400 or 422 naming the part."""
    raw = await read_body(request, max_bytes)
    parser = MultiPartParser(
        request.headers, _single_chunk(raw), max_files=MAX_PHOTOS + 1, max_fields=2, max_part_size=_MAX_REPORT_BYTES
    )
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError):
        # KeyError: the boundary is missing.
        raise Problem(400, "invalid_multipart", "the parts could not be read", "表单内容无法读取") from None
    try:
        report: bytes | None = None
        uploads: list[bytes] = []
        for name, value in form.multi_items():
            match name:
                case "report":
                    report = await _part_bytes(name, value)
                    if report not in raw:
                        # Starlette decodes text outside the form's charset as Latin-1, in which masking finds nothing.
                        raise problems.invalid(name, "not UTF-8 text", "须为 UTF-8 文字")
                case "photo":
                    uploads.append(await _part_bytes(name, value))
                case _:
                    raise problems.invalid(
                        _printable(name), "parts are report and photo", "表单各部分只能是 report 和 photo"
                    )
    finally:
        await form.close()
    if len(uploads) > MAX_PHOTOS:
        raise problems.invalid("photo", f"at most {MAX_PHOTOS} photos", f"最多 {MAX_PHOTOS} 张照片")
    return UploadForm(report, tuple(uploads))


async def _part_bytes(name: str, value: UploadFile | str) -> bytes:
    if isinstance(value, UploadFile):
        return await value.read()
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise problems.invalid(name, "not text that can be read", "文字无法读取") from None


def _printable(name: str) -> str:
    # The sender chooses the form's charset, and some decode to text that cannot be encoded as UTF-8.
    return name[:60].encode(errors="backslashreplace").decode()


def is_multipart(headers: Headers) -> bool:
    """Return whether a request's body is a multipart form."""
    return headers.get("content-type", "").lower().startswith("multipart/form-data")


async def sanitize_upload(photo_pool: PhotoPool, upload: bytes, *, field: str) -> SanitizedPhoto:
    """Return a sanitized photo, or raise 413 or 422 naming the part."""
    try:
        return await photo_pool.sanitize(upload)
    except InvalidPhoto as error:
        status, message, message_zh = _PHOTO_ERRORS[error.code]
        told, told_zh = message.format(limit=error.limit), message_zh.format(limit=error.limit)
        raise Problem(status, error.code, told, told_zh, field) from None


async def _single_chunk(raw: bytes) -> AsyncGenerator[bytes, None]:
    yield raw
