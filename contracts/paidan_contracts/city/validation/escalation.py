"""Validates the escalation ladder."""

from collections.abc import Collection, Iterator

from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.escalation import EscalationStep
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.validation.references import KnownIds, find_duplicates, find_unmatched_classes
from paidan_contracts.nearest import nearest


def check_escalation(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    """Yield duplicate ids, unknown posts, levels, classes, sources and places, and steps that can never fire."""
    ladder = pack.escalation
    if ladder is None:
        return
    posts = {each.id for each in pack.posts or ()} | known_ids.pruned
    levels = {each.id for each in ladder.levels} | known_ids.pruned
    yield from find_duplicates(("escalation", "levels"), "id", (each.id for each in ladder.levels))
    yield from find_duplicates(("escalation", "steps"), "id", (each.id for each in ladder.steps))
    for index, level in enumerate(ladder.levels):
        yield from _unknown(("escalation", "levels", index, "posts"), level.posts, posts, "post", "岗位")
    for index, step in enumerate(ladder.steps):
        path: DocumentPath = ("escalation", "steps", index)
        yield from _unknown((*path, "levels"), step.levels, levels, "level", "层级")
        yield from _unknown((*path, "sources"), step.sources or (), known_ids.sources, "source", "来源")
        yield from _check_bounds(path, step, known_ids)
        yield from _check_time(path, step, pack.clocks.warn_at)


def _unknown(
    path: DocumentPath, ids: Collection[str], known: Collection[str], what: str, what_zh: str
) -> Iterator[Violation]:
    for id_ in ids:
        if id_ not in known:
            hint = nearest(id_, known)
            yield Violation(path, f"there is no {what} {id_!r}{hint.en}", f"没有{what_zh} {id_!r}{hint.zh}")


def _check_bounds(path: DocumentPath, step: EscalationStep, known_ids: KnownIds) -> Iterator[Violation]:
    yield from find_unmatched_classes(path, step.classes, known_ids)
    for code in step.places or ():
        if not known_ids.has_place(code):
            problem = f"there is no district, street or community {code!r}"
            yield Violation((*path, "places"), problem, f"没有区县、街道或社区 {code!r}")
    if not step.levels and step.clock not in ("accept", "handle"):
        problem = f"no department answers for the clock {step.clock}, so nobody can be urged: name a level"
        problem_zh = f"时限 {step.clock} 没有责任单位，无从催办：须写明层级"
        yield Violation((*path, "levels"), problem, problem_zh)


def _check_time(path: DocumentPath, step: EscalationStep, warn_at: float | None) -> Iterator[Violation]:
    if step.share is None:
        return
    if step.after is not None:
        yield Violation((*path, "after"), "stands beside share: a step has one time", "与 share 并存：一步只有一个时间")
    if warn_at is None or step.share < warn_at:
        problem = "lies before the warning (clocks.warn_at), from which on the ladder is looked at"
        yield Violation((*path, "share"), problem, "早于预警时刻（clocks.warn_at），此前不启用升级阶梯")
