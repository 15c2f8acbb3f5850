"""Compares two city packs: what was added, removed or changed, by part and entry."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from paidan_contracts.city.pack import Pack

_KEYS: Final = ("id", "code", "word", "date", "value")
_SHOWN: Final = 80


def compare_packs(old: Pack, new: Pack) -> Iterator[str]:
    """Yield one line for each difference: ``+ departments gas``, ``~ clocks.accept: 15 urgent_minute -> ...``."""
    yield from _compare("", old.model_dump(mode="json"), new.model_dump(mode="json"))


def _compare(path: str, old: Any, new: Any) -> Iterator[str]:  # noqa: ANN401 - parts of a document
    if old == new:
        return
    if isinstance(old, list | None) and isinstance(new, list | None):
        old, new = old or [], new or []
        old_entries, new_entries = _by_key(old), _by_key(new)
        if old_entries is not None and new_entries is not None:
            yield from _compare_entries(path, old_entries, new_entries)
            return
    if isinstance(old, dict) and isinstance(new, dict) and not _is_time_limit(old):
        for name in [*old, *(name for name in new if name not in old)]:
            yield from _compare(f"{path}.{name}".strip("."), old.get(name), new.get(name))
        return
    yield f"~ {path}: {_shown(old)} -> {_shown(new)}"


def _compare_entries(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for key in [key for key in old if key not in new]:
        yield f"- {path} {key}"
    for key in [key for key in new if key not in old]:
        yield f"+ {path} {key}"
    kept = [key for key in old if key in new]
    for key in kept:
        yield from _compare(f"{path} {key}", old[key], new[key])
    if kept != [key for key in new if key in old]:
        yield f"~ {path}: in another order / 次序不同"


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


def _is_time_limit(value: Any) -> bool:  # noqa: ANN401 - part of a document
    return isinstance(value, dict) and value.keys() == {"amount", "unit"}


def _shown(value: Any) -> str:  # noqa: ANN401 - part of a document
    if _is_time_limit(value):
        return f"{value['amount']} {value['unit']}"
    text = "nothing 无" if value is None else str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
