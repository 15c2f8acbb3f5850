"""Sets the logs against the tables: each line of the check is a claim, and what speaks against it. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from paidan_contracts import ids

from .log_contents import (
    AlarmsLog,
    CasesLog,
    InboxLog,
    OutcomesLog,
    RecordPosition,
)
from .tables import TallyCounts

_MAX_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Check:
    """Something that must hold, how many speak for it, and the first of those that speak against it."""

    name: str
    holds: bool
    counted: int
    against: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person should see and that is no loss of ours: others said it, and it does not hold."""

    name: str
    counted: int
    found: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PhotoFindings:
    """Of the photos that are named: those that are lost, and those that nobody ever sent."""

    lost: Collection[str] = ()
    never_sent: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was read. ``whole``: the logs still have their first records."""

    inbox_log: InboxLog
    cases_log: CasesLog
    alarms_log: AlarmsLog
    outcomes_log: OutcomesLog
    complete: bool
    outcomes_by_id: Mapping[str, tuple[str, str]]
    case_table: Mapping[str, tuple[int, str]]
    fact_versions: Mapping[str, int]
    tallies: TallyCounts
    inbox_dead_letters: Collection[RecordPosition]
    alarm_dead_letters: Collection[RecordPosition]
    missing_vault_entries: Collection[str]
    """Reports of which the vault should hold something, and knows nothing."""
    photos: PhotoFindings


@dataclass(frozen=True, slots=True)
class ConservationReport:
    """The one line that a person reads, and the claims behind it."""

    received: int
    ends: Mapping[str, int]
    claims: tuple[Check, ...]
    remarks: tuple[Notice, ...] = ()

    @property
    def holds(self) -> bool:
        """Tell whether every claim holds."""
        return all(claim.holds for claim in self.claims)

    @property
    def line(self) -> str:
        """Write it as an equation, true of its numbers whatever else fails."""
        ends = " + ".join(f"{count} {name}" for name, count in self.ends.items())
        return f"{self.received} received {'=' if self.is_balanced else '≠'} {ends}"

    @property
    def is_balanced(self) -> bool:
        """Tell whether the numbers of the line do."""
        return self.received == sum(self.ends.values())


def evaluate(evidence: Evidence) -> ConservationReport:
    """Judge all claims."""
    screened_out = {
        name: result
        for name, result in evidence.outcomes_log.results.items()
        if evidence.outcomes_log.subjects[name] == "report"
        and name not in evidence.outcomes_by_id
        and name not in evidence.inbox_log.reports
    }
    results = Counter(result for name, (about, result) in evidence.outcomes_by_id.items() if about == "report")
    results.update(screened_out.values())
    result_names = ("opened", "merged", "suppressed", "refused", "dead_lettered")
    reused = {name for name, original in evidence.inbox_log.reused.items() if original in evidence.inbox_log.reports}
    received = len({*evidence.inbox_log.reports, *reused, *screened_out})
    return ConservationReport(
        received=received,
        ends={name: results[name] for name in result_names},
        claims=(
            _check_totals(received, results, complete=evidence.complete),
            *_run_checks(evidence, set(screened_out)),
        ),
        remarks=(_missing_uploads(evidence),),
    )


def _check_totals(received: int, results: Counter[str], *, complete: bool) -> Check:
    problems = [f"{received} received, {results.total()} ended"] if complete and received != results.total() else []
    return _check("what was received is what ended", problems, range(received))


def _run_checks(evidence: Evidence, screened_out: set[str]) -> Iterator[Check]:
    yield _check_reports_decided(evidence)
    yield _check_actions_decided(evidence)
    yield _check_outcomes_have_causes(evidence)
    yield _check_unreadable_dead_lettered(evidence)
    yield _check_alarms_accounted_for(evidence, screened_out)
    yield _check(
        "each published outcome is the only one for its id",
        evidence.outcomes_log.contradictions,
        evidence.outcomes_log.results,
    )
    yield _check(
        "each case's versions come first in their order, without a gap",
        evidence.cases_log.gaps,
        evidence.cases_log.versions,
    )
    yield _check_case_versions(evidence)
    yield _check_report_counts(evidence)
    yield _check_scoring_versions(evidence)
    yield _check_tallies(evidence)
    yield _check_vault_entries(evidence)
    yield _check("every photo is there", evidence.photos.lost, _uploaded_photos(evidence))


def _check(name: str, problems: Iterable[str], counted: Collection[object]) -> Check:
    examples = sorted(problems)
    return Check(name, not examples, len(counted), len(examples), tuple(examples[:_MAX_EXAMPLES]))


def _has_outcome(evidence: Evidence, name: str, about: str) -> bool:
    if name in evidence.outcomes_by_id:
        return evidence.outcomes_by_id[name][0] == about
    # Set aside before its id could be read: the record itself is among the dead letters.
    return all(position in evidence.inbox_dead_letters for position in evidence.inbox_log.positions[name])


def _check_reports_decided(evidence: Evidence) -> Check:
    reused = [name for name, original in evidence.inbox_log.reused.items() if original in evidence.inbox_log.reports]
    names = [*evidence.inbox_log.reports, *reused]
    return _check(
        "every report in the inbox came to one end",
        [n for n in names if not _has_outcome(evidence, n, "report")],
        names,
    )


def _check_actions_decided(evidence: Evidence) -> Check:
    reused = [name for name, original in evidence.inbox_log.reused.items() if original in evidence.inbox_log.actions]
    names = [*evidence.inbox_log.actions, *reused]
    return _check(
        "every action in the inbox came to one end",
        [n for n in names if not _has_outcome(evidence, n, "action")],
        names,
    )


def _check_outcomes_have_causes(evidence: Evidence) -> Check:
    known = {*evidence.inbox_log.reports, *evidence.inbox_log.actions, *evidence.inbox_log.reused}
    unexplained = [] if not evidence.complete else [name for name in evidence.outcomes_by_id if name not in known]
    return _check("every outcome has its cause in the inbox", unexplained, evidence.outcomes_by_id)


def _check_unreadable_dead_lettered(evidence: Evidence) -> Check:
    missing = [
        f"{partition}:{offset}"
        for partition, offset in evidence.inbox_log.unreadable - set(evidence.inbox_dead_letters)
    ]
    return _check("every unreadable record of the inbox is a dead letter", missing, evidence.inbox_log.unreadable)


def _check_alarms_accounted_for(evidence: Evidence, screened_out: set[str]) -> Check:
    dead_lettered = set(evidence.alarm_dead_letters)
    missing = [f"{partition}:{offset}" for partition, offset in evidence.alarms_log.unreadable - dead_lettered]
    for name, positions in evidence.alarms_log.positions_by_id.items():
        # One of which no city could be told was refused under an id beside its own, and may still be taken later.
        accounted_for = name in evidence.inbox_log.reports or not screened_out.isdisjoint(
            {name, ids.unknown_origin_id(name)}
        )
        if not accounted_for and not dead_lettered.issuperset(positions):
            missing.append(name)
    return _check(
        "every alarm became a report, was screened out, or is a dead letter",
        missing,
        evidence.alarms_log.positions_by_id,
    )


def _check_case_versions(evidence: Evidence) -> Check:
    logged = {
        name: (version, evidence.cases_log.statuses[name]) for name, version in evidence.cases_log.versions.items()
    }
    differing = {name for name in {*logged, *evidence.case_table} if logged.get(name) != evidence.case_table.get(name)}
    return _check("cases are in the table as the log tells them", differing, evidence.case_table)


def _check_report_counts(evidence: Evidence) -> Check:
    in_outcomes = sum(
        1 for about, result in evidence.outcomes_by_id.values() if about == "report" and result in ("opened", "merged")
    )
    opened = sum(1 for about, result in evidence.outcomes_by_id.values() if about == "report" and result == "opened")
    in_cases = sum(evidence.cases_log.report_counts.values())
    problems = [f"{in_outcomes} opened or merged, {in_cases} in cases"] if in_outcomes != in_cases else []
    problems += [f"{opened} opened, {len(evidence.case_table)} cases"] if opened != len(evidence.case_table) else []
    return _check("reports opened and merged are the reports that cases hold", problems, range(in_cases))


def _check_scoring_versions(evidence: Evidence) -> Check:
    expected = {name: version for name, (version, _) in evidence.case_table.items()}
    differing = {
        name for name in {*expected, *evidence.fact_versions} if expected.get(name) != evidence.fact_versions.get(name)
    }
    return _check("scoring knows every case at its newest version", differing, evidence.fact_versions)


def _check_tallies(evidence: Evidence) -> Check:
    facts, tallied, negative = evidence.tallies.facts, evidence.tallies.tallied, evidence.tallies.negative
    problems = [f"{facts} facts, {tallied} tallied"] if facts != tallied else []
    problems += [f"{negative} tallies below nothing"] if negative else []
    return _check("every fact is tallied once", problems, range(facts))


def _check_vault_entries(evidence: Evidence) -> Check:
    # What dispatch could not read was not written by intake.
    dead_lettered, positions = set(evidence.inbox_dead_letters), evidence.inbox_log.positions
    expected = [
        name for name in evidence.inbox_log.vault_references if not dead_lettered.issuperset(positions.get(name, ()))
    ]
    missing = [name for name in expected if name in evidence.missing_vault_entries]
    return _check("every reference into the vault leads somewhere", missing, expected)


def _uploaded_photos(evidence: Evidence) -> Collection[str]:
    return (evidence.inbox_log.known_photos | evidence.inbox_log.claimed_photos) - set(evidence.photos.never_sent)


def _missing_uploads(evidence: Evidence) -> Notice:
    names = sorted(evidence.photos.never_sent)
    claimed = evidence.inbox_log.claimed_photos
    return Notice(
        "photos named by departments or cameras that nobody sent",
        len(claimed),
        len(names),
        tuple(names[:_MAX_EXAMPLES]),
    )
