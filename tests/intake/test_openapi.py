"""The published OpenAPI document agrees with the routes."""

from pathlib import Path

from paidan_intake.openapi import document

PUBLISHED = Path(__file__).parents[2] / "contracts" / "openapi" / "intake.json"


def test_the_published_document_is_current() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == document()
