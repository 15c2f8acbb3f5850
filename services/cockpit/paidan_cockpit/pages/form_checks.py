"""What is wrong with a filled form before it is sent: what is missing, too long, or cannot be meant. Pure."""

from collections.abc import Mapping
from typing import Final

from paidan_cockpit.pages.action_forms import ActionForm, FormField
from paidan_cockpit.pages.call_answers import errors_of_call
from paidan_cockpit.pages.labels import Translate
from paidan_cockpit.pages.marked_texts import N_

MISSING: Final = N_("This is missing.")
TOO_LONG: Final = N_("These are {length} characters; at most {most} can be taken.")
ANSWER_OF_FAILED: Final = N_(
    "Residents are told nothing while the inspection fails. Empty this field; write what the department is to do as the"
    " reason."
)


def errors_of_fields(
    form: ActionForm, values: Mapping[str, str], photos: int, translate: Translate
) -> Mapping[str, str]:
    """Return what is wrong with each field; empty where the form can be sent."""
    checked = (
        (each.name, _error_of(each, values.get(each.name, "").strip(), photos, translate)) for each in form.fields
    )
    errors = {name: error for name, error in checked if error}
    if form.kind == "call_back":
        return errors or errors_of_call(values, translate)
    if form.kind == "inspect" and values.get("action.passed") == "false" and values.get("action.answer", "").strip():
        errors.setdefault("action.answer", translate(ANSWER_OF_FAILED))
    return errors


def _error_of(asked: FormField, value: str, photos: int, translate: Translate) -> str:
    is_empty = not photos if asked.kind == "photos" else not value
    if is_empty:
        return translate(MISSING) if asked.required else ""
    if asked.max_length is not None and len(value) > asked.max_length:
        return translate(TOO_LONG).format(length=len(value), most=asked.max_length)
    return ""
