"""Removes invalid entries from a raw pack, so that the others can be validated in the same run."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from paidan_contracts.city.diagnostics import DocumentPath, Origin, Violation
from paidan_contracts.city.pack_files import RawPack

_ID_FIELDS = ("id", "code", "class_code", "source", "value")


def prune_invalid(raw_pack: RawPack, violations: Iterable[Violation]) -> frozenset[str]:
    """Remove invalid entries from the document, and return their ids.

    References to them are no errors: a rule may name a department whose line is invalid.
    """
    invalid_indices: defaultdict[DocumentPath, set[int]] = defaultdict(set)
    for violation in violations:
        *list_path, index = _entry_path(raw_pack, violation.path) or (None,)
        if isinstance(index, int):
            invalid_indices[tuple(step for step in list_path if step is not None)].add(index)
    pruned_ids: set[str] = set()
    # Deepest lists first: removing an entry of an outer list changes the paths below it.
    for path in sorted(invalid_indices, key=len, reverse=True):
        pruned_ids |= _remove_entries(raw_pack, path, invalid_indices[path])
    return frozenset(pruned_ids)


def _entry_path(raw_pack: RawPack, path: DocumentPath) -> DocumentPath | None:
    prefixes = (path[:length] for length in range(len(path), 0, -1))
    return next((prefix for prefix in prefixes if prefix in raw_pack.origins and isinstance(prefix[-1], int)), None)


def _remove_entries(raw_pack: RawPack, path: DocumentPath, indices: set[int]) -> set[str]:
    entries: Any = raw_pack.document
    for step in path:
        entries = entries[step]
    removed = [entries[index] for index in indices]
    for index in sorted(indices, reverse=True):
        del entries[index]
    raw_pack.origins = dict(_shift_origins(raw_pack.origins, path, indices))
    return {str(entry[key]) for entry in removed if isinstance(entry, dict) for key in _ID_FIELDS if key in entry}


def _shift_origins(
    origins: dict[DocumentPath, Origin], path: DocumentPath, removed: set[int]
) -> Iterable[tuple[DocumentPath, Origin]]:
    depth = len(path)
    for origin_path, origin in origins.items():
        index = origin_path[depth] if len(origin_path) > depth and origin_path[:depth] == path else None
        if not isinstance(index, int):
            yield origin_path, origin
        elif index not in removed:
            yield (*path, index - sum(1 for each in removed if each < index), *origin_path[depth + 1 :]), origin
