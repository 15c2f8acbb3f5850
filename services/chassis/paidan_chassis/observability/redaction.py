"""How an error is told to a log: where it happened and what kind it is, without the values that people sent."""

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
_LONGEST: Final = 500


def masked(text: str) -> str:
    """Take long numbers out of a text that may hold a resident's."""
    return _LONG_NUMBER.sub("…", text)


def unquoted(text: str) -> str:
    """Take out what stands in quotes, since that is where libraries put the value they dislike."""
    return _QUOTED.sub("'…'", masked(text))


def describe(error: BaseException) -> str:
    """Say in one line what went wrong, quoting no value."""
    return f"{type(error).__name__}: {_said(error)}"[:_LONGEST]


def _said(error: BaseException) -> str:
    match error:
        case ValidationError():
            return "; ".join(f"{_dotted(each['loc'])}: {each['type']}" for each in error.errors(include_input=False))
        case asyncpg.PostgresError():
            return _said_by_server(error)
        case asyncpg.DataError():
            return str(error).partition(":")[0]
        case ChassisError():
            return masked(str(error))
        case _:
            return unquoted(str(error))


def _said_by_server(error: asyncpg.PostgresError) -> str:
    # Class 22 quotes the value in its message; DETAIL, which str() would add, quotes whole rows.
    sqlstate, message = error.sqlstate or "", str(getattr(error, "message", None) or "")
    return f"{unquoted(message) if sqlstate.startswith('22') else masked(message)} ({sqlstate})"


def _dotted(where: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in where)


def trace(error: BaseException) -> str:
    """Write the stack and the description of an error and of all that led to it, the first cause first."""
    return "\n".join(
        "".join(traceback.format_tb(each.__traceback__)) + describe(each) for each in reversed(list(_chain(error)))
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
        waiting.append(each.__cause__ or (None if each.__suppress_context__ else each.__context__))


def tell_error(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace ``exc_info`` by a trace without values (a structlog processor)."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["trace"] = trace(error)
    return event


def mask_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Take long numbers out of a library's own words (a structlog processor)."""
    return {**event, "event": masked(str(event.get("event", "")))[:2000]}
