"""The JSON Schema of every event type."""

from typing import Any, Final, get_args

from paidan_contracts.actions import Answer
from paidan_contracts.topics import TOPICS, Topic, alarms_topic_of, answers_topic_of, orders_topic_of
from paidan_contracts.wire import WireModel

Schema = dict[str, Any]
_EVENT_TYPE_WITHOUT_FIELD: Final = {Answer: "answer.v1"}


def event_type_of(model: type[WireModel]) -> str:
    """Return the event type of a model, version included: ``case.opened.v1``."""
    field = model.model_fields.get("type")
    return _EVENT_TYPE_WITHOUT_FIELD[model] if field is None else str(get_args(field.annotation)[0])  # type: ignore[index]  # an Answer


def topic_models(topic: Topic[WireModel]) -> tuple[type[WireModel], ...]:
    """List the models of a topic's messages, each member of a union by itself."""
    models: list[type[WireModel]] = []
    for event_type in topic.event_types:
        models.extend(_expand_union(event_type))
    return tuple(models)


def _expand_union(event_type: object) -> list[type[WireModel]]:
    if isinstance(event_type, type) and issubclass(event_type, WireModel):
        return [event_type]
    return [model for part in get_args(event_type) for model in _expand_union(part)]


def all_topics() -> tuple[Topic[WireModel], ...]:
    """List every topic, with those of a department as ``paidan.orders.{department}`` and the like."""
    return (*TOPICS, alarms_topic_of("{source}"), orders_topic_of("{department}"), answers_topic_of("{department}"))


def event_models() -> dict[str, type[WireModel]]:
    """Map each event type to its model."""
    return {event_type_of(model): model for topic in all_topics() for model in topic_models(topic)}


def model_schema(model: type[WireModel]) -> Schema:
    """Return a model's schema for readers: a field with a default may be absent."""
    schema = rename_by_title(model.model_json_schema(mode="validation"), "#/$defs/")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"paidan:{event_type_of(model)}",
        **schema,
    }


def rename_by_title(schema: Schema, prefix: str) -> Schema:
    """Return a model's schema with each definition under its title, which stays when the class is renamed.

    ``prefix`` precedes a definition's name in references.
    """
    definitions = schema.get("$defs", {})
    titles = {name: definition.get("title", name) for name, definition in definitions.items()}
    references = {prefix + name: prefix + title for name, title in titles.items()}
    renamed: Schema = _replace_strings({key: part for key, part in schema.items() if key != "$defs"}, references)
    if definitions:
        renamed["$defs"] = {titles[name]: _replace_strings(part, references) for name, part in definitions.items()}
    return renamed


def _replace_strings(part: Any, replacements: dict[str, str]) -> Any:  # noqa: ANN401 - part of a JSON Schema
    if isinstance(part, dict):
        return {key: _replace_strings(value, replacements) for key, value in part.items()}
    if isinstance(part, list):
        return [_replace_strings(value, replacements) for value in part]
    return replacements.get(part, part) if isinstance(part, str) else part
