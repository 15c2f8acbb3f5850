"""Writes the JSON Schemas and the AsyncAPI document into a folder."""

import json
import sys
from pathlib import Path

from paidan_contracts.schema_export.asyncapi import asyncapi_document
from paidan_contracts.schema_export.schemas import event_models, model_schema


def render_files() -> dict[str, str]:
    """Return the text of every published file by its name within the folder."""
    documents = {f"schemas/{kind}.json": model_schema(model) for kind, model in event_models().items()}
    documents["asyncapi.json"] = asyncapi_document()
    return {
        name: json.dumps(document_content, ensure_ascii=False, indent=2, sort_keys=True) + "\n"
        for name, document_content in documents.items()
    }


def main(folder: Path) -> None:
    """Write every file, and remove schemas of event types that no longer exist."""
    files = render_files()
    for outdated in set(folder.glob("schemas/*.json")) - {folder / name for name in files}:
        outdated.unlink()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
