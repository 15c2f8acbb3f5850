"""The fields that a body may have where it has one that is unknown, so that a misspelt name is mended at once."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal, get_args, get_origin

from pydantic import BaseModel

from paidan_chassis.edge.validation_messages import Mistake, nearest_name

_MAX_NAMES: Final = 40


def with_known_fields(mistake: Mistake, model: type[BaseModel], loc: Sequence[str | int]) -> Mistake:
    """Return what is wrong with an unknown field, with the names that are known beside it and the nearest of them."""
    names = _known_names(model, loc)
    if not names:
        return mistake
    shown = names[:_MAX_NAMES]
    hint, hint_zh = nearest_name(str(loc[-1]), names)
    return Mistake(
        mistake.field,
        f"{mistake.message}; known: {', '.join(shown)}{hint}",
        f"{mistake.message_zh}；可用字段：{'、'.join(shown)}{hint_zh}",
    )


def _known_names(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Return the names of the fields beside an unknown one, by pydantic's path to it."""
    here: list[type[BaseModel]] = [model]
    for part in loc[:-1]:
        if isinstance(part, int):
            continue  # an element of a list, whose models were taken when the list was
        inner = [each for owner in here for each in _models_of(_annotation(owner, part))]
        # A part that is no field is the kind of a member of a union.
        here = inner or [owner for owner in here if _is_kind(owner, part)]
    return sorted({info.alias or name for owner in here for name, info in owner.model_fields.items()})


def _annotation(model: type[BaseModel], name: str) -> Any:  # noqa: ANN401 - any type
    named = (info.annotation for field, info in model.model_fields.items() if name in (field, info.alias))
    return next(named, None)


def _models_of(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401 - any type
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models_of(part)


def _is_kind(model: type[BaseModel], tag: str) -> bool:
    kinds = (info.annotation for info in model.model_fields.values())
    return any(get_origin(each) is Literal and tag in get_args(each) for each in kinds)
