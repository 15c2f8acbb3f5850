"""Whether a changed model may go on under the same event type: only an added optional field may."""

from collections.abc import Iterator
from typing import Any, Final

from paidan_contracts.schema_export.schemas import Schema

_PROSE: Final = frozenset({"title", "description", "examples", "$id", "$schema", "$defs"})


def breaches(released: Schema, current: Schema) -> list[str]:
    """Name every change that would break a recorded message or an older reader, by path; none means compatible."""
    return list(_compare(released, current, (released, current), "$", ()))


def _compare(old: Any, new: Any, roots: tuple[Schema, Schema], path: str, seen: tuple[str, ...]) -> Iterator[str]:  # noqa: ANN401  # pieces of JSON Schema
    if isinstance(old, dict) and isinstance(new, dict):
        if "$ref" in old and old["$ref"] in seen:
            return
        seen = (*seen, old["$ref"]) if "$ref" in old else seen
        yield from _objects(_resolved(old, roots[0]), _resolved(new, roots[1]), roots, path, seen)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (was, now) in enumerate(zip(old, new, strict=True)):
            yield from _compare(was, now, roots, f"{path}[{index}]", seen)
    elif old != new:
        yield f"{path}: was {old!r}, is {new!r}"


def _resolved(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return {**root["$defs"][reference.rpartition("/")[2]], **beside}


def _objects(old: Schema, new: Schema, roots: tuple[Schema, Schema], path: str, seen: tuple[str, ...]) -> Iterator[str]:
    for key in sorted((old.keys() | new.keys()) - _PROSE - {"properties", "required", "discriminator"}):
        if key not in old or key not in new:
            yield f"{path}.{key}: {'added' if key in new else 'removed'}"
        else:
            yield from _compare(old[key], new[key], roots, f"{path}.{key}", seen)
    was, now = old.get("properties", {}), new.get("properties", {})
    for name in sorted(was.keys() - now.keys()):
        yield f"{path}.{name}: removed"
    for name in sorted(was.keys() & now.keys()):
        yield from _compare(was[name], now[name], roots, f"{path}.{name}", seen)
    must, must_now = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(must_now - must):
        yield f"{path}.{name}: now required"
    for name in sorted((must - must_now) & now.keys()):
        yield f"{path}.{name}: no longer required"
