"""What kind of thing a report is about: the source's own word brought to the catalogue. Pure."""

from dataclasses import dataclass

from paidan_contracts.city import City


@dataclass(frozen=True, slots=True)
class Classified:
    """A class and, where the report names its condition, the catalogue row. None where nobody could tell."""

    class_code: str | None = None
    row_id: str | None = None
    is_ignored: bool = False
    is_unknown: bool = False


def classify(
    city: City, source: str, category: str | None, *, class_code: str | None = None, condition: str | None = None
) -> Classified:
    """Name the class of a report: the one it states, or what the city says its source's word stands for."""
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
