"""What differs between two versions of a city's pack, in sentences of the reader's language. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, Final

from paidan_cockpit.pages.labels import Translate, label
from paidan_cockpit.pages.marked_texts import N_
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.pack_formatter import PackFormatter
from paidan_contracts.city import City
from paidan_contracts.city.compare import PackDifference, PackParts, Step, compare_packs, is_time_limit
from paidan_contracts.city.pack_types import Names, TimeLimit
from paidan_contracts.city.routing import RoutingRule

_MAX_SHOWN: Final = 160


_PARTS: Final = {
    "departments": N_("Departments"),
    "posts": N_("Posts"),
    "sources": N_("Sources"),
    "catalogue": N_("Catalogue"),
    "routing": N_("Rules in order"),
    "calendar": N_("Calendar"),
    "clocks": N_("Limits of the stages"),
    "matching": N_("One matter, one case"),
    "callbacks": N_("Calling back"),
    "noted": N_("Noted without a case"),
    "numbers": N_("Case numbers"),
    "screening": N_("Alarms of machines"),
    "escalation": N_("Escalation ladder"),
    "privacy": N_("Masking of personal data"),
    "indicators": N_("Indicators"),
    "imports": N_("Imports of past records"),
    "geography": N_("Places"),
}
_GENERAL: Final = N_("The city")
_FIELDS: Final = {
    "accept": N_("accept"),
    "after": N_("after the limit's end"),
    "accept_limit": N_("Accept within"),
    "amount": N_("amount"),
    "areas": N_("named areas"),
    "basis": N_("what it follows"),
    "begin": N_("begin"),
    "big": N_("big class"),
    "by_class": N_("terms of single classes"),
    "callback": N_("reporters are called back"),
    "categories": N_("the sources' categories"),
    "channel": N_("way of orders"),
    "channels": N_("channels"),
    "class_code": N_("Class"),
    "classes": N_("classes"),
    "clock": N_("time limit"),
    "closing": N_("Closed when"),
    "conditions": N_("conditions"),
    "counts": N_("counts"),
    "days": N_("days"),
    "default": N_("default"),
    "denominator": N_("denominator"),
    "dispatch": N_("dispatch"),
    "district": N_("District"),
    "dwell_s": N_("seconds that it must have been seen"),
    "en": N_("in English"),
    "end": N_("end"),
    "evidence": N_("evidence"),
    "filing": N_("Filed when"),
    "first": N_("first day"),
    "generation": N_("numbering"),
    "grid": N_("unit grid"),
    "handle": N_("handle"),
    "helpers": N_("helpers"),
    "holds": N_("counts when"),
    "ignored": N_("ignored"),
    "inspect": N_("inspect"),
    "kind": N_("kind"),
    "last": N_("last day"),
    "lead": N_("who acts"),
    "levels": N_("levels"),
    "limit": N_("Handle within"),
    "matters": N_("matters"),
    "min_confidence": N_("trusted from a confidence of"),
    "names": N_("name"),
    "note": N_("note"),
    "numerator": N_("numerator"),
    "off": N_("never merged"),
    "outline": N_("outline"),
    "places": N_("places"),
    "radius_m": N_("distance in metres"),
    "rates": N_("rates"),
    "rating": N_("rating"),
    "recurrence": N_("recurring within"),
    "refire_s": N_("seconds in which it is suppressed again"),
    "reopening": N_("reopening"),
    "report_at": N_("confidence of a report"),
    "pattern": N_("pattern"),
    "review_at": N_("confidence of a review"),
    "role": N_("Duty"),
    "rows": N_("rows"),
    "shape": N_("drawn border"),
    "share": N_("share of the limit"),
    "shifts": N_("Working hours"),
    "silent_after_min": N_("minutes after which it is silent"),
    "source": N_("Source"),
    "source_refs": N_("the sources' own numbers stand on cases"),
    "steps": N_("steps"),
    "street": N_("Street"),
    "trusted": N_("filed without verification"),
    "unclassified": N_("in place of a missing class"),
    "unit": N_("Department"),
    "verify": N_("verify"),
    "version": N_("version"),
    "warn_at": N_("share of a limit after which a warning goes out"),
    "when": N_("times"),
    "window_h": N_("hours in which reports join"),
    "within": N_("within"),
    "working": N_("working day"),
    "zh": N_("in Chinese"),
    "zone": N_("time zone"),
}
_DEPARTMENTS: Final = frozenset({"lead", "helpers", "owners", "unit"})
_PLACES: Final = frozenset({"district", "street", "places", "within"})


@dataclass(frozen=True, slots=True)
class DescribedDifference:
    """A difference as it reads: its kind, what it is about, and for a change what was and what is."""

    kind: str
    about: str
    before: str | None = None
    now: str | None = None


@dataclass(frozen=True, slots=True)
class ChangedPart:
    """All differences of one part of a pack."""

    title: str
    differences: Sequence[DescribedDifference]


class PackDifferences:
    """Describes what differs between two versions of a city."""

    def __init__(self, old: City, new: City, names: CityNames, formatter: PackFormatter, translate: Translate) -> None:
        self._old, self._new = old, new
        self._old_parts, self._new_parts = PackParts(old.pack), PackParts(new.pack)
        self._names, self._old_names = names, CityNames(old, names.language)
        self._formatter, self._translate = formatter, translate

    def parts(self, limit: int) -> list[ChangedPart]:
        """Return the changed parts, with no more than so many differences in all."""
        differences = islice(compare_packs(self._old.pack, self._new.pack), limit)
        return [
            ChangedPart(title, [self._describe(each) for each in of_part])
            for title, of_part in groupby(differences, key=lambda each: self._title(each.path[0]))
        ]

    def _title(self, step: Step) -> str:
        return self._translate(_PARTS.get(step.name, _GENERAL))

    def _describe(self, difference: PackDifference) -> DescribedDifference:
        about = " · ".join(self._steps(difference.path)) or self._title(difference.path[0])
        if difference.kind != "changed":
            return DescribedDifference(difference.kind, about)
        old, new = difference.old, difference.new
        if isinstance(old, list) and isinstance(new, list):
            old, new = _without(old, new), _without(new, old)
        field = next((step.name for step in reversed(difference.path) if not step.is_entry), "")
        before = self._value(field, old, self._old_names)
        return DescribedDifference(difference.kind, about, before, self._value(field, new, self._names))

    def _steps(self, path: tuple[Step, ...]) -> Iterator[str]:
        for depth, step in enumerate(path):
            if step.is_entry:
                yield self._entry(path[: depth + 1])
            elif depth > 0 or step.name not in _PARTS:
                yield self._translate(_FIELDS[step.name]) if step.name in _FIELDS else step.name

    def _entry(self, path: tuple[Step, ...]) -> str:
        """Return an entry's name, as the newer version has it, with what names it in the pack."""
        key = path[-1].name
        entry, names = self._new_parts.find(path), self._names
        if entry is None:
            entry, names = self._old_parts.find(path), self._old_names
        if isinstance(entry, RoutingRule):
            rule = PackFormatter(names, self._translate).rule(entry)
            return f"{key}: {names.of(entry.names)}: {rule}" if entry.names else f"{key}: {rule}"
        if isinstance(entry_names := getattr(entry, "names", None), Names):
            return f"{names.of(entry_names)} ({key})"
        if class_code := getattr(entry, "class_code", None):
            return f"{key} {names.case_class(class_code)}"
        return key

    def _value(self, field: str, value: Any, names: CityNames) -> str:  # noqa: ANN401 - part of a document
        match value:
            case None | [] | ():
                return self._translate(N_("nothing"))
            case bool():
                return self._translate(N_("yes") if value else N_("no"))
            case str():
                return self._named(field, value, names)
            case list():
                return self._formatter.listed(self._value(field, each, names) for each in value)
            case dict():
                return self._record(value, names)
            case _:
                return str(value)

    def _record(self, value: Mapping[str, Any], names: CityNames) -> str:
        if is_time_limit(value):
            return self._formatter.limit(TimeLimit.model_validate(value))
        if value.keys() == {"zh", "en"}:
            return str(value[names.language])
        if "polygons" in value:
            return self._translate(N_("a drawing"))
        stated = ((name, each) for name, each in value.items() if each not in (None, [], ()))
        return self._formatter.listed(
            f"{self._translate(_FIELDS[name]) if name in _FIELDS else name}: {self._value(name, each, names)}"
            for name, each in stated
        )

    def _named(self, field: str, value: str, names: CityNames) -> str:
        if field in _DEPARTMENTS:
            return PackFormatter(names, self._translate).selector(value)
        if field in _PLACES:
            return names.place(value)
        if field == "class_code":
            return f"{value} {names.case_class(value)}"
        if field == "channels":
            return label(self._translate, "channel", value)
        return value if len(value) <= _MAX_SHOWN else f"{value[:_MAX_SHOWN]}…"


def _without(entries: Sequence[Any], others: Sequence[Any]) -> list[Any]:
    """Return the entries that are not among others; both are parts of documents."""
    known = {json.dumps(each, sort_keys=True) for each in others}
    return [each for each in entries if json.dumps(each, sort_keys=True) not in known]
