"""Why a case is what and where it is: class, row, departments, time limit, each in a sentence. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from paidan_cockpit.pages.case_record import CaseRecord, ShownReceipt
from paidan_cockpit.pages.labels import Translate
from paidan_cockpit.pages.marked_texts import N_
from paidan_cockpit.pages.names import CityNames
from paidan_cockpit.pages.pack_formatter import PackFormatter
from paidan_cockpit.pages.receipts import receipt_sentence
from paidan_cockpit.pages.times import CityTimes
from paidan_contracts.bilingual_texts import in_language
from paidan_contracts.cases import CaseReopened
from paidan_contracts.city import City
from paidan_contracts.city.pack_types import TimeLimit
from paidan_contracts.state import CaseState

_SUBJECTS: Final = {"filed": "row", "placed": "department", "helped": "helper", "rated": "rating"}
_UNPLACED: Final = ("received", "filed")
_MAX_CATEGORIES: Final = 6


NO_CLASS: Final = N_("Neither the report nor a person has said what class it is of.")
STATED_CLASS: Final = N_("{source} stated this class.")
STATED_CATEGORY: Final = N_(
    "{source} stated a category that stands for this class. Its categories for it are {categories}."
)
FILED_CLASS: Final = N_("It came as {before}; a person filed it under a row of this class.")
FILED_WITHOUT_CLASS: Final = N_("It came without a class; a person filed it under a row of this one.")
ROW_LIMIT: Final = N_("The row allows {limit}. Counted from {begin} by the city's calendar, that is {end}.")
CITY_LIMIT: Final = N_(
    "The row has no limit, and the city allows {limit}. Counted from {begin} by the city's calendar, that is {end}."
)
REOPENED_LIMIT: Final = N_(
    "It was reopened, for which the city allows {limit}. Counted from {begin} by the city's calendar, that is {end}."
)
OTHER_LIMIT: Final = N_("It began at {begin} and ends at {end}.")
NO_LIMIT: Final = N_("Neither its row nor the city limits the time for handling.")
EARLIER: Final = N_("No longer in force: {sentence}")
HELD: Final = N_("It waits for a person. {why}")
THE_RULE: Final = N_("The rule says: {rule}.")
STANDING_LIMIT: Final = N_("The case is suspended: its time limit stands until the work goes on.")
HAND_SET_LIMIT: Final = N_("The time limit was set by hand and ends on {end}: {why}")
MOVED_LIMIT: Final = N_("The time limit was extended or stood for a while, and ends on {end}: the history tells it.")
PROMISED: Final = N_("The imported record promised it by {end}.")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one thing about a case is as it is, and the version of the pack by which it was decided."""

    subject: str
    sentence: str
    city_version: str


