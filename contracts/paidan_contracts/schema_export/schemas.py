"""JSON Schema of every event, one each, under the name of its type."""

from typing import Any, Final, get_args

from paidan_contracts.actions import Answer
from paidan_contracts.topics import TOPICS, Topic, answers_of, orders_of
from paidan_contracts.wire import Said

Schema = dict[str, Any]
_UNTYPED: Final = {Answer: "answer.v1"}


def type_of(model: type[Said]) -> str:
    """Give the event type of a model, version included: ``case.opened.v1``."""
    field = model.model_fields.get("type")
    return _UNTYPED[model] if field is None else str(get_args(field.annotation)[0])  # type: ignore[index]  # an Answer


def models_of(topic: Topic[Said]) -> tuple[type[Said], ...]:
    """List the models that may be said on a topic, unions opened."""
    found: list[type[Said]] = []
    for said in topic.says:
        found.extend(_opened(said))
    return tuple(found)


def _opened(said: object) -> list[type[Said]]:
    if isinstance(said, type) and issubclass(said, Said):
        return [said]
    return [model for part in get_args(said) for model in _opened(part)]


def all_topics() -> tuple[Topic[Said], ...]:
    """List every topic, with the two of a department named ``{department}``."""
    return (*TOPICS, orders_of("{department}"), answers_of("{department}"))


def event_models() -> dict[str, type[Said]]:
    """Map each event type to its model."""
    return {type_of(model): model for topic in all_topics() for model in models_of(topic)}


def schema_of(model: type[Said]) -> Schema:
    """Give a model's schema as a reader may rely on it: what has a default may be absent."""
    schema: Schema = model.model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"paidan:{type_of(model)}", **schema}
