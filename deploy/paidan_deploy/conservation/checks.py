"""Evaluates every conservation check on the contents of logs and tables. Pure."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from paidan_contracts.topics import ALARMS, ALARMS_PREFIX
from paidan_deploy.conservation import case_checks, inbox_checks, vault_checks
from paidan_deploy.conservation.cockpit_checks import check_cockpit
from paidan_deploy.conservation.evidence import Evidence
from paidan_deploy.conservation.report import Check, ConservationReport

RESULTS: Final = ("opened", "merged", "noted", "suppressed", "refused", "dead_lettered")


def evaluate(evidence: Evidence) -> ConservationReport:
    """Return the report of all checks on this evidence."""
    screened_out = {
        name: result
        for name, result in evidence.outcomes_log.results.items()
        if evidence.outcomes_log.subjects[name] == "report"
        and name not in evidence.outcomes_by_id
        and name not in evidence.inbox_log.reports
    }
    results = Counter(result for name, (about, result) in evidence.outcomes_by_id.items() if about == "report")
    results.update(screened_out.values())
    reused = {name for name, original in evidence.inbox_log.reused.items() if original in evidence.inbox_log.reports}
    claimed = evidence.inbox_log.claimed_ids("report")
    received = len({*evidence.inbox_log.reports, *reused, *screened_out, *claimed})
    # What was dead-lettered before an id could be read came in, too, and ended so.
    alarms = sum(number for topic, number in evidence.dead_letters.items() if _holds_alarms(topic))
    anonymous = alarms + len(inbox_checks.anonymous_dead_letters(evidence))
    received += anonymous
    results["dead_lettered"] += anonymous
    return ConservationReport(
        received=received,
        ends={name: results[name] for name in dict.fromkeys((*RESULTS, *sorted(results)))},
        claims=(
            _check_totals(received, results, complete=evidence.complete),
            *_checks(evidence, set(screened_out)),
        ),
        remarks=(vault_checks.missing_uploads(evidence), case_checks.incomparable_histories(evidence)),
        dead_letters=evidence.dead_letters,
    )


def _holds_alarms(topic: str) -> bool:
    return topic == ALARMS.name or topic.startswith(ALARMS_PREFIX)


def _check_totals(received: int, results: Counter[str], *, complete: bool) -> Check:
    total = results.total()
    problems = (
        [f"{received} received, {total} ended / 收到 {received}，有结果 {total}"]
        if complete and received != total
        else []
    )
    return Check.of(
        "totals_balance", "what was received is what ended", "收到的与有结果的相等", problems, range(received)
    )


def _checks(evidence: Evidence, screened_out: set[str]) -> Iterator[Check]:
    yield inbox_checks.check_reports_decided(evidence)
    yield inbox_checks.check_actions_decided(evidence)
    yield inbox_checks.check_outcomes_have_causes(evidence)
    yield inbox_checks.check_noted_reports(evidence)
    yield inbox_checks.check_unreadable_dead_lettered(evidence)
    yield inbox_checks.check_alarms_accounted_for(evidence, screened_out)
    yield Check.of(
        "outcomes_unique",
        "each published outcome is the only one for its id",
        "每个编号只发布过一个结果",
        evidence.outcomes_log.contradictions,
        evidence.outcomes_log.results,
    )
    yield Check.of(
        "versions_contiguous",
        "each case's versions come first in their order, without a gap",
        "每个案件的版本首次出现时依次无缺",
        evidence.cases_log.gaps,
        evidence.cases_log.steps,
    )
    yield case_checks.check_case_versions(evidence)
    yield case_checks.check_history(evidence)
    yield case_checks.check_newest_steps(evidence)
    yield case_checks.check_numbers(evidence)
    yield case_checks.check_report_counts(evidence)
    yield case_checks.check_scoring_versions(evidence)
    yield case_checks.check_tallies(evidence)
    if evidence.cockpit is not None:
        yield from check_cockpit(evidence.cases_log, evidence.cockpit)
    yield vault_checks.check_vault_entries(evidence)
    yield vault_checks.check_photos(evidence)
    yield vault_checks.check_chained_logs(evidence)
    if evidence.contradicted_anchors is not None:
        yield Check.of(
            "anchor_matches",
            "what the anchor was taken of is as it was then",
            "锚点所记内容与当时一致",
            evidence.contradicted_anchors,
            evidence.cases_log.steps,
        )
