"""Classifies a report: maps its source's matter and category to a matter type and a class. Pure."""

from typing import Final, NamedTuple, get_args

from paidan_contracts.city import City
from paidan_contracts.wire import MatterType

# The names of the matter types. A source's other words are mapped by the city's pack.
_MATTERS: Final[dict[str, MatterType]] = {
    **{each: each for each in get_args(MatterType)},
    "咨询": "consultation",
    "求助": "help",
    "求决": "help",
    "建议": "suggestion",
    "投诉": "complaint",
    "举报": "tip_off",
    "感谢": "praise",
    "表扬": "praise",
    "其他": "other",
}


class Classified(NamedTuple):
    """A class and, where the report names its condition, the catalogue row; None where unknown."""

    class_code: str | None = None
    row_id: str | None = None
    is_ignored: bool = False
    is_unknown: bool = False


def to_matter_type(word: str | None) -> str | None:
    """Return the matter type of its name (投诉 is ``complaint``), and any other word unchanged."""
    return _MATTERS.get(word.strip().lower(), word) if word is not None else None


def classify_matter(city: City, source: str, word: str | None) -> MatterType | None:
    """Return the matter type of a source's own word, by the city's pack or by its name; None for an unknown one."""
    if word is None:
        return None
    word = word.strip()
    return city.matters.get((source, word)) or _MATTERS.get(word.lower())


def classify(
    city: City, source: str, category: str | None, *, class_code: str | None = None, condition: str | None = None
) -> Classified:
    """Return the class of a report: the one it states, or the one to which the city maps its source's category."""
    if class_code is not None:
        return _classify_code(city, class_code, condition)
    if not category:
        return Classified()
    entry = city.categories.get((source, category))
    if entry is None:
        return Classified(is_unknown=True)
    if entry.ignored:
        return Classified(is_ignored=True)
    if entry.class_code is None:
        return Classified()
    return _classify_code(city, entry.class_code, condition or entry.condition)


def _classify_code(city: City, class_code: str, condition: str | None) -> Classified:
    if class_code not in city.classes:
        return Classified(is_unknown=True)
    row = city.rows.get(f"{class_code}-{condition}") if condition else None
    return Classified(class_code, row.id if row else None)
