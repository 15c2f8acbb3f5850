"""Leaves entries that cannot be read out of a draft, so that the others can be checked in the same round."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from paidan_contracts.city.diagnostics import Fault, Origin, Path
from paidan_contracts.city.pack_files import Draft

_NAMING = ("id", "code", "class_code", "source", "value")


def leave_out(draft: Draft, faults: Iterable[Fault]) -> frozenset[str]:
    """Take the faulty entries out of the document, and name what must not be missed because of that.

    A department whose line is faulty is still known to the rules that name it.
    """
    faulty: defaultdict[Path, set[int]] = defaultdict(set)
    for fault in faults:
        *held_in, index = _entry_of(draft, fault.path) or (None,)
        if isinstance(index, int):
            faulty[tuple(step for step in held_in if step is not None)].add(index)
    excused: set[str] = set()
    # Deepest lists first: taking an entry out of an outer list moves what lies below it.
    for path in sorted(faulty, key=len, reverse=True):
        excused |= _take_out(draft, path, faulty[path])
    return frozenset(excused)


def _entry_of(draft: Draft, path: Path) -> Path | None:
    prefixes = (path[:length] for length in range(len(path), 0, -1))
    return next((prefix for prefix in prefixes if prefix in draft.origins and isinstance(prefix[-1], int)), None)


def _take_out(draft: Draft, path: Path, indices: set[int]) -> set[str]:
    entries: Any = draft.document
    for step in path:
        entries = entries[step]
    gone = [entries[index] for index in indices]
    for index in sorted(indices, reverse=True):
        del entries[index]
    draft.origins = dict(_moved(draft.origins, path, indices))
    return {str(entry[key]) for entry in gone if isinstance(entry, dict) for key in _NAMING if key in entry}


def _moved(origins: dict[Path, Origin], path: Path, gone: set[int]) -> Iterable[tuple[Path, Origin]]:
    depth = len(path)
    for at, origin in origins.items():
        index = at[depth] if len(at) > depth and at[:depth] == path else None
        if not isinstance(index, int):
            yield at, origin
        elif index not in gone:
            yield (*path, index - sum(1 for each in gone if each < index), *at[depth + 1 :]), origin
