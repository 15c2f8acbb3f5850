"""The JSON Schema of an action's request body, from which a client draws a form: texts in English and Chinese.

``title`` and ``description`` are English, ``x-title-zh`` and ``x-description-zh`` Chinese. Where few values are
possible each is an alternative of ``oneOf``, with ``const`` and its titles; a city's are those of its pack in force.
"""

from collections.abc import Collection, Iterator, Sequence
from copy import deepcopy
from functools import cache
from typing import Any, Final, TypeAlias

from paidan_contracts.assignments import open_unit_order
from paidan_contracts.city.pack_types import Names
from paidan_contracts.lenient import COORDINATES
from paidan_contracts.reports import JoinedReport
from paidan_contracts.state import CaseState
from paidan_dispatch.actions.form_texts import VALUE_TEXTS, FieldText, text_of_field
from paidan_dispatch.actions.permissions import ACTION_MODELS, Permission, Requirement, units_to_hand_on_to
from paidan_dispatch.api.models import ActionBody
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.complaints import is_barred
from paidan_dispatch.cases.limit_requests import open_steps
from paidan_dispatch.cases.names import ACTION_NAMES
from paidan_dispatch.cases.patrols import may_verify
from paidan_dispatch.cases.policy import CityPolicy

Schema: TypeAlias = dict[str, Any]
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_COORDINATE_PAIR: Final = {name: [each for each in COORDINATES if each != name] for name in COORDINATES}


def build_form(
    permission: Permission, state: CaseState, policy: CityPolicy, own_reports: Sequence[JoinedReport] = ()
) -> Schema:
    """Return the schema of an action's request body. A source that acts must name one of its ``own_reports``.

    Of an action that is not allowed it lists no departments, rows and reports, for none can be chosen.
    """
    form = deepcopy(_form_of_kind(permission.kind))
    action = form["properties"]["action"]
    for name in permission.withheld:
        del action["properties"][name]
    for name in permission.needs:
        action["required"].append(name)
        action["properties"][name] |= _not_empty(action["properties"][name])
    if permission.requirements:
        action["allOf"] = [_condition(each, action["properties"]) for each in permission.requirements]
    _add_units(action["properties"], permission, state, policy)
    if permission.refusal is None:
        _add_choices(action["properties"], state, policy, permission.departments)
    if own_reports:
        form["required"].append("of_report")
        form["properties"]["of_report"]["oneOf"] = [_report_choice(each, policy) for each in own_reports]
    return form


@cache
def _form_of_kind(kind: str) -> Schema:
    """Return what is the same for every case, city and caller."""
    names, envelope = ACTION_NAMES[kind], ActionBody.model_json_schema()["properties"]
    return {
        "$schema": DIALECT,
        **_titled(FieldText(names)),
        "type": "object",
        "properties": {
            "action": _action_schema(kind),
            **{name: _field_schema(kind, name, envelope[name]) for name in ("occurred_at", "of_report")},
        },
        "required": ["action"],
        "additionalProperties": False,
    }


def _action_schema(kind: str) -> Schema:
    contract = ACTION_MODELS[kind].model_json_schema()
    fields = {name: schema for name, schema in contract["properties"].items() if name != "kind"}
    return {
        "type": "object",
        "properties": {
            "kind": {"const": kind},
            **{name: _field_schema(kind, name, schema) for name, schema in fields.items()},
        },
        "required": ["kind", *contract.get("required", ())],
        **({"dependentRequired": _COORDINATE_PAIR} if COORDINATES[0] in fields else {}),
        "additionalProperties": False,
    }


def _field_schema(kind: str, name: str, contract: Schema) -> Schema:
    # Null means absent, which a form leaves out; an empty default is what absent means.
    plain = next((each for each in contract.get("anyOf", ()) if each != {"type": "null"}), contract)
    kept = {key: value for key, value in plain.items() if key not in ("title", "description", "default", "enum")}
    if contract.get("default"):
        kept["default"] = contract["default"]
    if not kept.get("minLength"):
        kept.pop("minLength", None)
    values = VALUE_TEXTS.get(name)
    choices = {"oneOf": [_choice(value, names) for value, names in values.items()]} if values else {}
    return {**_titled(text_of_field(kind, name)), **kept, **choices}


