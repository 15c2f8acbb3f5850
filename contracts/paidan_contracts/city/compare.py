"""Compares two city packs: what was added, removed or changed, by part and entry."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from paidan_contracts.city.pack import Pack

_KEYS: Final = ("id", "code", "word", "date", "value")
_SHOWN: Final = 80
_SIGNS: Final = {"added": "+", "removed": "-", "changed": "~", "reordered": "~"}


class Step(NamedTuple):
    """A step of the way into a pack: the name of a field, or what names an entry among others."""

    name: str
    is_entry: bool = False


class PackDifference(NamedTuple):
    """A difference of two packs: where, and what was there before and is there now; of entries the whole entry."""

    kind: Literal["added", "removed", "changed", "reordered"]
    path: tuple[Step, ...]
    old: Any = None
    new: Any = None

    def __str__(self) -> str:
        path = "".join(f" {step.name}" if step.is_entry else f".{step.name}" for step in self.path).strip(".")
        match self.kind:
            case "changed":
                return f"~ {path}: {_shown(self.old)} -> {_shown(self.new)}"
            case "reordered":
                return f"~ {path}: in another order / 次序不同"
            case _:
                return f"{_SIGNS[self.kind]} {path}"


def compare_packs(old: Pack, new: Pack) -> Iterator[PackDifference]:
    """Yield each difference; as text ``+ departments gas``, ``~ clocks.accept: 15 urgent_minute -> ...``."""
    yield from _compare((), old.model_dump(mode="json"), new.model_dump(mode="json"))


class PackParts:
    """Finds parts of a pack by their paths. What names the entries of a list is read once."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._entries: dict[tuple[Step, ...], Mapping[str, Any]] = {}

    def find(self, path: tuple[Step, ...]) -> Any:  # noqa: ANN401 - part of a document
        """Return the part to which a path leads; None where there is none."""
        part: Any = self._pack
        for depth, step in enumerate(path):
            if step.is_entry:
                part = self._by_name(path[:depth], part or ()).get(step.name)
            else:
                part = getattr(part, step.name, None)
        return part

    def _by_name(self, path: tuple[Step, ...], entries: Sequence[Any]) -> Mapping[str, Any]:
        if path not in self._entries:
            names = _by_key([each.model_dump(mode="json") for each in entries])
            self._entries[path] = dict(zip(names, entries, strict=True)) if names else {}
        return self._entries[path]


def is_time_limit(value: Any) -> bool:  # noqa: ANN401 - part of a document
    """Return whether a part of a pack is a time limit, which is compared as one value."""
    return isinstance(value, dict) and value.keys() == {"amount", "unit"}


def _compare(path: tuple[Step, ...], old: Any, new: Any) -> Iterator[PackDifference]:  # noqa: ANN401 - parts of a document
    if old == new:
        return
    if isinstance(old, list | None) and isinstance(new, list | None):
        old, new = old or [], new or []
        old_entries, new_entries = _by_key(old), _by_key(new)
        if old_entries is not None and new_entries is not None:
            yield from _compare_entries(path, old_entries, new_entries)
            return
    if isinstance(old, dict) and isinstance(new, dict) and not is_time_limit(old):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _compare((*path, Step(name)), old.get(name), new.get(name))
        return
    yield PackDifference("changed", path, old, new)


def _compare_entries(
    path: tuple[Step, ...], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[PackDifference]:
    for key in [key for key in old if key not in new]:
        yield PackDifference("removed", (*path, Step(key, is_entry=True)), old=old[key])
    for key in [key for key in new if key not in old]:
        yield PackDifference("added", (*path, Step(key, is_entry=True)), new=new[key])
    kept = [key for key in old if key in new]
    for key in kept:
        yield from _compare((*path, Step(key, is_entry=True)), old[key], new[key])
    if kept != [key for key in new if key in old]:
        yield PackDifference("reordered", path)


def _by_key(entries: list[Any]) -> dict[str, Any] | None:
    """Return entries by what names them; None where not each has such a name of its own."""
    named: dict[str, Any] = {}
    for entry in entries:
        key = next((entry[name] for name in _KEYS if name in entry), None) if isinstance(entry, dict) else None
        if key is None:
            return None
        name = f"{entry['source']} {key}" if "word" in entry else str(key)
        if name in named:
            return None
        named[name] = entry
    return named


def _shown(value: Any) -> str:  # noqa: ANN401 - part of a document
    if is_time_limit(value):
        return f"{value['amount']} {value['unit']}"
    text = "nothing 无" if value is None else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
