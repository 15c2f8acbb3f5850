"""Write the schemas and the AsyncAPI document into a folder."""

import json
import sys
from pathlib import Path

from paidan_contracts.schema_export.asyncapi import document
from paidan_contracts.schema_export.schemas import event_models, schema_of


def rendered() -> dict[str, str]:
    """Give every published file's text by its name within the folder."""
    texts = {f"schemas/{kind}.json": schema_of(model) for kind, model in event_models().items()}
    texts["asyncapi.json"] = document()
    return {name: json.dumps(text, ensure_ascii=False, indent=2, sort_keys=True) + "\n" for name, text in texts.items()}


def main(folder: Path) -> None:
    """Write what is missing or out of date and remove schemas of types that are gone."""
    texts = rendered()
    for stale in set(folder.glob("schemas/*.json")) - {folder / name for name in texts}:
        stale.unlink()
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
