"""Recorded messages stay valid, for our models and for readers that have only the schemas."""

import json
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat
from jsonschema import Draft202012Validator

from paidan_contracts.schema_export.schemas import event_models, model_schema

EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"
RECORDED = sorted(EXAMPLES.rglob("*.json"))
Example = dict[str, Any]


def _load_example(path: Path) -> tuple[str, Example]:
    example: Example = json.loads(path.read_text(encoding="utf-8"))
    return path.relative_to(EXAMPLES).parts[0], example


def test_every_event_type_has_an_example() -> None:
    assert {path.relative_to(EXAMPLES).parts[0] for path in RECORDED} == set(event_models())


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_recorded_message_is_decoded_completely(path: Path) -> None:
    """No field is dropped, and none changes its value."""
    kind, example = _load_example(path)

    event = event_models()[kind].model_validate_json(json.dumps(example["value"]))

    assert _recorded_fields(event.model_dump(mode="json"), example["value"]) == example["value"]


def _recorded_fields(dumped: Any, recorded: Any) -> Any:  # noqa: ANN401  # parts of JSON documents
    """Return the dump without the defaults that the recorded message left out."""
    if isinstance(recorded, dict):
        return {name: _recorded_fields(dumped.get(name), value) for name, value in recorded.items()}
    if isinstance(recorded, list):
        return [_recorded_fields(one, other) for one, other in zip(dumped, recorded, strict=True)]
    return dumped


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_unknown_field_is_ignored(path: Path) -> None:
    """A newer writer may add optional fields, which an older reader ignores."""
    kind, example = _load_example(path)
    model = event_models()[kind]

    newer = model.model_validate_json(json.dumps(example["value"] | {"from_the_future": {"a": 1}}))

    assert newer == model.model_validate_json(json.dumps(example["value"]))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_recorded_message_is_valid_by_its_published_schema(path: Path) -> None:
    kind, example = _load_example(path)

    assert [
        error.message
        for error in Draft202012Validator(model_schema(event_models()[kind])).iter_errors(example["value"])
    ] == []


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_cloudevents_package_decodes_recorded_message(path: Path) -> None:
    """Answers and alarms may come without headers; every message that we write has them."""
    kind, example = _load_example(path)
    if "ce_id" not in example["headers"]:
        assert kind in ("answer.v1", "alarm.raised.v1")
        return
    headers = {name: value.encode() for name, value in example["headers"].items()}
    message = KafkaMessage(
        headers=headers, key=(example["key"] or "").encode(), value=json.dumps(example["value"]).encode()
    )

    event = from_binary_event(message, JSONFormat())

    assert event.get_type() == kind
    assert event.get_data() == example["value"]
