"""To which person a department can hand an order on: its own, by names that stay here; an opaque id is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from paidan_chassis.database import Pool
from paidan_cockpit.pages.action_forms import ActionForm, FormField
from paidan_cockpit.pages.labels import Translate
from paidan_cockpit.pages.marked_texts import N_
from paidan_cockpit.rights import Person
from paidan_contracts.city import City
from paidan_contracts.city.posts import scopes_of

_UNIT: Final = "action.unit"
_PERSON: Final = "action.person"
_TITLE: Final = N_("To which person")
_DESCRIPTION: Final = N_("Of your own department, which then is the unit. Left empty, anybody of the unit.")
NOT_OF_THE_UNIT: Final = N_("This person is of your own department: choose it as the unit.")
_TIMEOUT_S: Final = 5.0
_SELECT_COLLEAGUES: Final = """
    SELECT person_id::text AS person_id, name, post
      FROM person
     WHERE city = $1
       AND disabled_at IS NULL
       AND (post = ANY($2::text[]) OR scopes @> ARRAY[$3::text])
     ORDER BY name, person_id
     LIMIT 200
"""


async def with_colleagues(
    pool: Pool, forms: list[ActionForm], person: Person, city: City, translate: Translate
) -> list[ActionForm]:
    """Return the forms, that of handing on with a choice of the department's persons, if there are any."""
    own = person.department
    offered = next((each for each in forms if each.kind == "hand_on" and each.allowed), None)
    if own is None or offered is None or own not in _units_of(offered):
        return forms
    scope = f"department:{own}"
    posts = [each.id for each in city.posts.values() if scope in scopes_of(each)]
    rows = await pool.fetch(_SELECT_COLLEAGUES, person.city, posts, scope, timeout=_TIMEOUT_S)
    choices = [(row["person_id"], row["name"]) for row in rows]
    return [_with_persons(each, choices, translate) if each is offered and choices else each for each in forms]


def errors_of_person(
    form: ActionForm, values: Mapping[str, str], own: str | None, translate: Translate
) -> Mapping[str, str]:
    """Return what is wrong with the choice of a person: that another unit is chosen beside."""
    is_chosen = form.kind == "hand_on" and values.get(_PERSON, "").strip()
    return {_UNIT: translate(NOT_OF_THE_UNIT)} if is_chosen and values.get(_UNIT) != own else {}


def _units_of(form: ActionForm) -> set[str]:
    return {code for each in form.fields if each.name == _UNIT for code, _ in each.choices}


def _with_persons(form: ActionForm, choices: Sequence[tuple[str, str]], translate: Translate) -> ActionForm:
    persons = FormField(_PERSON, "choice", translate(_TITLE), translate(_DESCRIPTION), required=False, choices=choices)
    at = 1 + next(number for number, each in enumerate(form.fields) if each.name == _UNIT)
    return replace(form, fields=[*form.fields[:at], persons, *form.fields[at:]])
