"""A city as services use it: its pack with every look-up built once, as plain attributes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar
from zoneinfo import ZoneInfo

from paidan_contracts.city.calendar import WorkingCalendar
from paidan_contracts.city.case_numbers import CaseNumbering
from paidan_contracts.city.catalogue import CaseClass, CatalogueRow, Category, MatterWord
from paidan_contracts.city.class_overrides import matches_class
from paidan_contracts.city.emergencies import EmergencyPlan
from paidan_contracts.city.geography_index import GeographyIndex
from paidan_contracts.city.import_mappings import ImportMapping
from paidan_contracts.city.indicators import Indicators
from paidan_contracts.city.organisation import AnswerableRule, Department, Source
from paidan_contracts.city.pack import Pack, pack_version
from paidan_contracts.city.policies import (
    IGNORED_CATEGORY_RULE,
    CallbackPolicy,
    HandOnPolicy,
    MatchingPolicy,
    NotingRule,
    ScreeningPolicy,
    StageLimits,
)
from paidan_contracts.city.posts import DUTIES, Post, PostDuty
from paidan_contracts.city.privacy import masking_terms
from paidan_contracts.city.rule_index import RuleIndex
from paidan_contracts.city.units import UnitTree
from paidan_contracts.pii_words import MaskingTerms
from paidan_contracts.wire import MatterType

WordT = TypeVar("WordT", Category, MatterWord)


@dataclass(frozen=True, kw_only=True)
class City:
    """A city under one version of its pack."""

    pack: Pack
    version: str
    id: str
    """The first part of every area of the city."""
    zone: ZoneInfo
    calendar: WorkingCalendar
    geography: GeographyIndex
    area_by_district: Mapping[str | None, str]
    """Area in which reports of a district are matched; None: the district is unknown. A case never changes its area."""
    areas: frozenset[str]
    clocks: StageLimits
    matching: MatchingPolicy
    """For all classes; ``effective_matching`` returns what holds for one of them."""
    callbacks: CallbackPolicy
    noting_rules: Mapping[MatterType, NotingRule]
    """By matter, the rule by which its reports are noted and open no case; a category that is ignored comes first."""
    numbers: CaseNumbering | None
    trusts_cameras: bool
    """Whether the pack trusts single cameras: their records of false alarms are kept, and reports name them."""
    hand_on: HandOnPolicy
    screening: ScreeningPolicy
    """For all classes; ``effective_screening`` returns what holds for one of them."""
    masking: MaskingTerms
    indicators: Indicators
    departments: Mapping[str, Department]
    units: UnitTree
    posts: Mapping[str, Post]
    duty_actions: Mapping[PostDuty, frozenset[str]]
    """Of duties that may not take every action that their scope allows."""
    sources: Mapping[str, Source]
    classes: Mapping[str, CaseClass]
    rows: Mapping[str, CatalogueRow]
    default_rows: Mapping[str, CatalogueRow]
    """By class code."""
    categories: Mapping[tuple[str, str], Category]
    """By a source's id and its own word; the source's own entry replaces that of its channel."""
    matters: Mapping[tuple[str, str], MatterType]
    """By a source's id and its own word, as categories."""
    imports: Mapping[str, ImportMapping]
    emergencies: Mapping[str, EmergencyPlan]
    rule_index: RuleIndex

    @classmethod
    def of(cls, pack: Pack) -> Self:
        """Build every look-up of a valid pack."""
        return cls._build(pack, pack_version(pack.canonical_bytes()))

    @classmethod
    def from_canonical(cls, canonical: bytes) -> Self:
        """Decode a city from the bytes that were published."""
        return cls._build(Pack.model_validate_json(canonical), pack_version(canonical))

    @classmethod
    def _build(cls, pack: Pack, version: str) -> Self:
        zone = ZoneInfo(pack.zone)
        calendar = WorkingCalendar.of(pack.calendar, zone)
        area_by_district = dict(_areas(pack))
        return cls(
            pack=pack,
            version=version,
            id=pack.id,
            zone=zone,
            calendar=calendar,
            geography=GeographyIndex.of(pack.geography),
            area_by_district=area_by_district,
            areas=frozenset(area_by_district.values()),
            clocks=pack.clocks,
            matching=pack.matching,
            callbacks=pack.callbacks,
            noting_rules={matter: rule for rule in pack.noted for matter in rule.matters},
            numbers=pack.numbers,
            trusts_cameras=pack.verification is not None and pack.verification.knows_cameras,
            hand_on=pack.hand_on or HandOnPolicy(),
            screening=pack.screening,
            masking=masking_terms(pack.privacy, pack.geography),
            indicators=pack.indicators,
            departments={department.id: department for department in pack.departments},
            units=UnitTree.of(pack.departments),
            posts={post.id: post for post in pack.posts or ()},
            duty_actions={
                **{duty: frozenset(each.actions) for duty, each in DUTIES.items() if each.actions is not None},
                **{each.duty: frozenset(each.actions) for each in pack.duties or ()},
            },
            sources={source.id: source for source in pack.sources},
            classes={each.code: each for each in pack.catalogue.classes},
            rows={row.id: row for row in pack.catalogue.rows},
            default_rows={row.class_code: row for row in pack.catalogue.rows if row.default},
            categories=dict(_entries_by_source(pack, pack.catalogue.categories)),
            matters={key: entry.matter for key, entry in _entries_by_source(pack, pack.catalogue.matters)},
            imports={mapping.id: mapping for mapping in pack.imports},
            emergencies={each.id: each for each in pack.emergencies or ()},
            rule_index=RuleIndex.of(pack, calendar),
        )

    def answerable_for(self, class_code: str | None, codes: Collection[str | None]) -> AnswerableRule | None:
        """Return who answers for a case of this class that lies in these places: the first rule that covers it."""
        return next((each for each in self.pack.answerable or () if _covers(each, class_code, codes)), None)

    def needs_enforcement(self, class_code: str | None, row_id: str | None) -> bool:
        """Return whether a case of this class and row needs enforcement rights."""
        terms = self.pack.enforcement
        if terms is None:
            return False
        return row_id in terms.rows or any(matches_class(pattern, class_code) for pattern in terms.classes)

    def noting_rule(
        self, source: str, category: str | None, matter: MatterType | None, class_code: str | None
    ) -> str | None:
        """Return the id of the rule by which such a report is noted without a case; None: it is about a case."""
        known = self.categories.get((source, category)) if category else None
        if known is not None and known.ignored:
            return IGNORED_CATEGORY_RULE
        rule = self.noting_rules.get(matter) if matter else None
        return None if rule is None or (rule.unclassified_only and class_code is not None) else rule.id


def _covers(rule: AnswerableRule, class_code: str | None, codes: Collection[str | None]) -> bool:
    is_of_class = rule.classes is None or any(matches_class(pattern, class_code) for pattern in rule.classes)
    return is_of_class and (rule.places is None or not frozenset(rule.places).isdisjoint(codes))


def _areas(pack: Pack) -> Iterator[tuple[str | None, str]]:
    yield None, pack.id
    for place in pack.geography.places:
        if place.level == "district":
            yield place.code, pack.id if pack.area_level == "city" else f"{pack.id}.{place.code.lower()}"


def _entries_by_source(pack: Pack, entries: Sequence[WordT]) -> Iterator[tuple[tuple[str, str], WordT]]:
    for source in pack.sources:
        # The last value of a key stays, so a source's own entries come after those of its channel.
        for owner in (source.kind, source.id):
            for entry in entries:
                if entry.source == owner:
                    yield (source.id, entry.word), entry
