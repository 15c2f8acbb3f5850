"""Texts for the codes of contracts: statuses, clocks, channels, ratings... A code without a text is its own."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from paidan_cockpit.pages.marked_texts import N_
from paidan_cockpit.pages.system_labels import SYSTEM_LABELS

Translate = Callable[[str], str]

LABELS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        **SYSTEM_LABELS,
        "status": {
            "received": N_("awaits verification"),
            "filed": N_("awaits a department"),
            "dispatched": N_("dispatched"),
            "handling": N_("in work"),
            "suspended": N_("suspended"),
            "inspecting": N_("awaits inspection"),
            "closed": N_("closed"),
            "not_accepted": N_("not accepted"),
            "voided": N_("voided"),
        },
        "clock": {
            "accept": N_("accept"),
            "handle": N_("handle"),
            "dispatch": N_("dispatch"),
            "verify": N_("verify"),
            "inspect": N_("inspect"),
            "callback": N_("call back"),
            "plan_step": N_("finish a step of the plan"),
            "promise": N_("keep what was promised"),
            "unit_handle": N_("handle what was handed on"),
        },
        "light": {"green": N_("in time"), "yellow": N_("due soon"), "red": N_("overdue")},
        "channel": {
            "hotline": N_("hotline"),
            "photo": N_("photo report"),
            "camera": N_("camera"),
            "patrol": N_("patrol"),
            "sensor": N_("sensor"),
            "import": N_("import"),
        },
        "rating": {
            "satisfied": N_("satisfied"),
            "basically_satisfied": N_("basically satisfied"),
            "dissatisfied": N_("dissatisfied"),
            "no_answer": N_("no rating"),
        },
        "return_code": {
            "not_our_area": N_("not our area"),
            "not_our_duty": N_("not our duty"),
            "owner_unclear": N_("owner unclear"),
            "duplicate": N_("duplicate"),
            "other": N_("other reason"),
        },
        "actor": {
            "operator": N_("Dispatcher"),
            "inspector": N_("Inspector"),
            "caller": N_("Caller-back"),
            "department": N_("Department"),
            "source": N_("Source"),
            "importer": N_("Import"),
        },
        "queue": {
            "open": N_("Open"),
            "in-work": N_("In work"),
            "placing": N_("Hard to place"),
            "verification": N_("To verify"),
            "returned": N_("Returned"),
            "overdue": N_("Overdue"),
            "due-soon": N_("Due soon"),
            "inspection": N_("To inspect"),
            "callback": N_("To call back"),
            "all": N_("All cases"),
        },
        "outcome": {
            "opened": N_("opened a case"),
            "merged": N_("joined a case"),
            "suppressed": N_("suppressed"),
            "noted": N_("noted"),
            "refused": N_("refused"),
            "dead_lettered": N_("dead letter"),
        },
        "matter": {
            "consultation": N_("consultation"),
            "help": N_("request for help"),
            "suggestion": N_("suggestion"),
            "complaint": N_("complaint"),
            "tip_off": N_("tip-off"),
            "praise": N_("praise"),
            "other": N_("other matter"),
        },
        "difference": {
            "added": N_("added"),
            "removed": N_("removed"),
            "changed": N_("changed"),
            "reordered": N_("in another order"),
        },
        "suppressed": {
            "alarm_refired": N_("reported a moment ago"),
            "alarm_too_brief": N_("seen too briefly"),
            "alarm_below_confidence": N_("too unsure"),
            "alarm_ignored": N_("a category that the city ignores"),
        },
        "order": {"due": N_("next due first"), "newest": N_("newest first"), "oldest": N_("oldest first")},
        "page": {
            "overview": N_("Overview"),
            "queues": N_("Queues"),
            "case": N_("Case"),
            "desk": N_("Department desk"),
            "inspection": N_("Inspection"),
            "callbacks": N_("Callbacks"),
            "scores": N_("Scores"),
            "city": N_("City"),
            "system": N_("System"),
        },
        "column": {
            "case_id": N_("Case id"),
            "number": N_("Number"),
            "status": N_("Status"),
            "status_code": N_("Status code"),
            "class": N_("Class code"),
            "class_name": N_("Class"),
            "district": N_("District"),
            "street": N_("Street"),
            "address": N_("Address"),
            "department": N_("Department id"),
            "department_name": N_("Department"),
            "source": N_("Source"),
            "source_id": N_("Source id"),
            "reported_at": N_("Reported"),
            "due": N_("What is due next"),
            "due_code": N_("Code of what is due next"),
            "due_at": N_("Due"),
            "reports": N_("Reports"),
            "round": N_("Round"),
            "returns": N_("Returns"),
            "text": N_("Words"),
        },
        "about_table": {
            "sheet": N_("About this table"),
            "city": N_("City"),
            "filter": N_("Which cases"),
            "as_of": N_("As of"),
            "cases": N_("Cases"),
            "whole": N_("Whole list"),
        },
        "is_provisional": {"yes": N_("yes"), "no": N_("no")},
        "is_whole": {"yes": N_("yes"), "no": N_("no: only the first of it, filter it for the rest")},
        "direction": {"highest": N_("highest first"), "lowest": N_("lowest first")},
        "dimension": {
            "city": N_("City"),
            "department": N_("Department"),
            "district": N_("District"),
            "street": N_("Street"),
            "class": N_("Class"),
            "source": N_("Source"),
        },
        "part": {
            "denominator": N_("all that count"),
            "numerator": N_("those in the numerator"),
            "missed": N_("those that are not"),
        },
        "photos": {"before": N_("Before"), "after": N_("After"), "inspection": N_("At the inspection")},
        "solved": {"solved": N_("solved"), "partly": N_("partly solved"), "unsolved": N_("not solved")},
        "helper": {
            "helper": N_("helps"),
            "summoned": N_("summoned"),
            "informed": N_("informed"),
            "joint": N_("acts jointly"),
        },
        "chosen_by": {"by_hand": N_("a person"), "by_record": N_("the imported record")},
        "reason": {
            "class": N_("Class"),
            "row": N_("Catalogue row"),
            "department": N_("Department"),
            "earlier": N_("Department before"),
            "helper": N_("Helping department"),
            "held": N_("Where it waits"),
            "limit": N_("Time limit"),
            "rating": N_("Rating"),
        },
        "post": {
            "dispatcher": N_("Dispatcher"),
            "inspector": N_("Inspector"),
            "caller-back": N_("Caller-back"),
            "monitor": N_("Duty officer"),
            "clerk": N_("Department clerk"),
            "administrator": N_("System administrator"),
            "system-operator": N_("System operator"),
        },
    }
)


def label(translate: Translate, kind: str, code: str | None) -> str:
    """Return the text of a code in the reader's language."""
    text = LABELS[kind].get(code) if code else None
    return translate(text) if text else code or ""
