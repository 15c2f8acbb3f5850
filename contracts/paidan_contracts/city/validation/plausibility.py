"""Finds what is probably a mistake in a valid pack and may be meant all the same."""

from collections.abc import Iterator

from paidan_contracts.city.catalogue import CHECKED_EVIDENCE
from paidan_contracts.city.class_overrides import matches_class
from paidan_contracts.city.diagnostics import Violation
from paidan_contracts.city.pack import Pack


def find_implausible(pack: Pack) -> Iterator[Violation]:
    """Yield classes that no rule covers, evidence that nothing checks, and a calendar without a day off."""
    patterns = [pattern for rule in pack.routing for pattern in rule.classes or ("*",)]
    for index, each in enumerate(pack.catalogue.classes):
        if not any(matches_class(pattern, each.code) for pattern in patterns):
            yield Violation(
                ("catalogue", "classes", index, "code"),
                "no routing rule covers it: each of its cases waits at the hard-to-place desk",
                "没有任何派遣规则涵盖它：该类案件都将在疑难案件席位等待",
            )
    for index, row in enumerate(pack.catalogue.rows):
        unchecked = [each for each in row.evidence if each not in CHECKED_EVIDENCE]
        if unchecked:
            checked = ", ".join(sorted(CHECKED_EVIDENCE))
            yield Violation(
                ("catalogue", "rows", index, "evidence"),
                f"nothing checks {', '.join(unchecked)}: a finish is refused without {checked} alone",
                f"没有程序检查 {', '.join(unchecked)}：只有缺少 {checked} 时办结才会被退回",
            )
    if all(day.working for day in pack.calendar.days):
        yield Violation(
            ("calendar", "days"),
            "every day is a working day, weekends and holidays included",
            "每天都是工作日，包括周末和节假日",
        )
