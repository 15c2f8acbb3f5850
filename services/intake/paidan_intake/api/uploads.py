"""Photo uploads: multipart forms read within limits and to their end, photos sanitized in a bounded pool."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.datastructures import Headers

from paidan_chassis.edge import problems
from paidan_chassis.edge.problems import Problem
from paidan_chassis.edge.scope_keys import BODY_LIMIT_KEY
from paidan_intake.photo_pool import PhotoPool, PhotoPoolBusy, WorkerNotStarted
from paidan_intake.photos import InvalidPhoto, SanitizedPhoto

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MAX_PHOTOS: Final = 9
_MAX_REPORT_BYTES: Final = 100_000
_UNREADABLE_FORM: Final = Problem(400, "invalid_multipart", "the parts could not be read", "表单内容无法读取")
_CUT_OFF_FORM: Final = Problem(
    400, "invalid_multipart", "the form ends before its closing boundary", "表单不完整，缺少结束分隔符"
)
_FOUND_ZH: Final = {"empty": "照片为空", "cut off": "照片不完整", "too much memory": "解码照片所需内存过多"}
_FOUND: Final = {
    "empty": "the photo is empty",
    "cut off": "the photo is cut off",
    "too much memory": "the photo needs too much memory to decode",
}


def _too_many_uploads() -> Problem:
    message = "the key has too many uploads under way; send this one when another has ended"
    return Problem(429, "too_many_requests", message, "该密钥同时上传过多，请在其他上传结束后再发送", retry_after_s=2)


@dataclass(slots=True)
class UploadForm:
    """The parts of a multipart request."""

    report: bytes | None = None
    uploads: list[bytes] = field(default_factory=list)


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
    """Return the part ``report`` and the parts ``photo``, or raise 400 or 422 naming the part.

    A form is read as it arrives, so what is wrong in its beginning is refused before its end was sent. A part is what
    its name says; a file name is neither needed nor read. Without the closing boundary it is no form.
    """
    request.scope[BODY_LIMIT_KEY] = max_bytes
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if not boundary:
        raise _UNREADABLE_FORM
    reader = _FormReader()
    try:
        parser = MultipartParser(boundary, reader.callbacks())
        async for chunk in request.stream():
            parser.write(chunk)
    except FormParserError:
        # It limits the headers of a part, in number and in bytes.
        raise _UNREADABLE_FORM from None
    if not reader.is_complete:
        raise _CUT_OFF_FORM
    return reader.form


class _FormReader:
    """Collects a form's parts. The parser calls it synchronously, so what it raises ends the reading."""

    def __init__(self) -> None:
        self.form = UploadForm()
        self.is_complete = False
        self._header = bytearray()
        self._disposition = bytearray()
        self._value = bytearray()
        self._name = ""
        self._is_unfilled = False
        self._part = bytearray()

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": self._extend_header,
            "on_header_value": self._extend_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._open_part,
            "on_part_data": self._extend_part,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _begin_part(self) -> None:
        self._disposition, self._part = bytearray(), bytearray()

    def _extend_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _extend_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = bytearray(), bytearray()

    def _open_part(self) -> None:
        _, options = parse_options_header(bytes(self._disposition))
        if b"name" not in options:
            raise _UNREADABLE_FORM
        self._name = options[b"name"].decode(errors="backslashreplace")
        self._is_unfilled = options.get(b"filename") == b""
        if self._name not in ("report", "photo"):
            raise problems.invalid(self._name[:60], "parts are report and photo", "仅接受 report 和 photo")
        if self._name == "report" and self.form.report is not None:
            raise problems.invalid("report", "exactly one report", "须为一个 report 部分")
        if self._name == "photo" and len(self.form.uploads) >= MAX_PHOTOS:
            raise problems.invalid("photo", f"at most {MAX_PHOTOS} photos", f"最多 {MAX_PHOTOS} 张照片")

    def _extend_part(self, data: bytes, start: int, end: int) -> None:
        self._part += data[start:end]
        if self._name == "report" and len(self._part) > _MAX_REPORT_BYTES:
            raise problems.invalid("report", f"at most {_MAX_REPORT_BYTES} bytes", f"不得超过 {_MAX_REPORT_BYTES} 字节")

    def _end_part(self) -> None:
        part = bytes(self._part)
        if self._name == "photo":
            if part or not self._is_unfilled:  # browsers send a file input without a choice as a nameless, empty file
                self.form.uploads.append(part)
            return
        try:
            part.decode()  # in another encoding masking would find nothing
        except UnicodeDecodeError:
            raise problems.invalid("report", "not UTF-8 text", "须为 UTF-8 文字") from None
        self.form.report = part

    def _end(self) -> None:
        self.is_complete = True


def is_multipart(headers: Headers) -> bool:
    """Return whether a request's body is a multipart form."""
    return headers.get("content-type", "").lower().startswith("multipart/form-data")


async def sanitize_upload(photo_pool: PhotoPool, upload: bytes, *, field: str) -> SanitizedPhoto:
    """Return a sanitized photo, or raise 413 or 422 naming the part and its limit, or 503."""
    try:
        return await photo_pool.sanitize(upload)
    except InvalidPhoto as error:
        raise _photo_problem(error, field) from None
    except WorkerNotStarted:
        raise problems.unavailable() from None


def _photo_problem(error: InvalidPhoto, field: str) -> Problem:
    match error.code:
        case "photo_too_large":
            message, message_zh = f"the photo may have {error.limit} bytes at most", f"照片不得超过 {error.limit} 字节"
            return Problem(413, error.code, message, message_zh, field)
        case "photo_too_many_pixels":
            message = f"the photo has too many pixels ({error.found}); it may have {error.limit} at most"
            message_zh = f"照片像素过多（{error.found}），不得超过 {error.limit} 像素"
        case _ if error.found in _FOUND:
            message, message_zh = _FOUND[error.found], _FOUND_ZH[error.found]
        case _ if error.found:
            message = f"{error.found} is not accepted: send JPEG, PNG or WebP"
            message_zh = f"不支持 {error.found}，请发送 JPEG、PNG 或 WebP"
        case _:
            message = "not a JPEG, PNG or WebP that can be read"
            message_zh = "无法读取照片，仅支持 JPEG、PNG、WebP"
    return Problem(422, error.code, message, message_zh, field)
