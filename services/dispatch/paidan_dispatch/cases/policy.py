"""A city's pack prepared for dispatch's decisions: working time, matching rules, receipts, catalogue rows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache, partial
from typing import Final, NamedTuple, Self, TypeAlias

from paidan_contracts.assignments import RuleRef
from paidan_contracts.city import UNKNOWN_PLACE, City, PlaceCodes
from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.city.catalogue import CatalogueRow
from paidan_contracts.city.class_overrides import effective_matching
from paidan_contracts.city.pack_types import TimeLimit
from paidan_contracts.emergencies import EmergencyDeclaration
from paidan_contracts.places import Place
from paidan_contracts.state import Answerable
from paidan_contracts.wire import AnyTimerKind
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_numbers import NumberFormat
from paidan_dispatch.cases.working_time import PartOfTime, WorkingTime, is_working_time
from paidan_dispatch.matching.candidates import MatchRules

AreaCodes: TypeAlias = tuple[str | None, str | None, str | None]
"""District, street and community."""
ANSWERABLE_KEPT: Final = 65_536
"""Answers kept of who answers for a class in a community."""


@dataclass(frozen=True, slots=True, eq=False)
class CityPolicy:
    """A city under one version of its pack. Built once for each version; its functions are plain attributes."""

    city: City
    version: str
    deadline: Callable[[datetime, TimeLimit], datetime]
    """``working_time.deadline``."""
    working_time: "WorkingTime"
    rule_ref: Callable[[str], RuleRef]
    """Returns the receipt of a rule: its name and the version it belongs to."""
    match_rules: MatchRules
    part_of_time: PartOfTime
    """``WorkingTime.part_until`` of the city's calendar."""
    number_format: NumberFormat | None
    answerable_for: Callable[[str | None, AreaCodes], Answerable | None]
    """Returns who answers for the cases of a class in a place, and the rule that says so."""
    emergencies: tuple[EmergencyDeclaration, ...] = ()
    """What was declared in the area that is decided on, and has not ended."""

    @classmethod
    def from_city(cls, city: City) -> Self:
        """Build the policy of a city."""
        working_time = WorkingTime.from_calendar(city.calendar)
        deadline = working_time.deadline
        match_rules = MatchRules(
            channels=frozenset(city.matching.channels),
            window=timedelta(hours=city.matching.window_h),
            terms_of=cache(partial(effective_matching, city.matching)),
            deadline=deadline,
            addresses_per_point=city.matching.addresses_per_point,
        )
        rule_ref = cache(lambda rule: RuleRef(rule=rule, city_version=city.version))
        return cls(
            city,
            city.version,
            deadline,
            working_time,
            rule_ref,
            match_rules,
            working_time.part_until,
            NumberFormat.of(city.numbers),
            lru_cache(ANSWERABLE_KEPT)(partial(_answerable_for, city, rule_ref)),
        )

    def local_time(self, at: datetime) -> str:
        """Return a time as the city's clocks show it, for texts that people read."""
        return at.astimezone(self.city.zone).strftime("%Y-%m-%d %H:%M")

    def handling_limit(self, row: CatalogueRow | None) -> TimeLimit | None:
        """Return the time in which a case of this row must be handled; None where neither row nor city limits it."""
        return row.limit if row and row.limit else self.city.clocks.handle

    @property
    def calendar_covers(self) -> Bilingual:
        """Why a limit cannot be set: what the working calendar covers."""
        first, last = self.city.calendar.first, self.city.calendar.last
        return Bilingual(
            f"The working calendar covers {first} to {last}, which does not reach far enough to set a limit.",
            f"工作日历自 {first} 至 {last}，不足以计算时限。",
        )

    def answerable(self, class_code: str | None, place: Place) -> Answerable | None:
        """Return who answers for a case of this class and place, and the rule that says so."""
        if self.city.pack.answerable is None:
            return None
        return self.answerable_for(class_code, (place.district, place.street, place.community))

    def place_codes(self, place: Place, *, with_areas: bool) -> PlaceCodes:
        """Return by which codes routing rules know a place; its named areas only where they ask for them."""
        areas, codes = self.city.geography.areas, UNKNOWN_PLACE.areas
        if with_areas and place.latitude is not None and place.longitude is not None:
            point = (place.longitude, place.latitude)
            codes = frozenset([area.code for area in areas if area.contains(point)])
        return PlaceCodes(place.district, place.street, place.community, place.grid, codes)

    def warn_at(self, began_at: datetime, due_at: datetime | None) -> datetime | None:
        """Return when a warning of a limit is due; None where the city wants none."""
        share = self.city.clocks.warn_at
        return None if share is None or due_at is None else began_at + (due_at - began_at) * share

    def in_city_time(self, at: datetime) -> datetime:
        """Return a time that was stated; without a zone it is the city's."""
        return (at if at.tzinfo else at.replace(tzinfo=self.city.zone)).astimezone(UTC)

    def share_until(self, at: datetime, due_at: datetime, limit: TimeLimit | None) -> datetime:
        """Return the end of a unit's share of the time until its department's deadline, which a limit has set.

        A share of a working-time limit is working time.
        """
        share = self.city.hand_on.share
        is_working = limit is not None and is_working_time(limit)
        return self.part_of_time(at, due_at, share) if is_working else at + (due_at - at) * share

    def stage_deadline(self, stage: AnyTimerKind, at: datetime) -> datetime | None:
        """Return the end of a stage that begins at this time; None where the calendar does not reach that far."""
        return self.end_of(getattr(self.city.clocks, stage, None), at)

    def end_of(self, limit: TimeLimit | None, at: datetime) -> datetime | None:
        """Return the end of a limit that begins at this time; None without one, or beyond the calendar."""
        try:
            return self.deadline(at, limit) if limit else None
        except CalendarExhausted:
            return None

    def calls_back(self, source: str) -> bool:
        """Return whether the reporters of a source are called back, whether or not they ask for it."""
        known = self.city.sources.get(source)
        return known is not None and known.callback

    def accept_limit(self, row: CatalogueRow | None) -> TimeLimit:
        """Return the time in which the department must accept the order."""
        return row.accept_limit if row and row.accept_limit else self.city.clocks.accept


def _answerable_for(
    city: City, rule_ref: Callable[[str], RuleRef], class_code: str | None, codes: AreaCodes
) -> Answerable | None:
    rule = city.answerable_for(class_code, codes)
    if rule is None:
        return None
    return Answerable(named_by=rule_ref(rule.id), leader=rule.leader, office=rule.office, unit=rule.unit)


class Filed(NamedTuple):
    """The catalogue row that a case is filed against, and the rule that chose it."""

    row: CatalogueRow
    filed_by: RuleRef


@dataclass(frozen=True, slots=True)
class Unfiled:
    """No catalogue row applies; a person must choose one."""

    reason: Bilingual


def select_row(class_code: str | None, row_id: str | None, policy: CityPolicy) -> Filed | Unfiled:
    """Return the row that the report names, where its class has it, else the class's default row.

    A report is never refused for its class: a case that cannot be filed is held until a person chooses the row.
    """
    if class_code is None:
        return Unfiled(Bilingual("Nobody knows what class it is of.", "类别不明。"))
    reported_row = policy.city.rows.get(row_id) if row_id else None
    if reported_row is not None and reported_row.class_code == class_code:
        return Filed(reported_row, policy.rule_ref("by_report"))
    row = policy.city.default_rows.get(class_code)
    if row is None:
        return Unfiled(
            Bilingual(f"The catalogue has no row for class {class_code}.", f"立案标准中没有类别 {class_code}。")
        )
    return Filed(row, policy.rule_ref("default_row"))
