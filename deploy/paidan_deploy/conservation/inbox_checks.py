"""Checks that everything received has one outcome, and that every outcome has its cause. Pure."""

from collections.abc import Collection, Mapping

from paidan_contracts import ids
from paidan_deploy.conservation.evidence import Evidence
from paidan_deploy.conservation.log_contents import AlarmPosition, CountedRange, RecordPosition
from paidan_deploy.conservation.report import Check


def check_reports_decided(evidence: Evidence) -> Check:
    reused = [name for name, original in evidence.inbox_log.reused.items() if original in evidence.inbox_log.reports]
    names = [*evidence.inbox_log.reports, *reused, *evidence.inbox_log.claimed_ids("report")]
    return Check.of(
        "reports_decided",
        "every report in the inbox has an outcome",
        "收件日志中的每件上报都有结果",
        [n for n in names if not _has_outcome(evidence, n, "report")],
        names,
    )


def check_actions_decided(evidence: Evidence) -> Check:
    reused = [name for name, original in evidence.inbox_log.reused.items() if original in evidence.inbox_log.actions]
    names = [*evidence.inbox_log.actions, *reused, *evidence.inbox_log.claimed_ids("action")]
    return Check.of(
        "actions_decided",
        "every action in the inbox has an outcome",
        "收件日志中的每项操作都有结果",
        [n for n in names if not _has_outcome(evidence, n, "action")],
        names,
    )


def check_outcomes_have_causes(evidence: Evidence) -> Check:
    inbox = evidence.inbox_log
    known = {*inbox.reports, *inbox.actions, *inbox.reused, *inbox.claimed}
    unexplained = [] if not evidence.complete else [name for name in evidence.outcomes_by_id if name not in known]
    return Check.of(
        "outcomes_have_causes",
        "every outcome has its cause in the inbox",
        "每个结果在收件日志中都有起因",
        unexplained,
        evidence.outcomes_by_id,
    )


def check_noted_reports(evidence: Evidence) -> Check:
    """Compare ids with those decided and published as noted, and answers with the latest replies in the log."""
    published, rows = evidence.outcomes_log, evidence.noted_reports
    noted = {name for name, (_, result) in evidence.outcomes_by_id.items() if result == "noted"}
    noted |= {name for name, result in published.results.items() if result == "noted"}
    wrong_answers = {name for name, reply in published.replies.items() if rows.get(name) != reply}
    return Check.of(
        "noted_reports_match",
        "every noted report is in its table with its answer",
        "每件仅记录的上报都在表中，答复与日志一致",
        (noted ^ rows.keys()) | wrong_answers,
        noted,
    )


def check_unreadable_dead_lettered(evidence: Evidence) -> Check:
    missing = [
        f"{partition}:{offset}"
        for partition, offset in evidence.inbox_log.unreadable - set(evidence.inbox_dead_letters)
    ]
    return Check.of(
        "unreadable_dead_lettered",
        "every unreadable record of the inbox is a dead letter",
        "收件日志中每条无法读取的记录都是死信",
        missing,
        evidence.inbox_log.unreadable,
    )


def anonymous_dead_letters(evidence: Evidence) -> set[RecordPosition]:
    """Return the dead letters of the inbox that no outcome counts: nobody can tell what they were about."""
    named = {position for name in evidence.inbox_log.claimed for position in evidence.inbox_log.positions[name]}
    return (evidence.inbox_log.unreadable - named) & set(evidence.inbox_dead_letters)


def check_alarms_accounted_for(evidence: Evidence, screened_out: set[str]) -> Check:
    refused_as = evidence.alarms_log.refused_as
    ended = set(evidence.alarm_dead_letters) | {each for each, name in refused_as.items() if name in screened_out}
    missing: dict[AlarmPosition, str] = {
        position: ":".join(map(str, position)) for position in evidence.alarms_log.unreadable - ended
    }
    for name, positions in evidence.alarms_log.positions_by_id.items():
        # An alarm without a known city, or on a topic that does not prove its source, is refused under another id than
        # its own, and may still be accepted later.
        in_inbox = name in evidence.inbox_log.reports or name in evidence.inbox_log.later_reports
        refused = {name, ids.unknown_origin_id(name), ids.not_your_source_id(name)}
        if not in_inbox and screened_out.isdisjoint(refused):
            missing |= {position: name for position in positions if position not in ended}
    return Check.of(
        "alarms_accounted_for",
        "every alarm became a report, was screened out, or is a dead letter",
        "每个告警都已成为上报、未予受理，或为死信",
        set(_not_counted(missing, evidence.counted_alarms).values()),
        evidence.alarms_log.positions_by_id,
    )


def _not_counted(
    missing: Mapping[AlarmPosition, str], counted: Collection[CountedRange]
) -> Mapping[AlarmPosition, str]:
    """Leave out as many as were only counted, where they were counted."""
    left = dict(missing)
    for counted_range in counted:
        covered = sorted(filter(counted_range.covers, left))
        for position in covered[: counted_range.counted]:
            del left[position]
    return left


def _has_outcome(evidence: Evidence, name: str, about: str) -> bool:
    if name in evidence.outcomes_by_id:
        return evidence.outcomes_by_id[name][0] == about
    # Dead-lettered before its id could be read: the record itself is among the dead letters.
    return all(position in evidence.inbox_dead_letters for position in evidence.inbox_log.positions[name])
