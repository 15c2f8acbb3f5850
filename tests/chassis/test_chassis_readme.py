"""The service in the chassis's README can be copied and runs."""

import asyncio
import importlib
import re
import sys
from pathlib import Path
from typing import Final

import asyncpg
import pytest
from pydantic import SecretStr

from paidan_chassis import migrations
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from paidan_chassis.runtime import ProcessContext
from tests import vault
from tests.polling import poll

README: Final = Path(__file__).parents[2] / "services/chassis/README.md"
FILE: Final = re.compile(r"^`(\w+\.py)`\n\n```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def readme_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the README's files as the package that they import."""
    package = tmp_path / "paidan_library"
    package.mkdir()
    for name, content in FILE.findall(README.read_text(encoding="utf-8")):
        (package / name).write_text(content, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [each for each in sys.modules if each.partition(".")[0] == "paidan_library"]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("readme_package")
async def test_the_readme_service_opens_runs_and_stops(database: str) -> None:
    connection = await asyncpg.connect(database)
    await migrations.migrate(connection, "cities", [migrations.CITIES_MIGRATIONS])
    await connection.close()
    importlib.import_module("paidan_library.__main__")
    settings = importlib.import_module("paidan_library.settings").Settings(
        kafka="unused:9092", database=SecretStr(database), vault_key=SecretStr(vault.KEY), port=0
    )
    metrics = Metrics("library")
    process = ProcessContext("library", frozenset({"loop", "edge"}), metrics, Health(metrics))
    stop = asyncio.Event()

    async with importlib.import_module("paidan_library.app").build(settings, process) as parts:
        loop = asyncio.create_task(parts.loops["reminders"](stop))
        await poll(lambda: not process.health.unready_reasons(), what="the loop polls")
        stop.set()
        await loop

    assert settings.lends_for_days == 28
    assert parts.edge.title == "Library"
