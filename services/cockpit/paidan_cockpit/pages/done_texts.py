"""What a form did, in a sentence: what comes next of it, and with whom. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from paidan_cockpit.pages.labels import Translate
from paidan_cockpit.pages.marked_texts import N_

DONE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "accept": N_("Accepted. It is to be done now, and then reported as done."),
        "return": N_("Returned. It is no longer with you."),
        "finish": N_("Reported as done. It is inspected next."),
        "inspect-passed": N_("The inspection passed, and it is closed."),
        "inspect-failed": N_("The inspection failed. The department does it again."),
        "verify": N_("The verification is recorded. The case goes on by it."),
        "cannot_verify": N_("Recorded. The case waits for another verification."),
        "settle": N_("Recorded as settled on the spot."),
        "call_back": N_("What the reporter said is recorded."),
    }
)
"""By what was done at a desk."""
USUAL: Final = N_("Done.")


def deed_of(kind: str, fields: Mapping[str, str]) -> str:
    """Return what a form of a desk does, as its text is found; empty for one that has none of its own."""
    if kind == "inspect":
        return "inspect-passed" if fields.get("action.passed") == "true" else "inspect-failed"
    return kind if kind in DONE else ""


def done_text(deed: str, translate: Translate) -> str:
    """Return what was done, in words."""
    return translate(DONE.get(deed, USUAL))