@dataclass(frozen=True, slots=True)
class Reasons:
    """Writes the reasons in one language. ``packs``: by version, of those that can be read."""

    translate: Translate
    times: CityTimes
    packs: Mapping[str, City | None]
    names: CityNames
    """Of the pack in force, for what no longer has its own."""

    def reasons(self, record: CaseRecord) -> Iterator[Reason]:
        """Yield the reasons in the order in which the decisions are made."""
        state = record.state
        yield self._class(record)
        placed = [each for each in record.receipts if each.decision == "placed"]
        in_force = placed[-1] if placed and state.status not in _UNPLACED else None
        for receipt in record.receipts:
            reason = self._receipt(receipt)
            if receipt.decision == "placed" and receipt is not in_force:
                text = self.translate(EARLIER).format(sentence=reason.sentence)
                reason = replace(reason, subject="earlier", sentence=text)
            yield reason
        if state.held_because and state.status in _UNPLACED:
            yield Reason(
                "held",
                self.translate(HELD).format(why=in_language(state.held_because, self.names.language)),
                state.city_version,
            )
        elif state.assignments:
            yield from self._limit(record)

    def _class(self, record: CaseRecord) -> Reason:
        state = record.state
        opened = record.events[0].state if record.events else state
        names = self._names(opened.city_version)
        facts = {"source": names.source(state.source), "before": names.case_class(opened.class_code)}
        categories = _categories(names.city, state)
        match state.class_code, opened.class_code:
            case None, _:
                text = NO_CLASS
            case now, before if now == before:
                text = STATED_CATEGORY if categories else STATED_CLASS
            case _, None:
                text = FILED_WITHOUT_CLASS
            case _:
                text = FILED_CLASS
        listed = self.translate(N_(", ")).join(categories)
        return Reason("class", self.translate(text).format(**facts, categories=listed), opened.city_version)

    def _receipt(self, receipt: ShownReceipt) -> Reason:
        names = self._names(receipt.city_version)
        sentence = receipt_sentence(receipt, self.translate, names)
        rule = next((each for each in names.city.pack.routing if each.id == receipt.rule), None) if names.city else None
        if rule is not None:
            more = self.translate(THE_RULE).format(rule=PackFormatter(names, self.translate).rule(rule))
            sentence = self.translate(N_("{sentence} {next}")).format(sentence=sentence, next=more)
        return Reason(_SUBJECTS.get(receipt.decision, ""), sentence, receipt.city_version)

    def _limit(self, record: CaseRecord) -> Iterator[Reason]:
        """Yield why the present limit for handling is as long as it is."""
        state = record.state
        version = state.assignments[-1].placed_by.city_version
        if not state.past:
            yield Reason("limit", self._limit_sentence(record, self._names(version)), version)
        elif state.promised_by is not None:
            text = self.translate(PROMISED).format(end=self.times.exact(state.promised_by))
            yield Reason("limit", text, version)

    def _limit_sentence(self, record: CaseRecord, names: CityNames) -> str:
        state = record.state
        limit = state.assignments[-1].limits[-1]
        if state.status == "suspended" and limit.due_at is None:
            return self.translate(STANDING_LIMIT)
        if limit.due_at is None:
            return self.translate(NO_LIMIT)
        if state.time_limits is not None and state.time_limits.set_because is not None:
            end = self.times.exact(limit.due_at)
            return self.translate(HAND_SET_LIMIT).format(end=end, why=state.time_limits.set_because)
        if state.time_limits is not None and state.time_limits.settings:
            return self.translate(MOVED_LIMIT).format(end=self.times.exact(limit.due_at))
        facts = {"begin": self.times.exact(limit.began_at), "end": self.times.exact(limit.due_at)}
        text, allowed = _allowed(record, names.city) if names.city else (OTHER_LIMIT, None)
        length = PackFormatter(names, self.translate).limit(allowed) if allowed else ""
        return self.translate(text).format(**facts, limit=length)

    def _names(self, version: str) -> CityNames:
        return CityNames(self.packs.get(version) or self.names.city, self.names.language)


def _allowed(record: CaseRecord, city: City) -> tuple[str, TimeLimit | None]:
    """Return the limit that the present assignment has by the pack, and the sentence that says where it is from."""
    state = record.state
    began_at = state.assignments[-1].limits[-1].began_at
    reopened = any(isinstance(each, CaseReopened) and each.recorded_at == began_at for each in record.events)
    if reopened and city.clocks.reopening.limit:
        return REOPENED_LIMIT, city.clocks.reopening.limit
    row = city.rows.get(state.row_id) if state.row_id else None
    if row and row.limit:
        return ROW_LIMIT, row.limit
    return (CITY_LIMIT, city.clocks.handle) if city.clocks.handle else (OTHER_LIMIT, None)


def _categories(city: City | None, state: CaseState) -> list[str]:
    """Return the source's own categories that the pack reads as this class."""
    categories = city.pack.catalogue.categories if city else ()
    own = (state.source, state.channel)
    named = [each.word for each in categories if each.class_code == state.class_code and each.source in own]
    return named[:_MAX_CATEGORIES]
