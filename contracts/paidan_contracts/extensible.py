"""Extensible values: a reader keeps a value or a kind that a newer writer has and this release does not know."""

from typing import Any, Final, NewType, get_args

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

VALUES_KEYWORD: Final = "x-extensible-enum"
"""Schema keyword that lists the known values of a string that may have others."""
UNION_KEYWORD: Final = "x-extensible-union"
"""Schema keyword of a union that may get further alternatives; its last one takes what is unknown."""

VALUE_PATTERN: Final = r"^[a-z][a-z0-9_]{0,62}$"
# In the form of event types, which error locations leave out.
_KNOWN: Final = "kind.known.v1"
_UNKNOWN: Final = "kind.unknown.v1"

Unknown = NewType("Unknown", str)
"""A value that this release does not know. The type keeps our own code from sending one."""


class ExtensibleEnum:
    """Annotates ``Literal[...] | Unknown``: a string by ``VALUE_PATTERN``, published with its known values."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Return the schema of a string: known and unknown values are treated alike."""
        known = [value for part in get_args(source) if part is not Unknown for value in get_args(part)]
        return core_schema.str_schema(pattern=VALUE_PATTERN, metadata={VALUES_KEYWORD: list(dict.fromkeys(known))})

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the pattern that every value has, and the values that are known."""
        strings: Any = schema
        while strings["type"] != "str":  # behind a validator of the field
            strings = strings["schema"]
        return {**handler(schema), VALUES_KEYWORD: strings["metadata"][VALUES_KEYWORD]}


class ExtensibleUnion:
    """Annotates a union of models by ``kind``, whose last one takes every kind that the others refuse as unknown."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401
        """Return the schema of a tagged union of the known kinds, and after it the unknown one."""
        *known, unknown = get_args(source)
        choices = {kind_of_model(model): handler.generate_schema(model) for model in known}
        return core_schema.union_schema(
            [
                (core_schema.tagged_union_schema(choices, discriminator="kind"), _KNOWN),
                (handler.generate_schema(unknown), _UNKNOWN),
            ],
            mode="left_to_right",
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Return the union's schema with its keyword, and which kind has which schema."""
        known, unknown = handler(schema)["anyOf"]
        return {**known, "oneOf": [*known["oneOf"], unknown], UNION_KEYWORD: True}


def kind_of_model(model: type[BaseModel]) -> str:
    """Return the kind that is the default of a model's field ``kind``."""
    kind: str = model.model_fields["kind"].default
    return kind
