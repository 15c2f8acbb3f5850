"""Published schemas are current, valid by their own standards, and compatible with released ones."""

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from pydantic import Field

from paidan_contracts.outcomes import OutcomeDecided
from paidan_contracts.schema_export.__main__ import render_files
from paidan_contracts.schema_export.asyncapi import asyncapi_document
from paidan_contracts.schema_export.compatibility import breaking_changes
from paidan_contracts.schema_export.schemas import event_models, model_schema
from paidan_contracts.wire import ShortText, Text
from tests.npm_packages import ensure_packages

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "contracts"
RELEASES = sorted(path for path in (CONTRACTS / "released").iterdir() if path.is_dir())


@cache
def current_schemas() -> dict[str, dict[str, Any]]:
    """Return today's schema of every event type; making them takes most of what these tests take."""
    return {kind: model_schema(model) for kind, model in event_models().items()}


@pytest.fixture(scope="session")
def asyncapi_schema() -> dict[str, Any]:
    """Return AsyncAPI's own JSON Schema, from its package."""
    file = ensure_packages() / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
    schema: dict[str, Any] = json.loads(file.read_text())
    return schema


def test_published_files_are_current() -> None:
    """Readers in other languages use the files and not our code."""
    committed = {
        str(path.relative_to(CONTRACTS)): path.read_text(encoding="utf-8")
        for path in [*CONTRACTS.glob("schemas/*.json"), CONTRACTS / "asyncapi.json"]
    }

    assert committed == render_files(), "run: .venv/bin/python -m paidan_contracts.schema_export contracts"


def test_asyncapi_document_is_valid_by_asyncapis_own_schema(asyncapi_schema: dict[str, Any]) -> None:
    problems = [
        f"{list(e.absolute_path)}: {e.message}"
        for e in Draft7Validator(asyncapi_schema).iter_errors(asyncapi_document())
    ]

    assert problems == []


def test_asyncapis_own_schema_refuses_an_invalid_document(asyncapi_schema: dict[str, Any]) -> None:
    broken = asyncapi_document()
    broken["operations"]["send_cases"]["action"] = "shout"

    assert list(Draft7Validator(asyncapi_schema).iter_errors(broken))


@pytest.mark.parametrize("kind", sorted(event_models()))
def test_schema_is_a_valid_json_schema(kind: str) -> None:
    Draft202012Validator.check_schema(current_schemas()[kind])


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_released_events_have_no_breaking_changes(release: Path) -> None:
    """An optional field may be added; any other change needs a new version of the event type."""
    current = current_schemas()
    broken: dict[str, object] = {}
    for path in sorted(release.glob("*.json")):
        if path.stem not in current:
            broken[path.stem] = "gone"
        elif changes := breaking_changes(json.loads(path.read_text()), current[path.stem]):
            broken[path.stem] = changes

    assert broken == {}


def test_event_types_newer_than_the_newest_release_are_announced_in_the_changelog() -> None:
    unreleased = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("\n## ")[1]
    newer = set(event_models()) - {path.stem for path in RELEASES[-1].glob("*.json")}

    assert {kind for kind in newer if f"`{kind}`" not in unreleased} == set()


class WithOptional(OutcomeDecided):
    hint: Text = ""


class WithRequired(OutcomeDecided):
    hint: Text


class WithOtherBounds(OutcomeDecided):
    repeats: ShortText | None = None


class WithOptionalFieldNowMissing(OutcomeDecided):
    decided_at: Any = None


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (WithOptional, []),
        (WithRequired, ["$.hint: now required"]),
        (WithOptionalFieldNowMissing, ["$.decided_at: no longer required"]),
    ],
)
def test_additions_are_not_breaking_changes(model: type[OutcomeDecided], expected: list[str]) -> None:
    changes = breaking_changes(model_schema(OutcomeDecided), model_schema(model))

    assert [line for line in changes if "required" in line] == expected


def test_changed_type_is_breaking() -> None:
    assert breaking_changes(model_schema(OutcomeDecided), model_schema(WithOtherBounds))


def test_breaking_change_in_a_nested_model_is_found() -> None:
    """Most fields of an event are in its state, several levels down."""
    released = current_schemas()["case.opened.v1"]
    changed = deepcopy(released)
    changed["$defs"]["Assignment"]["properties"]["department"]["maxLength"] = 3

    assert breaking_changes(released, changed)


def test_removing_a_field_is_breaking() -> None:
    changed = model_schema(OutcomeDecided)
    del changed["properties"]["why"]

    assert breaking_changes(model_schema(OutcomeDecided), changed) == ["$.why: removed"]


def test_descriptions_may_change() -> None:
    class Reworded(OutcomeDecided):
        """Other words."""

        case_id: str | None = Field(default=None, description="Reworded.", max_length=96)

    changes = breaking_changes(model_schema(OutcomeDecided), model_schema(Reworded))

    assert all("pattern" in line for line in changes), "only the removed pattern is breaking, not the description"
