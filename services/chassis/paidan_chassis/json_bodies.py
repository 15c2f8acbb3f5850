"""Reads what others wrote as JSON into models, and refuses an object that states a field twice.

Parsers keep the last of two values without a word, so that a report would be another than its sender saw. Neither
pydantic nor the standard library notices; the standard library's hook does, at several times the cost of validating.
So most bodies are let pass by counting: one with as many names as the model has fields that were stated has none twice.
"""

import json
from codecs import BOM_UTF8
from functools import cache
from typing import Any, Final, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

ModelT = TypeVar("ModelT", bound=BaseModel)
DUPLICATE_KEY: Final = "duplicate_key"
DUPLICATE_KEY_MESSAGE: Final = "stated twice; it may be stated once"
DUPLICATE_KEY_MESSAGE_ZH: Final = "重复出现，只能出现一次"
_MAX_NAME_LENGTH: Final = 100
Path: TypeAlias = tuple[str | int, ...]


class _Object(list[tuple[str, Any]]):
    """The members of an object, in order."""


def read_json(model: type[ModelT], raw: bytes) -> ModelT:
    """Return the model of a JSON body, or raise ``ValidationError``: also for a field that is stated twice."""
    raw = raw.removeprefix(BOM_UTF8)
    body = model.model_validate_json(raw)
    if raw.count(b'":') != _count_stated(body) or _has_spaced_colon(raw):
        refuse_duplicate_keys(raw, title=model.__name__)
    return body


def refuse_duplicate_keys(raw: bytes, *, title: str = "body") -> None:
    """Raise ``ValidationError`` where an object of a JSON body states a field twice; what is no JSON passes."""
    path = find_duplicate_key(raw)
    if path is not None:
        error = PydanticCustomError(DUPLICATE_KEY, DUPLICATE_KEY_MESSAGE)
        raise ValidationError.from_exception_data(title, [InitErrorDetails(type=error, loc=path, input=None)])


def find_duplicate_key(raw: bytes) -> Path | None:
    """Return the path of a field that is stated twice in one object, however it is escaped; None: there is none."""
    try:
        document = json.loads(raw, object_pairs_hook=_Object, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None
    waiting: list[tuple[Path, Any]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, _Object):
            names: set[str] = set()
            for name, _ in value:
                if name in names:
                    return (*path, _shown(name))
                names.add(name)
            waiting += [((*path, _shown(name)), part) for name, part in reversed(value)]
        elif isinstance(value, list):
            waiting += [((*path, number), part) for number, part in enumerate(value)]
    return None


def _shown(name: str) -> str:
    return name if name.isprintable() and len(name) <= _MAX_NAME_LENGTH else "?"


def _count_stated(body: BaseModel) -> int:
    stated = body.__pydantic_fields_set__
    number = len(stated)
    for name in _fields_of_objects(type(body)):
        part = getattr(body, name)
        if name in stated and isinstance(part, BaseModel):
            number += _count_stated(part)
    return number


@cache
def _fields_of_objects(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(name for name, field in model.model_fields.items() if _holds_object(field.annotation))


def _holds_object(annotation: Any) -> bool:  # noqa: ANN401 - any type
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return is_model or any(map(_holds_object, get_args(annotation)))


def _has_spaced_colon(raw: bytes) -> bool:
    """Return whether a name may be followed by white space, so that counting its quote and colon misses it."""
    return b" :" in raw or b"\n:" in raw or b"\t:" in raw or b"\r:" in raw
