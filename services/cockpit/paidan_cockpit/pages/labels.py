"""Texts for the codes of contracts: statuses, clocks, channels, ratings... A code without a text is its own."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

Translate = Callable[[str], str]


def _(message: str) -> str:
    """Mark a text for the catalogue; it is translated when a page is rendered."""
    return message


LABELS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "status": {
            "received": _("awaits verification"),
            "filed": _("awaits a department"),
            "dispatched": _("dispatched"),
            "handling": _("in work"),
            "suspended": _("suspended"),
            "inspecting": _("awaits inspection"),
            "closed": _("closed"),
            "not_accepted": _("not accepted"),
            "voided": _("voided"),
        },
        "clock": {
            "accept": _("accept"),
            "handle": _("handle"),
            "dispatch": _("dispatch"),
            "verify": _("verify"),
            "inspect": _("inspect"),
            "callback": _("call back"),
        },
        "channel": {
            "hotline": _("hotline"),
            "photo": _("photo report"),
            "camera": _("camera"),
            "patrol": _("patrol"),
            "sensor": _("sensor"),
            "import": _("import"),
        },
        "rating": {
            "satisfied": _("satisfied"),
            "basically_satisfied": _("basically satisfied"),
            "dissatisfied": _("dissatisfied"),
            "no_answer": _("no rating"),
        },
        "return_code": {
            "not_our_area": _("not our area"),
            "not_our_duty": _("not our duty"),
            "owner_unclear": _("owner unclear"),
            "duplicate": _("duplicate"),
            "other": _("other reason"),
        },
        "actor": {
            "operator": _("Dispatcher"),
            "inspector": _("Inspector"),
            "caller": _("Caller-back"),
            "department": _("Department"),
            "source": _("Source"),
            "importer": _("Import"),
        },
        "queue": {
            "open": _("Open"),
            "in-work": _("In work"),
            "placing": _("Hard to place"),
            "verification": _("To verify"),
            "returned": _("Returned"),
            "overdue": _("Overdue"),
            "due-soon": _("Due soon"),
            "inspection": _("To inspect"),
            "callback": _("To call back"),
            "all": _("All cases"),
        },
        "health": {
            "ready": _("ready"),
            "unready": _("not ready"),
            "halted": _("halted"),
            "stalled": _("makes no progress"),
            "silent": _("does not answer"),
        },
        "service": {
            "intake": _("Intake"),
            "dispatch": _("Dispatch"),
            "scoring": _("Scoring"),
            "cockpit": _("Cockpit"),
        },
        "letter": {
            "waiting": _("waiting"),
            "redriven": _("redriven"),
            "dropped": _("dropped"),
        },
        "resume_from": {
            "kept": _("at the stored position"),
            "start": _("at the log's start"),
            "end": _("at the log's end"),
        },
        "check": {
            "case_versions_match": _("every case is in the table as in the log"),
            "history_matches": _("every step of every case is in the history byte for byte as published"),
            "newest_steps_match": _("every case's present state is its newest step in the history"),
            "report_counts_match": _("reports opened and merged are the reports that cases hold"),
            "scoring_versions_match": _("scoring has every case at its newest version"),
            "cockpit_versions_match": _("the cockpit has every case at its newest version"),
            "cockpit_reports_match": _("the cockpit counts every report of every case once"),
            "cockpit_words_match": _("the cockpit finds every case by its words, or is about to index them"),
            "facts_tallied_once": _("every fact is tallied once"),
            "totals_balance": _("what was received is what ended"),
            "outcomes_unique": _("each published outcome is the only one for its id"),
            "versions_contiguous": _("each case's versions come first in their order, without a gap"),
            "anchor_matches": _("what the anchor was taken of is as it was then"),
            "reports_decided": _("every report in the inbox has an outcome"),
            "actions_decided": _("every action in the inbox has an outcome"),
            "outcomes_have_causes": _("every outcome has its cause in the inbox"),
            "noted_reports_match": _("every noted report is in its table with its answer"),
            "unreadable_dead_lettered": _("every unreadable record of the inbox is a dead letter"),
            "alarms_accounted_for": _("every alarm became a report, was screened out, or is a dead letter"),
            "photos_exist": _("every photo exists"),
            "chained_logs_intact": _("the logs of looks at personal data and of keys are as they were written"),
            "vault_entries_exist": _("every reference into the vault has an entry"),
        },
        "outcome": {
            "opened": _("opened a case"),
            "merged": _("joined a case"),
            "suppressed": _("suppressed"),
            "noted": _("noted"),
            "refused": _("refused"),
            "dead_lettered": _("dead letter"),
        },
        "matter": {
            "consultation": _("consultation"),
            "help": _("request for help"),
            "suggestion": _("suggestion"),
            "complaint": _("complaint"),
            "tip_off": _("tip-off"),
            "praise": _("praise"),
            "other": _("other matter"),
        },
        "difference": {
            "added": _("added"),
            "removed": _("removed"),
            "changed": _("changed"),
            "reordered": _("in another order"),
        },
        "suppressed": {
            "alarm_refired": _("reported a moment ago"),
            "alarm_too_brief": _("seen too briefly"),
            "alarm_below_confidence": _("too unsure"),
            "alarm_ignored": _("a category that the city ignores"),
        },
        "order": {"due": _("next due first"), "newest": _("newest first"), "oldest": _("oldest first")},
        "page": {
            "overview": _("Overview"),
            "queues": _("Queues"),
            "case": _("Case"),
            "desk": _("Department desk"),
            "inspection": _("Inspection"),
            "callbacks": _("Callbacks"),
            "scores": _("Scores"),
            "city": _("City"),
            "system": _("System"),
        },
        "column": {
            "case_id": _("Case id"),
            "number": _("Number"),
            "status": _("Status"),
            "class": _("Class code"),
            "class_name": _("Class"),
            "district": _("District"),
            "street": _("Street"),
            "address": _("Address"),
            "department": _("Department id"),
            "department_name": _("Department"),
            "source": _("Source"),
            "reported_at": _("Reported"),
            "due": _("Time limit"),
            "due_at": _("Due"),
            "reports": _("Reports"),
            "round": _("Round"),
            "returns": _("Returns"),
            "text": _("Words"),
        },
        "about_table": {
            "sheet": _("About this table"),
            "city": _("City"),
            "filter": _("Which cases"),
            "as_of": _("As of"),
            "cases": _("Cases"),
            "whole": _("Whole list"),
        },
        "is_whole": {"yes": _("yes"), "no": _("no: only the first of it, filter it for the rest")},
        "direction": {"highest": _("highest first"), "lowest": _("lowest first")},
        "dimension": {
            "city": _("City"),
            "department": _("Department"),
            "district": _("District"),
            "street": _("Street"),
            "class": _("Class"),
            "source": _("Source"),
        },
        "part": {
            "denominator": _("all that count"),
            "numerator": _("those in the numerator"),
            "missed": _("those that are not"),
        },
        "photos": {"before": _("Before"), "after": _("After"), "inspection": _("At the inspection")},
        "solved": {"solved": _("solved"), "partly": _("partly solved"), "unsolved": _("not solved")},
        "helper": {
            "helper": _("helps"),
            "summoned": _("summoned"),
            "informed": _("informed"),
            "joint": _("acts jointly"),
        },
        "chosen_by": {"by_hand": _("a person"), "by_record": _("the imported record")},
        "reason": {
            "class": _("Class"),
            "row": _("Catalogue row"),
            "department": _("Department"),
            "helper": _("Helping department"),
            "held": _("Where it waits"),
            "limit": _("Time limit"),
            "rating": _("Rating"),
        },
        "resume": {
            "kept": _("the stored positions"),
            "start": _("the log's start"),
            "end": _("the log's end"),
        },
        "post": {
            "dispatcher": _("Dispatcher"),
            "inspector": _("Inspector"),
            "caller-back": _("Caller-back"),
            "monitor": _("Duty officer"),
            "clerk": _("Department clerk"),
            "administrator": _("System administrator"),
            "system-operator": _("System operator"),
        },
    }
)


def label(translate: Translate, kind: str, code: str | None) -> str:
    """Return the text of a code in the visitor's language."""
    text = LABELS[kind].get(code) if code else None
    return translate(text) if text else code or ""
