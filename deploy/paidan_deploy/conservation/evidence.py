"""The contents of logs and tables that the checks compare."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from paidan_deploy.conservation.log_contents import (
    AlarmPosition,
    AlarmsLog,
    CasesLog,
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
    """Everything that was read; ``complete``: the logs still have their first records."""

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
    alarm_dead_letters: Collection[AlarmPosition]
    missing_vault_entries: Collection[str]
    """Reports that should have an entry in the vault, and have none."""
    photos: PhotoFindings
