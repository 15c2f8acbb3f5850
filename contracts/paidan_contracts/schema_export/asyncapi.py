"""An AsyncAPI 3 document of Paidan's topics and messages."""

from typing import Any, Final

from paidan_contracts.schema_export.schemas import Schema, all_topics, event_type_of, rename_by_title, topic_models
from paidan_contracts.topics import Topic
from paidan_contracts.wire import WireModel

_CONSUMED_TOPICS: Final = ("paidan.alarms", "paidan.alarms.{source}", "paidan.inbox", "paidan.answers.{department}")
_SERVICES: Final = ("intake", "dispatch", "scoring", "cockpit")
_BINDING_VERSION: Final = "0.5.0"


def asyncapi_document() -> Schema:
    """Build the document from the topics and their models."""
    topics = all_topics()
    schemas: dict[str, Schema] = {}
    messages: dict[str, Schema] = {}
    for topic in topics:
        for model in topic_models(topic):
            messages[event_type_of(model)] = _message(model, schemas, key=topic.key)
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


def _channel_id(topic: Topic[WireModel]) -> str:
    return topic.name.removeprefix("paidan.").replace(".{department}", "").replace("alarms.{source}", "source_alarms")


def _channel(topic: Topic[WireModel]) -> Schema:
    channel: Schema = {
        "address": topic.name,
        "description": f"Written by {', '.join(topic.written_by)}; read by {', '.join(topic.read_by)}.",
        "messages": {
            event_type_of(model): {"$ref": _component_ref("messages", event_type_of(model))}
            for model in topic_models(topic)
        },
        "bindings": {"kafka": _kafka_binding(topic)},
    }
    if "{department}" in topic.name:
        channel["parameters"] = {"department": {"description": "The department's id in the city's pack."}}
    if "{source}" in topic.name:
        channel["parameters"] = {"source": {"description": "The source's id in the city's pack."}}
    return channel


def _kafka_binding(topic: Topic[WireModel]) -> Schema:
    config = topic.config
    return {
        "topic": topic.name,
        "partitions": topic.partitions,
        "topicConfiguration": {
            "cleanup.policy": [config["cleanup.policy"]],
            "retention.ms": int(config["retention.ms"]),
            "max.message.bytes": int(config["max.message.bytes"]),
        },
        "bindingVersion": _BINDING_VERSION,
    }


def _operations(topic: Topic[WireModel]) -> list[tuple[str, Schema]]:
    channel = _channel_id(topic)
    operations: list[tuple[str, Schema]] = []
    if any(writer in _SERVICES for writer in topic.written_by):
        operations.append((f"send_{channel}", {"action": "send", "channel": {"$ref": f"#/channels/{channel}"}}))
    if topic.name in _CONSUMED_TOPICS:
        operations.append((f"receive_{channel}", {"action": "receive", "channel": {"$ref": f"#/channels/{channel}"}}))
    return operations


def _message(model: type[WireModel], schemas: dict[str, Schema], *, key: str) -> Schema:
    prefix = _component_ref("schemas", "")
    schema = rename_by_title(model.model_json_schema(mode="validation", ref_template=prefix + "{model}"), prefix)
    for name, inner in schema.pop("$defs", {}).items():
        schemas[name] = _simplify_discriminators(inner)
    schemas[schema["title"]] = _simplify_discriminators(schema)
    return {
        "name": event_type_of(model),
        "title": schema["title"],
        "summary": (model.__doc__ or "").strip().split("\n")[0],
        "contentType": "application/json",
        "payload": {"$ref": _component_ref("schemas", schema["title"])},
        "bindings": {"kafka": {"key": {"type": "string", "description": key}, "bindingVersion": _BINDING_VERSION}},
    }


def _component_ref(section: str, name: str) -> str:
    return f"#/components/{section}/{name}"


def _simplify_discriminators(schema: Any) -> Any:  # noqa: ANN401  # part of a JSON Schema
    """Replace each discriminator by its property's name, as AsyncAPI has it."""
    if isinstance(schema, list):
        return [_simplify_discriminators(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    simplified = {key: _simplify_discriminators(part) for key, part in schema.items()}
    if isinstance(simplified.get("discriminator"), dict):
        simplified["discriminator"] = simplified["discriminator"]["propertyName"]
    return simplified
