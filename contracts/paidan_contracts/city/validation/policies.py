"""Validates the policies: matching, screening, and which reports are noted."""

from collections.abc import Iterator, Sequence

from paidan_contracts.city.diagnostics import Violation
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.policies import IGNORED_CATEGORY_RULE
from paidan_contracts.city.posts import DUTIES, PostDuty
from paidan_contracts.city.validation.references import KnownIds, find_duplicates, find_unmatched_classes


def check_policies(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    """Yield overrides of unknown classes, duplicate placeholders, wrong orders of thresholds, clashing noting rules."""
    yield from _check_noting(pack)
    yield from _check_chains(pack)
    yield from _check_enforcement(pack, known_ids)
    matching = [("matching", index, entry.classes) for index, entry in enumerate(pack.matching.by_class)]
    screening = [("screening", index, entry.classes) for index, entry in enumerate(pack.screening.by_class)]
    for part, index, patterns in matching + screening:
        yield from find_unmatched_classes((part, "by_class", index), patterns, known_ids)
    points = ((each.x, each.y, each.crs) for each in pack.matching.placeholders)
    yield from find_duplicates(("matching", "placeholders"), "x", points)
    if pack.screening.review_at > pack.screening.report_at:
        yield Violation(("screening", "review_at"), "is above report_at", "高于 report_at")


def _check_chains(pack: Pack) -> Iterator[Violation]:
    """Yield duties that no post of the pack has, or that may not act on a case at all."""
    clocks = pack.clocks
    held = {post.duty for post in pack.posts} if pack.posts is not None else None
    lists: list[tuple[str, str, Sequence[PostDuty]]] = [
        (name, "chain", policy.chain)
        for name, policy in (
            ("extension", clocks.extension), ("suspension", clocks.suspension), ("appeal", clocks.appeal)
        )
        if policy is not None
    ]  # fmt: skip
    if clocks.hand_set is not None:
        lists.append(("hand_set", "duties", clocks.hand_set.duties))
    if pack.construction is not None:
        lists.append(("construction", "duties", pack.construction.duties))
    for name, field, duties in lists:
        path = (name, field) if name == "construction" else ("clocks", name, field)
        for duty in duties:
            names = DUTIES[duty].names
            is_departments = "{department}" in DUTIES[duty].scope
            if DUTIES[duty].scope != "role:operator" and (field == "duties" or not is_departments):
                yield Violation(path, f"a {duty} may not decide on it", f"{names.zh}（{duty}）无权办理")
            elif held is not None and duty not in held:
                yield Violation(path, f"no post has the duty {duty!r}", f"没有职责为“{names.zh}”（{duty}）的岗位")
        if len(set(duties)) < len(duties):
            yield Violation(path, "names a duty twice", "重复列出同一职责")


def _check_enforcement(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    terms = pack.enforcement
    if terms is None:
        return
    yield from find_unmatched_classes(("enforcement",), terms.classes, known_ids)
    for row in terms.rows:
        if row not in known_ids.rows:
            yield Violation(("enforcement", "rows"), f"there is no row {row!r}", f"没有条目 {row!r}")


def _check_noting(pack: Pack) -> Iterator[Violation]:
    yield from find_duplicates(("noted",), "id", (rule.id for rule in pack.noted))
    known: set[str] = set()
    for index, rule in enumerate(pack.noted):
        if rule.id == IGNORED_CATEGORY_RULE:
            yield Violation(
                ("noted", index, "id"),
                f"{rule.id!r} is the rule of ignored categories; choose another id",
                f"{rule.id!r} 是被忽略分类所用的规则，请另选 id",
            )
        for matter in rule.matters:
            if matter in known:
                yield Violation(
                    ("noted", index, "matters"),
                    f"{matter!r} is noted by an earlier rule already",
                    f"{matter!r} 已由前面的规则登记",
                )
            known.add(matter)
