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
        "order": {"due": _("next due first"), "newest": _("newest first"), "oldest": _("oldest first")},
        "page": {
            "overview": _("Overview"),
            "queues": _("Queues"),
            "case": _("Case"),
            "desk": _("Department desk"),
            "inspection": _("Inspection"),
            "callbacks": _("Callbacks"),
            "scores": _("Scores"),
            "system": _("System"),
        },
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
        },
    }
)


def label(translate: Translate, kind: str, code: str | None) -> str:
    """Return the text of a code in the visitor's language."""
    text = LABELS[kind].get(code) if code else None
    return translate(text) if text else code or ""
