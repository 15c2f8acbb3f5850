"""Formats errors for logs: stack and type, without the values that users sent."""

import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from typing import Any, Final

import asyncpg
from pydantic import ValidationError

from paidan_chassis.errors import ChassisError

_LONG_NUMBER: Final = re.compile(r"\d{7,}")  # as telephone, identity and card numbers are
_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_MAX_LENGTH: Final = 500


def redact_numbers(text: str) -> str:
    """Replace long numbers in a text, which may be telephone or identity numbers."""
    return _LONG_NUMBER.sub("…", text)


def redact_quotes(text: str) -> str:
    """Replace quoted parts and long numbers in a text; libraries quote the value that they reject."""
    return _QUOTED.sub("'…'", redact_numbers(text))


def describe_error(error: BaseException) -> str:
    """Return an error's type and message in one line, without values."""
    return f"{type(error).__name__}: {_safe_message(error)}"[:_MAX_LENGTH]


def _safe_message(error: BaseException) -> str:
    match error:
        case ValidationError():
            return "; ".join(
                f"{_dotted_path(each['loc'])}: {each['type']}" for each in error.errors(include_input=False)
            )
        case asyncpg.PostgresError():
            return _server_message(error)
        case asyncpg.DataError():
            return str(error).partition(":")[0]
        case ChassisError():
            return redact_numbers(str(error))
        case _:
            return redact_quotes(str(error))


def _server_message(error: asyncpg.PostgresError) -> str:
    # Messages of class 22 quote the value; DETAIL, which str() would add, quotes whole rows.
    sqlstate, message = error.sqlstate or "", str(getattr(error, "message", None) or "")
    return f"{redact_quotes(message) if sqlstate.startswith('22') else redact_numbers(message)} ({sqlstate})"


def _dotted_path(path: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in path)


def format_error(error: BaseException) -> str:
    """Return stack and description of an error and of its causes, the first cause first."""
    return "\n".join(
        "".join(traceback.format_tb(each.__traceback__)) + describe_error(each)
        for each in reversed(list(_causes(error)))
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    visited_ids: set[int] = set()
    pending = [error]
    while pending:
        each = pending.pop(0)
        if each is None or id(each) in visited_ids:
            continue
        visited_ids.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            pending += each.exceptions
        pending.append(each.__cause__ or (None if each.__suppress_context__ else each.__context__))


def render_exc_info(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace ``exc_info`` by a stack trace without values (a structlog processor)."""
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException):
        event["trace"] = format_error(error)
    return event


def redact_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace long numbers in a library's message (a structlog processor)."""
    return {**event, "event": redact_numbers(str(event.get("event", "")))[:2000]}
