"""The contents of logs and tables that the checks compare."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from paidan_deploy.conservation.cases_log import CaseRow, CasesLog, CaseSteps
from paidan_deploy.conservation.chained_logs import ChainedLogs
from paidan_deploy.conservation.cockpit_checks import CockpitEvidence
from paidan_deploy.conservation.log_contents import (
    AlarmPosition,
    AlarmsLog,
    CountedRange,
    InboxLog,
    OutcomesLog,
    RecordPosition,
)
from paidan_deploy.conservation.tables import TallyCounts


@dataclass(frozen=True, slots=True)
class PhotoFindings:
    """Of the photos that are referred to: those that are lost, and those that were never uploaded."""

    lost: Collection[str] = ()
    never_sent: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was read, as of one cut; ``complete``: the logs still have their first records."""

    inbox_log: InboxLog
    cases_log: CasesLog
    alarms_log: AlarmsLog
    outcomes_log: OutcomesLog
    complete: bool
    cases_complete: bool
    """Whether the log of cases has its first records: it is kept for ever, and the inbox is not."""
    outcomes_by_id: Mapping[str, tuple[str, str]]
    noted_reports: Mapping[str, str | None]
    """By id: the answer, if there is one yet."""
    case_table: Mapping[str, CaseRow]
    history: Mapping[str, CaseSteps]
    fact_versions: Mapping[str, int]
    tallies: TallyCounts
    inbox_dead_letters: Collection[RecordPosition]
    alarm_dead_letters: Collection[AlarmPosition]
    counted_alarms: Collection[CountedRange]
    """Alarms that were dead-lettered and only counted: their senders are beyond their limit."""
    dead_letters: Mapping[str, int]
    """By topic: every record that was dead-lettered and not put back, of whatever service."""
    missing_vault_entries: Collection[str]
    """Reports that should have an entry in the vault, and have none."""
    photos: PhotoFindings
    chained_logs: ChainedLogs
    cockpit: CockpitEvidence | None = None
    """None where the installation has no cockpit."""
    contradicted_anchors: Collection[str] | None = None
    """What is not as it was when an anchor was taken; None when there is none to compare with."""
