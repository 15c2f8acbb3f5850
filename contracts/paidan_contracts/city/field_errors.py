"""What is wrong with one field of a pack, in English and in Chinese, from pydantic's error."""

from typing import Final

from pydantic_core import ErrorDetails

from paidan_contracts.validation_zh import LocalizedValueError, describe_in_chinese

MISSING: Final = "is missing"


def describe_error(error: ErrorDetails) -> tuple[str, str]:
    """Return one of pydantic's errors in English and in Chinese, with the value that was given."""
    kind, context = error["type"], error.get("ctx", {})
    cause = context.get("error")
    told_zh = cause.message_zh if isinstance(cause, LocalizedValueError) else describe_in_chinese(kind, context)
    match kind:
        case "missing":
            return MISSING, told_zh
        case "extra_forbidden":
            return "unknown field", "未知的字段"
        case _:
            value = error["input"]
            is_shown = isinstance(value, str | int | float)
            told = error["msg"].removeprefix("Value error, ").removesuffix(".")
            return told + (f", not {value!r}" if is_shown else ""), told_zh + (f"，而非 {value!r}" if is_shown else "")
