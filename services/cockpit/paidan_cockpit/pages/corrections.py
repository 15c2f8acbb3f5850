"""A correction in words: each field before and after. Pure."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from paidan_cockpit.pages.labels import Translate
from paidan_cockpit.pages.marked_texts import N_
from paidan_cockpit.pages.names import CityNames
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.record_events import CaseCorrected

FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "position": N_("position"),
        "district": N_("district"),
        "street": N_("street"),
        "community": N_("community"),
        "grid": N_("grid cell"),
        "address": N_("address"),
        "text": N_("words"),
        "class_code": N_("class"),
        "row_id": N_("catalogue row"),
        "department": N_("department"),
        "complained_of": N_("department complained of"),
    }
)
UNKNOWN: Final = N_("unknown")


def corrections_in_words(event: CaseEvent, translate: Translate, names: CityNames) -> str:
    """Return what a correction changed; "" for another step."""
    return "; ".join(_iter_corrections(event, translate, names)) if isinstance(event, CaseCorrected) else ""


def _iter_corrections(event: CaseCorrected, translate: Translate, names: CityNames) -> Iterator[str]:
    for each in event.corrections:
        values = (
            _value(each.field, value, names) if value else translate(UNKNOWN) for value in (each.before, each.after)
        )
        yield f"{translate(FIELDS.get(each.field, each.field))}: {' → '.join(values)}"


def _value(field: str, value: str, names: CityNames) -> str:
    match field:
        case "department" | "complained_of":
            return names.department(value)
        case "class_code":
            return names.case_class(value)
        case "district" | "street" | "community":
            return names.place(value)
        case _:
            return value
