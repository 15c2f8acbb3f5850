"""Validates the plans for emergencies and events."""

from collections.abc import Iterator

from paidan_contracts.city.diagnostics import DocumentPath, Violation
from paidan_contracts.city.emergencies import EmergencyLevel, EmergencyPlan, LimitReduction
from paidan_contracts.city.pack import Pack
from paidan_contracts.city.posts import DUTIES
from paidan_contracts.city.validation.references import KnownIds, find_duplicates, find_unmatched_classes
from paidan_contracts.nearest import nearest


def check_emergencies(pack: Pack, known_ids: KnownIds) -> Iterator[Violation]:
    """Yield duplicate ids, unknown classes and departments, duties that nobody has, and reductions of nothing."""
    plans = pack.emergencies or ()
    yield from find_duplicates(("emergencies",), "id", (each.id for each in plans))
    for index, plan in enumerate(plans):
        path: DocumentPath = ("emergencies", index)
        yield from _check_duties(path, plan, pack)
        yield from _check_departments((*path, "departments"), plan.departments, known_ids)
        yield from find_duplicates((*path, "levels"), "id", (each.id for each in plan.levels))
        orders = (order.id for level in plan.levels for order in level.orders)
        yield from find_duplicates((*path, "levels", "orders"), "id", orders)
        for number, level in enumerate(plan.levels):
            yield from _check_level((*path, "levels", number), level, known_ids)


def _check_duties(path: DocumentPath, plan: EmergencyPlan, pack: Pack) -> Iterator[Violation]:
    held = {post.duty for post in pack.posts} if pack.posts is not None else None
    for duty in plan.duties:
        names = DUTIES[duty].names
        if DUTIES[duty].scope != "role:operator":
            yield Violation((*path, "duties"), f"a {duty} may not declare it", f"{names.zh}（{duty}）无权启动")
        elif held is not None and duty not in held:
            yield Violation(
                (*path, "duties"), f"no post has the duty {duty!r}", f"没有职责为“{names.zh}”（{duty}）的岗位"
            )


def _check_departments(path: DocumentPath, departments: tuple[str, ...], known_ids: KnownIds) -> Iterator[Violation]:
    for each in departments:
        if each not in known_ids.departments:
            hint = nearest(each, known_ids.departments)
            yield Violation(path, f"there is no department {each!r}{hint.en}", f"没有部门 {each!r}{hint.zh}")


def _check_level(path: DocumentPath, level: EmergencyLevel, known_ids: KnownIds) -> Iterator[Violation]:
    for index, order in enumerate(level.orders):
        yield from _check_departments((*path, "orders", index, "departments"), order.departments, known_ids)
    for index, reduction in enumerate(level.limits):
        yield from _check_reduction((*path, "limits", index), reduction, known_ids)


def _check_reduction(path: DocumentPath, reduction: LimitReduction, known_ids: KnownIds) -> Iterator[Violation]:
    yield from find_unmatched_classes(path, reduction.classes, known_ids)
    if reduction.handle is not None and reduction.share is not None:
        yield Violation((*path, "share"), "stands beside handle: one of them", "与 handle 并存：只能写一个")
    if reduction.accept is None and reduction.handle is None and reduction.share is None:
        yield Violation(path, "shortens nothing: state accept, handle or share", "须写明 accept、handle 或 share")
