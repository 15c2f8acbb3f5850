"""The published OpenAPI document agrees with the routes, and says all that they accept."""

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from paidan_intake.api.models import Alarm
from paidan_intake.openapi import document
from paidan_intake.tickets import Ticket
from tests.intake.test_alarm_doors import ACCEPTED
from tests.intake.test_alarms import build_alarm
from tests.intake.test_resolution import ABSENT

ROOT: Final = Path(__file__).parents[2]
PUBLISHED: Final = ROOT / "contracts" / "openapi" / "intake.json"
TICKETS: Final[list[dict[str, Any]]] = [
    *({"source_ref": "a", field: value} for field, values in ABSENT.items() for value in values),
    {"source_ref": 2026030200017, "category": 887, "district": 990101, "text": 1, "matter": "grumble"},
    {"source_ref": "a", "occurred_at": "2026-03-02T09:30:00"},
    {"source_ref": "a", "occurred_at": "2026-03-02 9:30 -8:00"},
    {"source_ref": "a", "position": {"x": 117.0, "y": 36, "crs": "GCJ-02"}, "reporter": {"phone": 13812345678}},
]


def errors(schema: str, body: dict[str, Any]) -> list[str]:
    """Return what the published schema has against a body."""
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    validator = Draft202012Validator({**published, "$ref": f"#/components/schemas/{schema}"})
    return [error.message for error in validator.iter_errors(body)]


def test_the_published_document_is_current() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == document()


@pytest.mark.parametrize("path", ["README.md", "services/intake/README.md"])
def test_the_first_example_of_the_readme_is_what_the_document_says(path: str) -> None:
    [example, *_] = re.findall(r"-d '(\{.*?\})'", (ROOT / path).read_text(encoding="utf-8"), re.DOTALL)

    assert errors("Ticket", json.loads(example)) == []


@pytest.mark.parametrize("body", TICKETS, ids=str)
def test_every_ticket_that_is_accepted_is_in_the_document(body: dict[str, Any]) -> None:
    Ticket.model_validate_json(json.dumps(body))

    assert errors("Ticket", body) == []


@pytest.mark.parametrize("name", ACCEPTED)
def test_every_alarm_that_is_accepted_is_in_the_document(name: str) -> None:
    body = build_alarm("c") | ACCEPTED[name]
    Alarm.model_validate_json(json.dumps(body))

    assert errors("Alarm", body) == []


@pytest.mark.parametrize("body", [{}, {"source_ref": "a", "sauce_ref": "b"}, {"source_ref": ["a"]}])
def test_what_is_refused_is_not_in_the_document(body: dict[str, Any]) -> None:
    assert errors("Ticket", body) != []
