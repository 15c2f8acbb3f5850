"""One action for several cases: what all of them allow, as one form. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from paidan_cockpit.pages.action_forms import ActionForm, FormField

MAX_CASES: Final = 50
"""As many as a page of a queue lists."""
_CASE_FIELD: Final = "case:"


@dataclass(frozen=True, slots=True)
class PartlyAllowed:
    """An action that some of the cases allow, and why one of the others does not."""

    title: str
    allowed: int
    why: str


@dataclass(frozen=True, slots=True)
class BulkChoice:
    """What may be done with several cases at once, and what with some of them alone."""

    forms: Sequence[ActionForm]
    partly: Sequence[PartlyAllowed]


def case_fields(case_ids: Iterable[str]) -> dict[str, str]:
    """Return the hidden fields that say for which cases a form is."""
    return {_CASE_FIELD + each: "1" for each in case_ids}


def chosen_cases(fields: Mapping[str, str]) -> list[str]:
    """Return the ids of the cases for which a form was filled, however many."""
    return [name.removeprefix(_CASE_FIELD) for name in fields if name.startswith(_CASE_FIELD)]


def common_choice(forms_of_cases: Sequence[Sequence[ActionForm]]) -> BulkChoice:
    """Return the forms of the actions that every case allows, in the order of the first."""
    forms, partly = [], []
    for first in forms_of_cases[0] if forms_of_cases else ():
        same = [form for each in forms_of_cases for form in each if form.kind == first.kind]
        allowed = [form for form in same if form.allowed]
        if len(allowed) == len(forms_of_cases):
            if (form := _common_form(allowed)) is not None:
                forms.append(form)
        elif allowed:
            why = next((form.why for form in same if not form.allowed), "")
            partly.append(PartlyAllowed(first.title, len(allowed), why))
    return BulkChoice(forms, partly)


def _common_form(forms: Sequence[ActionForm]) -> ActionForm | None:
    """Return one form for all; None for an action that is about something of each case alone."""
    fields = []
    for each in forms[0].fields:
        same = [field for form in forms for field in form.fields if field.name == each.name]
        required = any(field.required for field in same)
        if each.kind == "photos":
            if required:
                return None  # each case has photos of its own
            continue
        choices = _common_choices(same)
        if len(same) < len(forms) or (each.choices and not choices):
            return None
        fields.append(replace(each, required=required, choices=choices))
    return replace(forms[0], fields=fields)


def _common_choices(fields: Sequence[FormField]) -> list[tuple[str, str]]:
    first, *others = fields
    codes = [{code for code, _ in each.choices} for each in others]
    return [(code, text) for code, text in first.choices if all(code in each for each in codes)]
