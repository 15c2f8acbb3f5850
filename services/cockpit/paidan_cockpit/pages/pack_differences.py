"""What differs between two versions of a city's pack, in words of the reader's language. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, Final

from paidan_cockpit.pages.labels import Translate, label
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.pack_words import PackWords
from paidan_contracts.city import City
from paidan_contracts.city.compare import PackDifference, PackParts, Step, compare_packs, is_time_limit
from paidan_contracts.city.pack_types import Names, TimeLimit
from paidan_contracts.city.routing import RoutingRule

_MAX_SHOWN: Final = 160


def _(message: str) -> str:
    """Mark a text for the catalogue; it is translated when a page is rendered."""
    return message


_PARTS: Final = {
    "departments": _("Departments"),
    "posts": _("Posts"),
    "sources": _("Sources"),
    "catalogue": _("Catalogue"),
    "routing": _("Rules in order"),
    "calendar": _("Calendar"),
    "clocks": _("Limits of the stages"),
    "matching": _("One matter, one case"),
    "callbacks": _("Calling back"),
    "noted": _("Noted without a case"),
    "screening": _("Alarms of machines"),
    "privacy": _("Masking of personal data"),
    "indicators": _("Indicators"),
    "imports": _("Imports of past records"),
    "geography": _("Places"),
}
_GENERAL: Final = _("The city")
_FIELDS: Final = {
    "accept": _("accept"),
    "accept_limit": _("Accept within"),
    "amount": _("amount"),
    "areas": _("named areas"),
    "basis": _("what it follows"),
    "begin": _("begin"),
    "big": _("big class"),
    "by_class": _("terms of single classes"),
    "callback": _("reporters are called back"),
    "categories": _("the sources' categories"),
    "channel": _("way of orders"),
    "channels": _("channels"),
    "class_code": _("Class"),
    "classes": _("classes"),
    "closing": _("Closed when"),
    "conditions": _("conditions"),
    "counts": _("counts"),
    "days": _("days"),
    "default": _("default"),
    "denominator": _("denominator"),
    "dispatch": _("dispatch"),
    "district": _("District"),
    "dwell_s": _("seconds that it must have been seen"),
    "en": _("in English"),
    "end": _("end"),
    "evidence": _("evidence"),
    "filing": _("Filed when"),
    "first": _("first day"),
    "generation": _("numbering"),
    "grid": _("unit grid"),
    "handle": _("handle"),
    "helpers": _("helpers"),
    "holds": _("counts when"),
    "ignored": _("ignored"),
    "inspect": _("inspect"),
    "kind": _("kind"),
    "last": _("last day"),
    "lead": _("who acts"),
    "limit": _("Handle within"),
    "matters": _("matters"),
    "min_confidence": _("trusted from a confidence of"),
    "names": _("name"),
    "note": _("note"),
    "numerator": _("numerator"),
    "off": _("never merged"),
    "outline": _("outline"),
    "places": _("places"),
    "radius_m": _("distance in metres"),
    "rates": _("rates"),
    "rating": _("rating"),
    "recurrence": _("recurring within"),
    "refire_s": _("seconds in which it is suppressed again"),
    "reopening": _("reopening"),
    "report_at": _("confidence of a report"),
    "review_at": _("confidence of a review"),
    "role": _("Duty"),
    "rows": _("rows"),
    "shape": _("drawn border"),
    "shifts": _("Working hours"),
    "silent_after_min": _("minutes after which it is silent"),
    "source": _("Source"),
    "street": _("Street"),
    "trusted": _("filed without verification"),
    "unit": _("Department"),
    "verify": _("verify"),
    "version": _("version"),
    "warn_at": _("share of a limit after which a warning goes out"),
    "when": _("times"),
    "window_h": _("hours in which reports join"),
    "within": _("within"),
    "working": _("working day"),
    "zh": _("in Chinese"),
    "zone": _("time zone"),
}
_DEPARTMENTS: Final = frozenset({"lead", "helpers", "owners", "unit"})
_PLACES: Final = frozenset({"district", "street", "places", "within"})


@dataclass(frozen=True, slots=True)
class ToldDifference:
    """A difference in words: its kind, what it is about, and for a change what was and what is."""

    kind: str
    about: str
    before: str | None = None
    now: str | None = None


@dataclass(frozen=True, slots=True)
class ChangedPart:
    """All differences of one part of a pack."""

    title: str
    differences: Sequence[ToldDifference]


class PackDifferences:
    """Tells what differs between two versions of a city."""

    def __init__(self, old: City, new: City, names: CityNames, words: PackWords, translate: Translate) -> None:
        self._old, self._new = old, new
        self._old_parts, self._new_parts = PackParts(old.pack), PackParts(new.pack)
        self._names, self._old_names = names, CityNames(old, names.language)
        self._words, self._translate = words, translate

    def parts(self, limit: int) -> list[ChangedPart]:
        """Return the changed parts, with no more than so many differences in all."""
        differences = islice(compare_packs(self._old.pack, self._new.pack), limit)
        return [
            ChangedPart(title, [self._tell(each) for each in of_part])
            for title, of_part in groupby(differences, key=lambda each: self._title(each.path[0]))
        ]

    def _title(self, step: Step) -> str:
        return self._translate(_PARTS.get(step.name, _GENERAL))

    def _tell(self, difference: PackDifference) -> ToldDifference:
        about = " · ".join(self._steps(difference.path)) or self._title(difference.path[0])
        if difference.kind != "changed":
            return ToldDifference(difference.kind, about)
        old, new = difference.old, difference.new
        if isinstance(old, list) and isinstance(new, list):
            old, new = _without(old, new), _without(new, old)
        field = next((step.name for step in reversed(difference.path) if not step.is_entry), "")
        before = self._value(field, old, self._old_names)
        return ToldDifference(difference.kind, about, before, self._value(field, new, self._names))

    def _steps(self, path: tuple[Step, ...]) -> Iterator[str]:
        for depth, step in enumerate(path):
            if step.is_entry:
                yield self._entry(path[: depth + 1])
            elif depth > 0 or step.name not in _PARTS:
                yield self._translate(_FIELDS[step.name]) if step.name in _FIELDS else step.name

    def _entry(self, path: tuple[Step, ...]) -> str:
        """Return an entry's name, as the newer version has it, with what names it in the pack."""
        key = path[-1].name
        found, names = self._new_parts.find(path), self._names
        if found is None:
            found, names = self._old_parts.find(path), self._old_names
        if isinstance(found, RoutingRule):
            told = PackWords(names, self._translate).rule(found)
            return f"{key}: {names.of(found.names)}: {told}" if found.names else f"{key}: {told}"
        if isinstance(entry_names := getattr(found, "names", None), Names):
            return f"{names.of(entry_names)} ({key})"
        if class_code := getattr(found, "class_code", None):
            return f"{key} {names.case_class(class_code)}"
        return key

    def _value(self, field: str, value: Any, names: CityNames) -> str:  # noqa: ANN401 - part of a document
        match value:
            case None | [] | ():
                return self._translate(_("nothing"))
            case bool():
                return self._translate(_("yes") if value else _("no"))
            case str():
                return self._named(field, value, names)
            case list():
                return self._words.listed(self._value(field, each, names) for each in value)
            case dict():
                return self._record(value, names)
            case _:
                return str(value)

    def _record(self, value: Mapping[str, Any], names: CityNames) -> str:
        if is_time_limit(value):
            return self._words.limit(TimeLimit.model_validate(value))
        if value.keys() == {"zh", "en"}:
            return str(value[names.language])
        if "polygons" in value:
            return self._translate(_("a drawing"))
        stated = ((name, each) for name, each in value.items() if each not in (None, [], ()))
        return self._words.listed(
            f"{self._translate(_FIELDS[name]) if name in _FIELDS else name}: {self._value(name, each, names)}"
            for name, each in stated
        )

    def _named(self, field: str, value: str, names: CityNames) -> str:
        if field in _DEPARTMENTS:
            return PackWords(names, self._translate).selector(value)
        if field in _PLACES:
            return names.place(value)
        if field == "class_code":
            return f"{value} {names.case_class(value)}"
        if field == "channels":
            return label(self._translate, "channel", value)
        return value if len(value) <= _MAX_SHOWN else f"{value[:_MAX_SHOWN]}…"


def _without(entries: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """Return the entries that are not among others; both are parts of documents."""
    found = {json.dumps(each, sort_keys=True) for each in others}
    return [each for each in entries if json.dumps(each, sort_keys=True) not in found]
