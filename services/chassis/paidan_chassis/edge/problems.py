"""Error responses, all in one format: ``{"error": {"code", "message", "message_zh", "field"}}``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import asyncpg
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from paidan_chassis.database import is_transient
from paidan_chassis.edge import validation_messages
from paidan_chassis.edge.known_fields import with_known_fields
from paidan_chassis.edge.validation_messages import Mistake
from paidan_chassis.errors import ChassisError, Halt, Unacknowledged
from paidan_chassis.json_bodies import DUPLICATE_KEY

MAX_MISTAKES: Final = 20
_HALT_RETRY_AFTER_S: Final = 30


class BodyTooLarge(HTTPException):
    """The body exceeds the route's limit. An HTTPException, because FastAPI lets those pass while it reads a body."""

    def __init__(self, limit: int) -> None:
        super().__init__(413)
        self.limit = limit


@dataclass(eq=False)  # not frozen: Python sets an exception's traceback
class Problem(ChassisError):
    """An error response, raised. ``field`` is the dotted path of the invalid part of the input."""

    status: int
    code: str
    message: str
    message_zh: str
    field: str | None = None
    retry_after_s: int | None = None
    more: tuple[Mistake, ...] = ()
    """What else is wrong with the request, so that it can be mended at once."""

    def body(self) -> dict[str, Any]:
        """Return the response body; the response to a batch has one for each rejected line."""
        error = {"code": self.code, "message": self.message, "message_zh": self.message_zh, "field": self.field}
        return {"error": error | ({"more": [each._asdict() for each in self.more]} if self.more else {})}

    def response(self) -> Response:
        """Return the HTTP response."""
        headers = {"Retry-After": str(self.retry_after_s)} if self.retry_after_s is not None else {}
        if self.status == 401:
            headers["WWW-Authenticate"] = 'Bearer error="invalid_token"' if self.code == "invalid_token" else "Bearer"
        if self.status == 415:
            headers["Accept-Encoding"] = "identity"
        content = json.dumps(self.body(), ensure_ascii=False).encode()
        return Response(content, status_code=self.status, headers=headers, media_type="application/json")

    def __str__(self) -> str:
        return f"{self.status} {self.code}" + (f" at {self.field}" if self.field else "")


class FurtherMistake(BaseModel):
    """Another part of the request that is wrong."""

    field: str | None
    message: str
    message_zh: str


class ErrorDetail(BaseModel):
    """The reason why a request was refused."""

    code: str = Field(description="A code for programs; the README lists all of them.")
    message: str
    message_zh: str
    field: str | None = Field(description="Path of the invalid part of the input, with dots.")
    more: list[FurtherMistake] = Field(default=[], description="What else is wrong, if anything; it is left out else.")


class ErrorBody(BaseModel):
    """The body of every answer but a success."""

    error: ErrorDetail


def unavailable(retry_after_s: int = 2) -> Problem:
    """Return a 503: the outcome is unknown, so the caller sends it again with the same id."""
    message = "not available now; it may have been stored all the same, so send it again with the same id"
    message_zh = "服务暂不可用；内容可能已保存，请使用相同的编号重新发送"
    return Problem(503, "unavailable", message, message_zh, retry_after_s=retry_after_s)


def not_found(message: str = "not found", message_zh: str = "不存在") -> Problem:
    """Return a 404; also for what exists and the caller has no access to."""
    return Problem(404, "not_found", message, message_zh)


def method_not_allowed() -> Problem:
    """Return a 405."""
    return Problem(405, "method_not_allowed", "this route does not take this method", "不支持该请求方法")


def forbidden(message: str = "the key has no scope for this", message_zh: str = "该密钥无此权限") -> Problem:
    """Return a 403."""
    return Problem(403, "forbidden", message, message_zh)


def unauthorized() -> Problem:
    """Return a 401: no key, an unknown one or a revoked one; the response does not distinguish them."""
    return Problem(401, "unauthorized", "a valid API key is needed", "需要有效的 API 密钥")


def too_large(limit: int) -> Problem:
    """Return a 413."""
    return Problem(413, "too_large", f"the body may have {limit} bytes at most", f"请求体不得超过 {limit} 字节")


def unsupported_encoding() -> Problem:
    """Return a 415: read as it came, a compressed body would be refused for what is wrong with its bytes."""
    message = "the header Content-Encoding may only be identity: send the body uncompressed"
    message_zh = "请求头 Content-Encoding 只能为 identity：请发送未压缩的请求体"
    return Problem(415, "unsupported_encoding", message, message_zh, "Content-Encoding")


def invalid(field: str | None, message: str, message_zh: str = "内容不符合要求") -> Problem:
    """Return a 422 that names the field and quotes no value."""
    return Problem(422, "invalid", message, message_zh, field)


def is_starlette_413(response_start: Mapping[str, Any]) -> bool:
    """Return whether a 413 is Starlette's, which replaces any response to a body announced too long by plain text."""
    headers = response_start.get("headers", ())
    return any(name == b"content-type" and value.startswith(b"text/plain") for name, value in headers)


def problem_for(error: Exception) -> Problem:
    """Return the problem that answers an unhandled error."""
    if is_transient(error) or isinstance(error, Unacknowledged):
        return unavailable()
    if isinstance(error, Halt):
        # A consumer would halt; the edge keeps serving requests that do not need what is missing.
        detail, _, detail_zh = error.detail.partition(" | ")
        message = f"an operator has to fix this first: {error.reason}: {detail}"
        message_zh = f"须先由运维人员处理：{error.reason}：{detail_zh or detail}"
        return Problem(503, error.reason, message, message_zh, retry_after_s=_HALT_RETRY_AFTER_S)
    if isinstance(error, asyncpg.DataError):
        # NUL, a number out of range...: the input is invalid even if only the database detects it.
        return invalid(None, "a value cannot be stored", "有内容无法保存")
    return Problem(500, "internal", "internal error; please report the trace id", "内部错误，请告知我们 trace id")


def from_validation_errors(
    errors: Sequence[Mapping[str, Any]], *, field: str | None = None, model: type[BaseModel] | None = None
) -> Problem:
    """Return a 400 or 422 for pydantic's errors, in the order of the model's fields: the first, and ``more``.

    ``field`` is the name of what was validated, if it is a single value. With ``model`` unknown fields are answered
    with the known ones.
    """
    if errors[0]["type"] == "json_invalid":
        return Problem(400, "invalid_json", "the body is not JSON", "请求体不是有效的 JSON")
    found = [_describe(each, field, model) for each in errors[:MAX_MISTAKES]]
    [first, *more] = dict.fromkeys(found)
    code = DUPLICATE_KEY if errors[0]["type"] == DUPLICATE_KEY else "invalid"
    return Problem(422, code, first.message, first.message_zh, first.field, more=tuple(more))


def _describe(error: Mapping[str, Any], field: str | None, model: type[BaseModel] | None) -> Mistake:
    mistake = validation_messages.describe(error, field)
    if model is None or error["type"] != "extra_forbidden":
        return mistake
    return with_known_fields(mistake, model, [part for part in error["loc"] if part != "body"])
