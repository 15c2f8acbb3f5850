"""What the overview shows of the groups of open cases. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from paidan_cockpit.pages.overview_queries import OpenGroup

WORST: Final = 8
LEVELS: Final = 5
_IN_WORK: Final = frozenset({"dispatched", "handling", "suspended"})


class DistrictFigures(NamedTuple):
    """Open and overdue cases of a district, and how dark it is drawn: from 1 up."""

    cases: int
    overdue: int
    level: int


class DepartmentFigures(NamedTuple):
    """Open and overdue cases of a department; an empty id is for those without one."""

    department: str
    cases: int
    overdue: int


def totals(groups: Iterable[OpenGroup]) -> Mapping[str, int]:
    """Return the sums over all groups; of a status under its own name."""
    sums: Counter[str] = Counter()
    for group in groups:
        sums["open"] += group.cases
        sums["overdue"] += group.overdue
        sums["due_soon"] += group.due_soon
        sums[group.status] += group.cases
        sums["in_work"] += group.cases if group.status in _IN_WORK else 0
    return sums


def worst_departments(groups: Iterable[OpenGroup]) -> list[DepartmentFigures]:
    """Return the departments with most overdue cases, those first."""
    cases: Counter[str] = Counter()
    overdue: Counter[str] = Counter()
    for group in groups:
        cases[group.department] += group.cases
        overdue[group.department] += group.overdue
    late = [DepartmentFigures(each, cases[each], number) for each, number in overdue.items() if number]
    return sorted(late, key=lambda each: (-each.overdue, each.department))[:WORST]


def by_district(groups: Iterable[OpenGroup]) -> Mapping[str, DistrictFigures]:
    """Return the figures of each district that has open cases."""
    cases: Counter[str] = Counter()
    overdue: Counter[str] = Counter()
    for group in groups:
        cases[group.district] += group.cases
        overdue[group.district] += group.overdue
    most = max(cases.values(), default=0)
    return {
        each: DistrictFigures(number, overdue[each], max(round(LEVELS * number / most), 1))
        for each, number in cases.items()
    }
