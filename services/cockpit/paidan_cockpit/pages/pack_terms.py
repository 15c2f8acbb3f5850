"""A city's terms in sentences: when reports become one case, which alarms count, who is called back. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from paidan_cockpit.pages.labels import Translate, label
from paidan_cockpit.pages.marked_texts import N_
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.pack_formatter import PackFormatter
from paidan_contracts.city import City
from paidan_contracts.city.policies import ClassMatchingOverride, ClassScreeningOverride

_RATINGS: Final = {
    "worst": N_("Of the ratings of several reporters the worst is the case's."),
    "last": N_("Of the ratings of several reporters the last one is the case's."),
    "opener": N_("The rating of the reporter who opened the case is the case's."),
}
_UNREASONABLE: Final = {
    "counts": N_("A dissatisfied rating counts also when it was judged unreasonable."),
    "left_out": N_("A dissatisfied rating that was judged unreasonable is left out."),
}


class Term(NamedTuple):
    """What a term is about, and its sentences."""

    title: str
    sentences: Sequence[str]


class PackTerms:
    """Writes the terms of one city's pack in one language."""

    def __init__(self, city: City, names: CityNames, formatter: PackFormatter, translate: Translate) -> None:
        self._pack, self._names, self._formatter, self._translate = city.pack, names, formatter, translate

    def all(self) -> list[Term]:
        """Return every term."""
        titled = (
            (N_("One matter, one case"), self._matching()),
            (N_("Alarms of machines"), self._screening()),
            (N_("Noted without a case"), self._noted()),
            (N_("Calling back"), self._callbacks()),
            (N_("Case numbers"), self._numbers()),
            (N_("Returning and reopening"), self._reopening()),
        )
        return [Term(self._translate(title), list(sentences)) for title, sentences in titled]

    def _say(self, text: str, **values: object) -> str:
        return self._translate(text).format(**values)

    def _matching(self) -> Iterator[str]:
        terms = self._pack.matching
        yield self._say(
            N_("A report joins an open case of its class within {radius} m and {hours} hours after the first report."),
            radius=f"{terms.radius_m:g}", hours=terms.window_h,
        )  # fmt: skip
        channels = self._formatter.listed(label(self._translate, "channel", each) for each in terms.channels)
        yield self._say(N_("Only reports from these channels are merged: {channels}."), channels=channels)
        yield self._say(
            N_("One that comes within {length} after closing opens a case that is marked as recurring."),
            length=self._formatter.limit(terms.recurrence),
        )
        for each in terms.by_class:
            yield self._for_classes(each, list(self._matching_of(each)))

    def _matching_of(self, terms: ClassMatchingOverride) -> Iterator[str]:
        if terms.off:
            yield self._translate(N_("never merged"))
        if terms.radius_m is not None:
            yield self._say(N_("within {radius} m"), radius=f"{terms.radius_m:g}")
        if terms.recurrence is not None:
            yield self._say(N_("recurring within {length}"), length=self._formatter.limit(terms.recurrence))

    def _screening(self) -> Iterator[str]:
        terms = self._pack.screening
        yield self._say(
            N_("From a confidence of {report} on an alarm becomes a report; from {review} on it is verified first."),
            report=f"{terms.report_at:g}", review=f"{terms.review_at:g}",
        )  # fmt: skip
        yield self._say(
            N_(
                "An alarm of the same camera, class and region within {minutes} minutes after its report is suppressed."
            ),
            minutes=f"{terms.refire_s / 60:g}",
        )
        for each in terms.by_class:
            yield self._for_classes(each, list(self._screening_of(each)))

    def _screening_of(self, terms: ClassScreeningOverride) -> Iterator[str]:
        if terms.dwell_s is not None:
            yield self._say(N_("seen for at least {minutes} minutes"), minutes=f"{terms.dwell_s / 60:g}")
        if terms.refire_s is not None:
            yield self._say(N_("suppressed for {minutes} minutes"), minutes=f"{terms.refire_s / 60:g}")
        if terms.report_at is not None:
            yield self._say(N_("a report from a confidence of {report} on"), report=f"{terms.report_at:g}")

    def _noted(self) -> Iterator[str]:
        for rule in self._pack.noted:
            matters = self._formatter.listed(label(self._translate, "matter", each) for each in rule.matters)
            name = self._names.of(rule.names) if rule.names else rule.id
            text = (
                N_("{name}: {matters}, unless it names a class") if rule.unclassified_only else N_("{name}: {matters}")
            )
            yield self._say(text, name=name, matters=matters)
        yield self._translate(N_("Categories that the city ignores are noted, too."))

    def _callbacks(self) -> Iterator[str]:
        terms = self._pack.callbacks
        yield self._translate(_RATINGS[terms.rating])
        yield self._translate(_UNREASONABLE[terms.unreasonable])

    def _numbers(self) -> Iterator[str]:
        terms = self._pack.numbers
        if terms is None or terms.pattern is None:
            yield self._translate(N_("Cases have no numbers of the city's own."))
        else:
            yield self._say(N_("Cases are numbered by the pattern {pattern}."), pattern=terms.pattern)
        if terms is not None and terms.source_refs:
            yield self._translate(N_("A source's own number of a report stands on its case."))

    def _reopening(self) -> Iterator[str]:
        clocks = self._pack.clocks
        yield self._say(
            N_("After {number} returns a case is held for a dispatcher's decision."),
            number=clocks.returns_before_adjudication,
        )
        yield self._say(
            N_("A closed case may be reopened {number} times, within {length}; the limit is then {limit}."),
            number=clocks.reopening.times,
            length=self._formatter.limit(clocks.reopening.within),
            limit=self._formatter.limit(clocks.reopening.limit)
            if clocks.reopening.limit
            else self._translate(N_("the row's")),
        )

    def _for_classes(self, terms: ClassMatchingOverride | ClassScreeningOverride, stated: Sequence[str]) -> str:
        classes = self._formatter.listed(self._formatter.class_pattern(each) for each in terms.classes)
        return self._say(N_("For {classes}: {terms}."), classes=classes, terms=self._formatter.listed(stated))
