"""Validates the terms of verification, and of what patrols settle on the spot."""

from collections.abc import Collection, Iterator

from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.posts import DUTIES, PostDuty
from paidan_contracts.city.validation.references import KnownIds, find_duplicates, find_unmatched_classes
from paidan_contracts.city.verification import SCREENING_RULE, SOURCE_RULE, TrustRule
from paidan_contracts.nearest import nearest


def check_verification(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    """Yield duties that verify nothing on site, duplicate rules, unknown sources and classes, and rules for nobody."""
    settlement = pack.settlement
    if settlement is not None:
        yield from _check_patrols("settlement", settlement.duties)
        yield from find_unmatched_classes(("settlement",), settlement.classes, known_ids)
    terms = pack.verification
    if terms is None:
        return
    yield from _check_patrols("verification", terms.duties)
    yield from find_duplicates(("verification", "trust"), "id", (each.id for each in terms.trust))
    for index, rule in enumerate(terms.trust):
        yield from _check_rule(("verification", "trust", index), rule, known_ids)


def _check_patrols(part: str, duties: Collection[PostDuty]) -> Iterator[Violation]:
    for duty in duties:
        if not DUTIES[duty].is_patrol:
            names = DUTIES[duty].names
            problem = f"{names.en} is no patrol: its posts do not work on site"
            yield Violation((part, "duties"), problem, f"{names.zh}不是巡查岗位，不到现场")


def _check_rule(path: DocumentPath, rule: TrustRule, known_ids: KnownIds) -> Iterator[Violation]:
    if rule.id in (SOURCE_RULE, SCREENING_RULE):
        yield Violation((*path, "id"), "is the name of what decides without a rule", "该名称已用于无规则时的判定")
    for source in rule.sources or ():
        if source not in known_ids.sources:
            hint = nearest(source, known_ids.sources)
            yield Violation(
                (*path, "sources"), f"there is no source {source!r}{hint.en}", f"没有来源 {source!r}{hint.zh}"
            )
    yield from find_unmatched_classes(path, rule.classes, known_ids)
    conditions = (rule.sources, rule.channels, rule.cameras, rule.classes, rule.below, rule.false_alarms)
    if all(each is None for each in conditions):
        problem = "is for every report: name sources, channels, cameras, classes, a confidence or a record"
        yield Violation(path, problem, "对所有上报生效：须写明来源、渠道、摄像头、类别、置信度或误报记录")
