"""Texts for the codes of the system's own state: health, services, dead letters, halts, checks."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from paidan_cockpit.pages.marked_texts import N_

SYSTEM_LABELS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "health": {
            "ready": N_("ready"),
            "unready": N_("not ready"),
            "halted": N_("halted"),
            "stalled": N_("makes no progress"),
            "silent": N_("does not answer"),
        },
        "service": {
            "intake": N_("Intake"),
            "dispatch": N_("Dispatch"),
            "scoring": N_("Scoring"),
            "cockpit": N_("Cockpit"),
        },
        "letter": {
            "waiting": N_("waiting"),
            "redriven": N_("redriven"),
            "dropped": N_("dropped"),
        },
        "resume_from": {
            "kept": N_("at the stored position"),
            "start": N_("at the log's start"),
            "end": N_("at the log's end"),
        },
        "check": {
            "case_versions_match": N_("every case is in the table as in the log"),
            "history_matches": N_("every step of every case is in the history byte for byte as published"),
            "numbers_unique": N_("no two cases of a city have one number"),
            "newest_steps_match": N_("every case's present state is its newest step in the history"),
            "report_counts_match": N_("reports opened and merged are the reports that cases hold"),
            "scoring_versions_match": N_("scoring has every case at its newest version"),
            "cockpit_versions_match": N_("the cockpit has every case at its newest version"),
            "cockpit_reports_match": N_("the cockpit counts every report of every case once"),
            "cockpit_words_match": N_("the cockpit finds every case by its words, or is about to index them"),
            "cockpit_active_match": N_(
                "the cockpit's active cases are those that are open or await a call, as they are"
            ),
            "cockpit_noted_match": N_("the cockpit counts every noted report once, where and when it came"),
            "cockpit_alarms_match": N_("the cockpit counts every suppressed alarm once"),
            "cockpit_scores_match": N_("the cockpit has every city's rates at their newest version"),
            "facts_tallied_once": N_("every fact is tallied once"),
            "totals_balance": N_("what was received is what ended"),
            "outcomes_unique": N_("each published outcome is the only one for its id"),
            "versions_contiguous": N_("each case's versions come first in their order, without a gap"),
            "anchor_matches": N_("what the anchor was taken of is as it was then"),
            "reports_decided": N_("every report in the inbox has an outcome"),
            "actions_decided": N_("every action in the inbox has an outcome"),
            "outcomes_have_causes": N_("every outcome has its cause in the inbox"),
            "noted_reports_match": N_("every noted report is in its table with its answer"),
            "unreadable_dead_lettered": N_("every unreadable record of the inbox is a dead letter"),
            "alarms_accounted_for": N_("every alarm became a report, was screened out, or is a dead letter"),
            "photos_exist": N_("every photo exists"),
            "chained_logs_intact": N_("the logs of looks at personal data and of keys are as they were written"),
            "vault_entries_exist": N_("every reference into the vault has an entry"),
        },
    }
)
