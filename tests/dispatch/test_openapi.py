"""The published OpenAPI document is current."""

from pathlib import Path

from paidan_dispatch.openapi import document

PUBLISHED = Path(__file__).parents[2] / "contracts" / "openapi" / "dispatch.json"


def test_the_published_document_is_current() -> None:
    assert PUBLISHED.read_text(encoding="utf-8") == document()
