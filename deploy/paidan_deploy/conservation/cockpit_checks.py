"""Checks that the cockpit's read model is what the logs say, as far as the cockpit has read them. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from paidan_deploy.conservation.cases_log import CasesLog, ShownCase
from paidan_deploy.conservation.cockpit_logs import ShownOutcomes, ShownScores
from paidan_deploy.conservation.cockpit_tables import CockpitTables
from paidan_deploy.conservation.report import Check


@dataclass(frozen=True, slots=True)
class CockpitEvidence:
    """What the cockpit stores, and what it has read of outcomes and scores."""

    tables: CockpitTables
    outcomes: ShownOutcomes = field(default_factory=ShownOutcomes)
    scores: ShownScores = field(default_factory=ShownScores)


def check_cockpit(cases: CasesLog, evidence: CockpitEvidence) -> Iterator[Check]:
    """Yield the checks of an installation that has a cockpit."""
    yield from _check_cases(cases, evidence.tables)
    yield from _check_outcomes(evidence.outcomes, evidence.tables)
    yield _check_scores(evidence.scores, evidence.tables)


def _check_cases(cases: CasesLog, tables: CockpitTables) -> Iterator[Check]:
    logged = cases.shown
    differing = (name for name in {*logged, *tables.cases} if logged.get(name) != tables.cases.get(name))
    yield Check.of(
        "cockpit_versions_match",
        "the cockpit has every case at its newest version",
        "驾驶舱拥有每个案件的最新版本",
        (_difference(name, _told(logged.get(name)), _told(tables.cases.get(name))) for name in differing),
        tables.cases,
    )
    expected = len(cases.counted_reports)
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
    yield Check.of(
        "cockpit_active_match",
        "the cockpit's active cases are those that are open or await a call, as they are",
        "驾驶舱的在办案件恰为未结案或待回访的案件，且内容一致",
        tables.active_differing,
        range(tables.active),
    )


def _check_outcomes(logged: ShownOutcomes, tables: CockpitTables) -> Iterator[Check]:
    """Yield the checks of what opens no case; of what the log has forgotten the tables may hold more."""
    yield Check.of(
        "cockpit_noted_match",
        "the cockpit counts every noted report once, where and when it came",
        "驾驶舱对每条仅记录的上报恰好计数一次，地点与时间一致",
        _differences(logged.noted, tables.noted, is_complete=logged.is_complete),
        tables.noted,
    )
    expected, problems = logged.tallies, []
    for tally in {*expected, *tables.tallies}:
        said, stored = expected.get(tally), tables.tallies.get(tally)
        if said != stored and (logged.is_complete or (said and (stored is None or stored.alarms < said.alarms))):
            name = f"{tally.quarter.isoformat()} {tally.city} {tally.source} {tally.reason}"
            problems.append(_difference(name, str(said.alarms if said else 0), str(stored.alarms if stored else 0)))
    yield Check.of(
        "cockpit_alarms_match",
        "the cockpit counts every suppressed alarm once",
        "驾驶舱对每条未受理告警恰好计数一次",
        problems,
        range(sum(each.alarms for each in tables.tallies.values())),
    )


def _check_scores(logged: ShownScores, tables: CockpitTables) -> Check:
    problems = []
    for name in {*logged.newest, *tables.scores}:
        said, stored = logged.newest.get(name), tables.scores.get(name)
        # A compacted log may have dropped what the cockpit has read, where a newer one follows.
        was_dropped = stored and (said.version if said else 0) < stored.version < logged.later.get(name, 0)
        if said != stored and not was_dropped:
            problems.append(_difference(name, _told(said), _told(stored)))
    return Check.of(
        "cockpit_scores_match",
        "the cockpit has every city's rates at their newest version",
        "驾驶舱拥有每个城市各项指标的最新版本",
        problems,
        tables.scores,
    )


def _differences(logged: Mapping[str, object], stored: Mapping[str, object], *, is_complete: bool) -> Iterator[str]:
    for name in {*logged, *stored} if is_complete else logged:
        if logged.get(name) != stored.get(name):
            yield _difference(name, *("+" if name in each else "-" for each in (logged, stored)))


def _difference(name: str, logged: str, stored: str) -> str:
    return f"{name}: {logged} in the log, {stored} in the table / 日志 {logged}，表 {stored}"


def _told(shown: ShownCase | tuple[object, ...] | None) -> str:
    match shown:
        case None:
            return "-"
        case ShownCase():
            return f"v{shown.version} {shown.status} {shown.reports}"
        case (version, *_, numerator, denominator):
            return f"v{version} {numerator}/{denominator}"
        case _:
            return ""
