"""Forms of actions, drawn from the JSON Schemas that dispatch gives, and read back into request bodies. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, Literal, TypeAlias

from paidan_cockpit.settings import Language

Schema: TypeAlias = Mapping[str, Any]
FieldKind = Literal["choice", "text", "lines", "time", "number", "photos"]
LONG_TEXT: Final = 300
_HIDDEN: Final = frozenset({"kind", "of_report", "person"})
"""Nobody knows a person by the opaque id."""
_NEXT_ACTIONS: Final = {
    "received": "verify",
    "filed": "assign",
    "dispatched": "accept",
    "handling": "finish",
    "inspecting": "inspect",
    "closed": "call_back",
}
_FLAGS: Final = {"true": True, "false": False}
_TIME_OF_DEED: Final = "occurred_at"
_WORK: Final = frozenset({"finish", "settle", "verify", "cannot_verify"})
"""Actions whose position is where the device is. That of any other is the problem's, and somebody fills it in."""
_POSITION: Final = ("action.latitude", "action.longitude")


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form. ``name`` is its path in the request's body, with dots."""

    name: str
    kind: FieldKind
    title: str
    description: str
    required: bool
    choices: Sequence[tuple[str, str]] = ()
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class ActionForm:
    """What may be asked for, and its fields; ``why`` is the reason where it may not now."""

    kind: str
    title: str
    allowed: bool
    why: str
    fields: Sequence[FormField]
    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    why_code: str = ""
    key: str = ""
    """The id under which it is sent; empty: a new one each time that it is drawn."""
    confirmed: str = ""
    """What its sender means though it is strange: sent again, the form says so."""

    @property
    def takes_photos(self) -> bool:
        """Whether photos belong to it."""
        return any(each.kind == "photos" for each in self.fields)

    @property
    def takes_position(self) -> bool:
        """Whether the place where it was done may be sent along."""
        return self.kind in _WORK and {each.name for each in self.fields}.issuperset(_POSITION)

    @property
    def drawn_fields(self) -> Sequence[FormField]:
        """The fields that a person fills in: when and where work was done, a script adds with consent."""
        added = (_TIME_OF_DEED, *_POSITION) if self.kind in _WORK else (_TIME_OF_DEED,)
        drawn = [each for each in self.fields if each.name not in added]
        # Degrees are rarely what somebody has at hand.
        return sorted(drawn, key=lambda each: each.name in _POSITION)

    @property
    def is_others(self) -> bool:
        """Whether it is for other posts, whatever becomes of the case; of a decision the next one is told."""
        return self.why_code == "not_your_role" and self.kind != "review"

    @property
    def takes_text(self) -> bool:
        """Whether something is written into it that would be lost with the line."""
        return any(each.kind in ("text", "lines") for each in self.fields)


def next_action(status: str, row_id: str | None) -> str | None:
    """Return the kind of action that takes a case of this status on."""
    return "file" if status == "filed" and row_id is None else _NEXT_ACTIONS.get(status)


def parse_forms(body: Mapping[str, Any], language: Language) -> list[ActionForm]:
    """Return a form for each kind of action that dispatch answered with and supports."""
    return [_form(each, language) for each in body.get("actions", ()) if not _is_unsupported(each)]


def _is_unsupported(action: Mapping[str, Any]) -> bool:
    return (action.get("why") or {}).get("code") == "not_supported_yet"


def request_body(form: ActionForm, values: Mapping[str, str], photos: Sequence[str]) -> dict[str, Any]:
    """Return the body of the request that a filled form asks for; fields that were left empty are left out."""
    action: dict[str, Any] = {"kind": form.kind}
    body: dict[str, Any] = {"action": action}
    for each in form.fields:
        parent, _, name = each.name.rpartition(".")
        target = action if parent == "action" else body
        if each.kind == "photos":
            if photos:
                target[name] = list(photos)
        elif value := values.get(each.name, "").strip():
            target[name] = _value_of(each, value)
    return body


def _value_of(asked: FormField, value: str) -> str | bool | float:
    """Return a filled value as its field has it; what is no number stays as it is, and dispatch refuses it."""
    if asked.kind == "number":
        with suppress(ValueError):
            return float(value) if isfinite(float(value)) else value
    is_flag = {code for code, _ in asked.choices} <= _FLAGS.keys() and asked.choices
    return _FLAGS[value] if is_flag and value in _FLAGS else value


def errors_at(form: ActionForm, name: str | None, text: str) -> Mapping[str, str]:
    """Return the error at its field, or at the form where nobody fills in such a field."""
    known = {each.name for each in form.drawn_fields}
    # Dispatch names the kind of action on the way to its field.
    spellings = (name, f"action.{name}", (name or "").replace(f"action.{form.kind}.", "action."))
    return {next((each for each in spellings if each in known), ""): text}


def _form(action: Mapping[str, Any], language: Language) -> ActionForm:
    schema = action["body_schema"]
    why = action.get("why") or {}
    return ActionForm(
        kind=action["kind"],
        title=action["names"][language],
        allowed=action["allowed"],
        why_code=str(why.get("code", "")),
        why=why.get("message_zh" if language == "zh" else "message", ""),
        fields=[*_fields(schema["properties"]["action"], "action.", language), *_fields(schema, "", language)],
    )


def _fields(schema: Schema, prefix: str, language: Language) -> Iterator[FormField]:
    required = set(schema.get("required", ()))
    for name, each in schema["properties"].items():
        if name in _HIDDEN or name == "action":
            continue
        yield FormField(
            name=prefix + name,
            kind=_kind_of(each),
            title=_text(each, "title", language) or name,
            description=_text(each, "description", language),
            required=name in required,
            choices=[(_code(choice["const"]), _text(choice, "title", language)) for choice in each.get("oneOf", ())],
            max_length=each.get("maxLength"),
        )


def _kind_of(schema: Schema) -> FieldKind:
    if "oneOf" in schema:
        return "choice"
    if schema.get("type") == "array":
        return "photos"
    if schema.get("type") == "number":
        return "number"
    if schema.get("format") == "date-time":
        return "time"
    return "lines" if (schema.get("maxLength") or 0) > LONG_TEXT else "text"


def _code(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _text(schema: Schema, name: str, language: Language) -> str:
    return str(schema.get(f"x-{name}-zh" if language == "zh" else name, ""))
