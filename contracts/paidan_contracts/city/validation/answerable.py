"""Validates who answers for an area or a class."""

from collections.abc import Iterator

from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.organisation import AnswerableRule
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.validation.references import KnownIds, find_duplicates, find_unmatched_classes


def check_answerable(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    """Yield duplicate ids, what the pack does not have, and rules that name nobody."""
    rules = pack.answerable or ()
    posts = frozenset(each.id for each in pack.posts or ()) | known_ids.pruned
    yield from find_duplicates(("answerable",), "id", (each.id for each in rules))
    for index, rule in enumerate(rules):
        path: DocumentPath = ("answerable", index)
        if rule.leader is None and rule.office is None and rule.unit is None:
            yield Violation((*path, "leader"), "names neither leader, office nor unit", "未写明领导、处室或单位")
        if rule.leader is not None and rule.leader not in posts:
            yield Violation((*path, "leader"), f"there is no post {rule.leader!r}", f"没有岗位 {rule.leader!r}")
        for field, unit in (("office", rule.office), ("unit", rule.unit)):
            if unit is not None and unit not in known_ids.departments:
                yield Violation((*path, field), f"there is no department {unit!r}", f"没有部门 {unit!r}")
        yield from _check_reach(path, rule, known_ids)


def _check_reach(path: DocumentPath, rule: AnswerableRule, known_ids: KnownIds) -> Iterator[Violation]:
    yield from find_unmatched_classes(path, rule.classes, known_ids)
    for code in rule.places or ():
        if not known_ids.has_place(code):
            yield Violation((*path, "places"), f"there is no place {code!r}", f"没有地点 {code!r}")
