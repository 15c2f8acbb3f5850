"""Messages recorded from a played day stay readable, by our models and by readers that know nothing of us."""

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


def _read(path: Path) -> tuple[str, Example]:
    example: Example = json.loads(path.read_text(encoding="utf-8"))
    return path.relative_to(EXAMPLES).parts[0], example


def test_every_event_has_a_recorded_message() -> None:
    assert {path.relative_to(EXAMPLES).parts[0] for path in RECORDED} == set(event_models())


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_a_recorded_message_is_still_read_whole(path: Path) -> None:
    """All that it said is still understood: nothing is dropped, and nothing has another meaning."""
    kind, example = _read(path)

    event = event_models()[kind].model_validate_json(json.dumps(example["value"]))

    assert _recorded_fields(event.model_dump(mode="json"), example["value"]) == example["value"]


def _recorded_fields(dumped: Any, recorded: Any) -> Any:  # noqa: ANN401  # pieces of JSON
    """Keep of a dump what was told: defaults that the recorded message left out are not part of it."""
    if isinstance(recorded, dict):
        return {name: _recorded_fields(dumped.get(name), value) for name, value in recorded.items()}
    if isinstance(recorded, list):
        return [_recorded_fields(one, other) for one, other in zip(dumped, recorded, strict=True)]
    return dumped


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_unknown_field_is_ignored(path: Path) -> None:
    """A newer writer may add optional fields; an older reader must not stumble."""
    kind, example = _read(path)
    model = event_models()[kind]

    newer = model.model_validate_json(json.dumps(example["value"] | {"from_the_future": {"a": 1}}))

    assert newer == model.model_validate_json(json.dumps(example["value"]))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_a_recorded_message_holds_against_its_published_schema(path: Path) -> None:
    kind, example = _read(path)

    assert [
        error.message
        for error in Draft202012Validator(model_schema(event_models()[kind])).iter_errors(example["value"])
    ] == []


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_a_stock_cloudevents_reader_reads_it(path: Path) -> None:
    """A department's plain answers and a plain alarm need no headers; all that we write has them."""
    kind, example = _read(path)
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
