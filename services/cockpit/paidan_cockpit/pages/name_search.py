"""Places, departments and classes whose names were typed where words are searched for. Pure."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from paidan_cockpit.pages.names import CityNames

KINDS: Final = ("district", "street", "department", "class_code")
_MAX_FOUND: Final = 8


class FoundName(NamedTuple):
    """What has the name: the filter's field, and its value."""

    kind: str
    code: str
    name: str


def find_names(names: CityNames, text: str, *, with_departments: bool) -> list[FoundName]:
    """Return what is called so, or has the text in its name; the exact ones first."""
    wanted = "".join(text.split()).casefold()
    if len(wanted) < 2:
        return []
    found = _all_names(names, wanted, with_departments=with_departments)
    return sorted(found, key=lambda each: _bare(each.name) != wanted)[:_MAX_FOUND]


def _all_names(names: CityNames, wanted: str, *, with_departments: bool) -> Iterator[FoundName]:
    for kind in KINDS:
        if kind == "department" and not with_departments:
            continue
        for code, name in names.choices(kind):
            if wanted in _bare(name):
                yield FoundName(kind, code, name)


def _bare(name: str) -> str:
    return "".join(name.split()).casefold()
