"""An AsyncAPI 3 document of all that Paidan says and hears on Kafka."""

from typing import Any, Final

from paidan_contracts.schema_export.schemas import (
    Schema,
    all_topics,
    models_of,
    type_of,
)
from paidan_contracts.topics import Topic
from paidan_contracts.wire import Said

_HEARD: Final = ("paidan.alarms", "paidan.inbox", "paidan.answers.{department}")
_SAID_BY: Final = ("intake", "dispatch", "scoring")
_BINDING: Final = "0.5.0"


def document() -> Schema:
    """Put the document together, from the topics and their models alone."""
    topics = all_topics()
    schemas: dict[str, Schema] = {}
    messages: dict[str, Schema] = {}
    for topic in topics:
        for model in models_of(topic):
            messages[type_of(model)] = _message(model, schemas, key=topic.key)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Paidan",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in Kafka binary mode: attributes as ce_ headers, the JSON body as value.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {_channel_id(topic): _channel(topic) for topic in topics},
        "operations": dict(operation for topic in topics for operation in _operations(topic)),
        "components": {"messages": messages, "schemas": schemas},
    }


def _channel_id(topic: Topic[Said]) -> str:
    return topic.name.removeprefix("paidan.").replace(".{department}", "")


def _channel(topic: Topic[Said]) -> Schema:
    channel: Schema = {
        "address": topic.name,
        "description": f"Written by {', '.join(topic.written_by)}; read by {', '.join(topic.read_by)}.",
        "messages": {type_of(model): {"$ref": _at("messages", type_of(model))} for model in models_of(topic)},
        "bindings": {"kafka": _binding(topic)},
    }
    if "{department}" in topic.name:
        channel["parameters"] = {"department": {"description": "The department's id in the city's pack."}}
    return channel


def _binding(topic: Topic[Said]) -> Schema:
    config = topic.config()
    return {
        "topic": topic.name,
        "partitions": topic.partitions,
        "topicConfiguration": {
            "cleanup.policy": [config["cleanup.policy"]],
            "retention.ms": int(config["retention.ms"]),
            "max.message.bytes": int(config["max.message.bytes"]),
        },
        "bindingVersion": _BINDING,
    }


def _operations(topic: Topic[Said]) -> list[tuple[str, Schema]]:
    channel = _channel_id(topic)
    told: list[tuple[str, Schema]] = []
    if any(writer in _SAID_BY for writer in topic.written_by):
        told.append((f"send_{channel}", {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}}))
    if topic.name in _HEARD:
        told.append((f"receive_{channel}", {"action": "receive", "channel": {"$ref": f"#/channels/{channel}"}}))
    return told


def _message(model: type[Said], schemas: dict[str, Schema], *, key: str) -> Schema:
    schema = model.model_json_schema(mode="validation", ref_template="#/components/schemas/{model}")
    for name, inner in schema.pop("$defs", {}).items():
        schemas[name] = _plain(inner)
    schemas[model.__name__] = _plain(schema)
    return {
        "name": type_of(model),
        "title": model.__name__,
        "summary": (model.__doc__ or "").strip().split("\n")[0],
        "contentType": "application/json",
        "payload": {"$ref": _at("schemas", model.__name__)},
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": _BINDING}},
    }


def _at(part: str, name: str) -> str:
    return f"#/components/{part}/{name}"


def _plain(schema: Any) -> Any:  # noqa: ANN401  # any piece of a JSON Schema
    """Write a discriminator as AsyncAPI does, by the property's name alone."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {key: _plain(part) for key, part in schema.items()}
    if isinstance(plain.get("discriminator"), dict):
        plain["discriminator"] = plain["discriminator"]["propertyName"]
    return plain
