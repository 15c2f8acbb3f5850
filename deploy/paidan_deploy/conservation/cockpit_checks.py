"""Checks that the cockpit's read model is what the log of cases says, as far as the cockpit has read it. Pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from paidan_deploy.conservation.cases_log import ShownCase
from paidan_deploy.conservation.report import Check


@dataclass(frozen=True, slots=True)
class CockpitTables:
    """What the cockpit stores of cases: a row each, their reports, and the words by which they are found."""

    cases: Mapping[str, ShownCase] = field(default_factory=dict)
    reports: int = 0
    not_indexed: frozenset[str] = frozenset()
    """Cases without words that do not wait for them either."""


def check_cockpit(logged: Mapping[str, ShownCase], reports: Collection[str], tables: CockpitTables) -> Iterator[Check]:
    """Yield the checks of an installation that has a cockpit."""
    differing = (name for name in {*logged, *tables.cases} if logged.get(name) != tables.cases.get(name))
    yield Check.of(
        "cockpit_versions_match",
        "the cockpit has every case at its newest version",
        "驾驶舱拥有每个案件的最新版本",
        (_difference(name, logged.get(name), tables.cases.get(name)) for name in differing),
        tables.cases,
    )
    expected = len(reports)
    yield Check.of(
        "cockpit_reports_match",
        "the cockpit counts every report of every case once",
        "驾驶舱对每个案件的每条上报恰好计数一次",
        [f"{expected} in the log, {tables.reports} counted / 日志中有 {expected}，已计 {tables.reports}"]
        if expected != tables.reports
        else [],
        range(tables.reports),
    )
    yield Check.of(
        "cockpit_words_match",
        "the cockpit finds every case by its words, or is about to index them",
        "驾驶舱可按文字找到每个案件，或即将编入索引",
        tables.not_indexed,
        tables.cases,
    )


def _difference(name: str, logged: ShownCase | None, stored: ShownCase | None) -> str:
    return (
        f"{name}: {_told(logged)} in the log, {_told(stored)} in the table / 日志 {_told(logged)}，表 {_told(stored)}"
    )


def _told(shown: ShownCase | None) -> str:
    return f"v{shown.version} {shown.status} {shown.reports}" if shown else "-"