def _add_units(fields: Schema, permission: Permission, state: CaseState, policy: CityPolicy) -> None:
    if "unit" not in fields:
        return
    order, city = open_unit_order(state.assignments), policy.city
    if permission.kind == "hand_on":
        # The department itself, for a person of its own.
        units = (*units_to_hand_on_to(state, policy), *(each for each in [state.department] if each))
    elif order is not None:
        units = (order.unit,)
    else:
        del fields["unit"]
        return
    if permission.refusal is None:
        names = {each: city.departments[each].names for each in units if each in city.departments}
        fields["unit"]["oneOf"] = [
            _choice(each, Bilingual(names[each].en, names[each].zh) if each in names else None) for each in units
        ]


def _add_choices(fields: Schema, state: CaseState, policy: CityPolicy, departments: Collection[str]) -> None:
    for name, choices in _city_choices(state, policy, departments):
        if name in fields:
            fields[name]["oneOf"] = list(choices)
    if "step" in fields:
        fields["step"]["oneOf"] = [
            _choice(each.number, Bilingual(f"{each.number}. {each.text}", f"{each.number}. {each.text}"))
            for each in open_steps(state)
        ]
    # An import may name a report that its case does not hold.
    if "report_id" in fields and not state.past:
        opening = JoinedReport(
            report_id=state.opened_by, source=state.source, channel=state.channel, recorded_at=state.reported_at
        )
        known = {each.report_id: each for each in (opening, *state.joined)}
        fields["report_id"]["oneOf"] = [
            _report_choice(known[report_id], policy) if report_id in known else _choice(report_id)
            for report_id in dict.fromkeys(_reports_to_call(state))
        ]


def _city_choices(
    state: CaseState, policy: CityPolicy, departments: Collection[str]
) -> Iterator[tuple[str, Iterator[Schema]]]:
    """Yield each field whose values are the city's, with a choice for each value."""
    city, every = policy.city, policy.city.departments.values()
    may_get_it = [each for each in every if not departments or each.id in departments]
    yield "department", (_named(each.id, each.names) for each in may_get_it if not is_barred(state, each.id, city))
    yield "complained_of", (_named(each.id, each.names) for each in every)
    own_first = sorted(city.rows.values(), key=lambda row: row.class_code != state.class_code)
    yield "row_id", (_coded(row.id, row.filing) for row in own_first)
    yield "class_code", (_coded(each.code, each.names) for each in city.classes.values())
    yield "district", (_named(each.code, each.names) for each in city.pack.geography.places)
    yield "post", (_named(each.id, each.names) for each in city.posts.values() if may_verify(each, state, policy))
    levels = city.pack.escalation.levels if city.pack.escalation else ()
    yield "level", (_named(each.id, each.names) for each in levels)


def _named(value: str, names: Names) -> Schema:
    return _choice(value, Bilingual(names.en, names.zh))


def _coded(value: str, names: Names) -> Schema:
    return _choice(value, Bilingual(f"{value} {names.en}", f"{value} {names.zh}"))


def _reports_to_call(state: CaseState) -> Iterator[str]:
    """Yield the reports whose reporters may be called, those that wait for it first."""
    yield from state.callbacks_awaited
    yield state.opened_by
    yield from state.callbacks_wanted
    yield from (each.report_id for each in state.joined)
    yield from (each.report_id for each in state.called_back if each.report_id is not None)


def _condition(requirement: Requirement, fields: Schema) -> Schema:
    name, value, needed = requirement
    return {
        "if": {"properties": {name: {"const": value}}, "required": [name]},
        "then": {"properties": {needed: _not_empty(fields[needed])}, "required": [needed]},
    }


def _not_empty(field: Schema) -> Schema:
    return {"minItems": 1} if field["type"] == "array" else {"minLength": 1}


def _report_choice(report: JoinedReport, policy: CityPolicy) -> Schema:
    at = report.recorded_at.astimezone(policy.city.zone).strftime("%Y-%m-%d %H:%M")
    source = policy.city.sources.get(report.source)
    names = Bilingual(source.names.en, source.names.zh) if source else Bilingual(report.source, report.source)
    return _choice(report.report_id, Bilingual(f"{at} {names.en}", f"{at} {names.zh}"))


def _choice(value: str | bool | int, names: Bilingual | None = None) -> Schema:
    return {"const": value, **_titled(FieldText(names or Bilingual(str(value), str(value))))}


def _titled(text: FieldText) -> Schema:
    described = text.description
    more = {"description": described.en, "x-description-zh": described.zh} if described else {}
    return {"title": text.title.en, "x-title-zh": text.title.zh, **more}
