"""Pydantic's errors in English and Chinese, each as full as the other: what was expected, and its limits. No values."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from paidan_chassis.observability.redaction import redact_quotes
from paidan_contracts.validation_zh import describe_in_chinese


class Mistake(NamedTuple):
    """What is wrong with one part of a request."""

    field: str | None
    message: str
    message_zh: str


def describe(error: Mapping[str, Any], field: str | None = None) -> Mistake:
    """Return one of pydantic's errors as it is answered; ``field`` names a value that was validated alone."""
    kind, context = str(error["type"]), error.get("ctx", {})
    path = ".".join(str(part) for part in error["loc"] if part != "body") or field
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _describe_kind(path, str(error["msg"]))
    message = redact_quotes(str(error["msg"])) if kind in _VALIDATORS else str(error["msg"])
    return Mistake(path, message.removeprefix("Value error, "), describe_in_chinese(kind, context))


def _describe_kind(field: str | None, message: str) -> Mistake:
    """Name the kinds there are, as pydantic's message does after the last colon."""
    kinds = message.rpartition("expected tags: ")[2].replace("'", "") if "expected tags: " in message else ""
    if not kinds:
        return Mistake(field, "its kind is missing", "缺少类别 kind")
    return Mistake(field, f"there is no such kind; there are: {kinds}", f"没有该类别 kind；可用的有：{kinds}")


# Pydantic's own messages state what was expected; a validator's may quote the input.
_VALIDATORS: Final = frozenset({"value_error", "assertion_error"})
