"""The one shape in which an edge says no: ``{"error": {"code", "message", "message_zh", "field"}}``."""

from dataclasses import dataclass

from starlette.responses import Response

from paidan_chassis.errors import ChassisError


@dataclass(eq=False)  # not frozen: Python itself writes an exception's traceback
class Problem(ChassisError):
    """An answer that is not a success. ``field`` names the part of the input that is wrong, dotted."""

    status: int
    code: str
    message: str
    message_zh: str
    field: str | None = None
    retry_after_s: int | None = None

    def response(self) -> Response:
        """Write the answer."""
        raise NotImplementedError


def unavailable(retry_after_s: int = 2) -> Problem:
    """Say 503: not taken for certain, send it again with the same id."""
    raise NotImplementedError


def not_found(message: str = "there is no such thing", message_zh: str = "不存在") -> Problem:
    """Say 404; also for what exists but is not the caller's to see."""
    raise NotImplementedError


def forbidden(message: str = "the key has no scope for this", message_zh: str = "该密钥无此权限") -> Problem:
    """Say 403."""
    raise NotImplementedError
