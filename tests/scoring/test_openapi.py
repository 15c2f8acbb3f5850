"""The published OpenAPI document is current."""

from pathlib import Path

from paidan_scoring.openapi import document

PUBLISHED = Path(__file__).parents[2] / "contracts" / "openapi" / "scoring.json"


def test_the_published_document_is_current() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == document()
