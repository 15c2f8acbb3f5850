"""Compares schemas: only optional fields, and values or kinds that are extensible, may be added to an event type."""

from collections.abc import Collection, Iterator
from typing import Any, Final

from paidan_contracts.extensible import UNION_KEYWORD, VALUES_KEYWORD
from paidan_contracts.schema_export.schemas import Schema

_VALUE_KEYS: Final = frozenset({VALUES_KEYWORD, "enum", "anyOf", "type", "pattern"})
_ANNOTATION_KEYS: Final = frozenset({"title", "description", "examples", "$id", "$schema", "$defs"})


def breaking_changes(released: Schema, current: Schema) -> list[str]:
    """Return every change that would break a recorded message or an older reader, with its path."""
    return list(_compare(released, current, (released, current), "$", ()))


def _compare(
    old: Any,  # noqa: ANN401 - part of a JSON Schema
    new: Any,  # noqa: ANN401 - likewise
    roots: tuple[Schema, Schema],
    path: str,
    visited_refs: tuple[str, ...],
) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        old, new = _as_known_to(old, new)
        if "$ref" in old and old["$ref"] in visited_refs:
            return
        visited_refs = (*visited_refs, old["$ref"]) if "$ref" in old else visited_refs
        yield from _compare_objects(_resolve_ref(old, roots[0]), _resolve_ref(new, roots[1]), roots, path, visited_refs)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (old_item, new_item) in enumerate(zip(old, new, strict=True)):
            yield from _compare(old_item, new_item, roots, f"{path}[{index}]", visited_refs)
    elif old != new:
        yield f"{path}: was {old!r}, is {new!r}"


def _as_known_to(old: Schema, new: Schema) -> tuple[Schema, Schema]:
    """Return both without what may be added to an extensible enum or union, and without its becoming extensible.

    A released enum that becomes extensible breaks nobody who reads what was recorded; older readers know its values.
    """
    if VALUES_KEYWORD in new:
        known = _known_values(old)
        if known and known <= set(new[VALUES_KEYWORD]):
            return _without(old, _VALUE_KEYS, {}), _without(new, _VALUE_KEYS, {})
    if UNION_KEYWORD in new and "oneOf" in old:
        # In the released order: a kind is found by its discriminator, wherever in the union it stands.
        kept = [part for part in old["oneOf"] if part in new["oneOf"]]
        return _without(old, {UNION_KEYWORD}, {}), _without(new, {UNION_KEYWORD}, {"oneOf": kept})
    return old, new


def _known_values(schema: Schema) -> set[str]:
    """Return the values of an enum, extensible or closed, or of a union of closed ones."""
    alternatives: set[str] = set().union(*map(_known_values, schema.get("anyOf", ())))
    return alternatives | set(schema.get(VALUES_KEYWORD, ())) | set(schema.get("enum", ()))


def _without(schema: Schema, keys: Collection[str], replacements: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key not in keys} | replacements


def _resolve_ref(schema: Schema, root: Schema) -> Schema:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    siblings = {key: value for key, value in schema.items() if key != "$ref"}
    return {**root["$defs"][reference.rpartition("/")[2]], **siblings}


def _compare_objects(
    old: Schema, new: Schema, roots: tuple[Schema, Schema], path: str, visited_refs: tuple[str, ...]
) -> Iterator[str]:
    for key in sorted((old.keys() | new.keys()) - _ANNOTATION_KEYS - {"properties", "required", "discriminator"}):
        if key not in old or key not in new:
            yield f"{path}.{key}: {'added' if key in new else 'removed'}"
        else:
            yield from _compare(old[key], new[key], roots, f"{path}.{key}", visited_refs)
    old_properties, new_properties = old.get("properties", {}), new.get("properties", {})
    for name in sorted(old_properties.keys() - new_properties.keys()):
        yield f"{path}.{name}: removed"
    for name in sorted(old_properties.keys() & new_properties.keys()):
        yield from _compare(old_properties[name], new_properties[name], roots, f"{path}.{name}", visited_refs)
    old_required, new_required = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(new_required - old_required):
        yield f"{path}.{name}: now required"
    for name in sorted((old_required - new_required) & new_properties.keys()):
        yield f"{path}.{name}: no longer required"
