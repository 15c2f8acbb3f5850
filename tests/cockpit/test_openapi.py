"""The published OpenAPI document is current, and has no page for people."""

from pathlib import Path

from paidan_cockpit.openapi import document

PUBLISHED = Path(__file__).parents[2] / "contracts" / "openapi" / "cockpit.json"


def test_the_published_document_is_current() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == document()
