"""`paidan import`."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import httpx
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from paidan_deploy import published_packs
from paidan_deploy.cli import err, example, out, said_plainly
from paidan_deploy.errors import DeployError
from paidan_deploy.importing import run
from paidan_deploy.importing.report import ImportReport
from paidan_deploy.importing.sending import Doors
from paidan_deploy.keyring import Connection, connected, grant, revoke
from paidan_deploy.stack import Installation, Stack

SCOPES = ("role:importer", "backdate")


def register(app: typer.Typer) -> None:
    """Put this command into the `paidan` command."""
    app.command("import", epilog=example("paidan import records.csv --city losangeles --mapping myla311"))(take_in)


@said_plainly
def take_in(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A file of records.")],
    city: Annotated[str, typer.Option(help="Whose records they are: a published city.")],
    mapping: Annotated[str, typer.Option(help="How to read them: a mapping of that city's pack.")],
    no_matching: Annotated[bool, typer.Option("--no-matching", help="Merge no records with each other.")] = False,
) -> None:
    """Take records of the past in as reports and actions at their own times. Run again, it changes nothing.

    Nothing is sent to departments, no timer starts, and records are matched with each other alone.
    """
    stack = Stack.here()
    began = time.monotonic()
    try:
        report = asyncio.run(_import(stack.installation(), file, (city, mapping), matching=not no_matching))
    except KeyError as error:
        raise DeployError(f"{file.name} has no column {error.args[0]}, which mapping {mapping} names") from error
    except httpx.HTTPError as error:
        raise DeployError(f"a service did not answer ({error}); run it again, nothing will count twice") from error
    except TimeoutError as error:
        raise DeployError("dispatch decided nothing for a minute; `paidan status` may say why") from error
    path = stack.home.root / "imports" / f"{file.stem}-{mapping}.json"
    report.write(path)
    for line in report.summary():
        out.print(line, highlight=False, markup=False)
    out.print(f"{time.monotonic() - began:.1f} s; every line is listed in {path}", highlight=False, soft_wrap=True)


async def _import(at: Installation, file: Path, chosen: tuple[str, str], *, matching: bool) -> ImportReport:
    city_id, mapping_id = chosen
    async with connected(at.database) as connection:
        city = await published_packs.newest(connection, city_id)
        if mapping_id not in city.imports:
            known = ", ".join(sorted(city.imports)) or "none"
            raise DeployError(f"{city_id}'s pack has no mapping {mapping_id}; it has: {known}")
        job = run.Job(file, city, city.imports[mapping_id], matching)
        async with _key(connection, city_id) as token:
            return await _shown(job, Doors(at.url("intake"), at.url("dispatch"), token))


@asynccontextmanager
async def _key(connection: Connection, city: str) -> AsyncIterator[str]:
    """Give a key that may backdate, for as long as the import runs."""
    token, key_id = await grant(connection, name="import", city=city, scopes=SCOPES)
    try:
        yield token
    finally:
        await revoke(connection, key_id)


async def _shown(job: run.Job, doors: Doors) -> ImportReport:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as bars:
        sending, deciding = bars.add_task("sent"), bars.add_task("decided")

        def found(steps: int) -> None:
            bars.update(sending, total=steps)
            bars.update(deciding, total=steps)

        progress = run.Progress(
            found=found,
            sent=lambda some: bars.advance(sending, some),
            decided=lambda some: bars.advance(deciding, some),
        )
        return await run.run(job, doors, progress)
