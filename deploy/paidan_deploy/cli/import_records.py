"""`paidan import`."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from paidan_chassis.database import FAULTS, retrying
from paidan_deploy.citypacks import queries
from paidan_deploy.cli.app import (
    err,
    example,
    out,
    said_plainly,
)
from paidan_deploy.errors import DeployError
from paidan_deploy.importing import run
from paidan_deploy.importing.csv_rows import Unreadable
from paidan_deploy.importing.report import ImportReport
from paidan_deploy.importing.send import Doors
from paidan_deploy.provisioning.api_keys import connected, grant, revoke
from paidan_deploy.stack.stack import Installation, Stack

SCOPES = ("role:importer", "backdate")
AGAIN: Final = "run it again, nothing will count twice"
TAKEN_BACK_WITHIN_S: Final = 15.0


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
    with faults_said_plainly(file, mapping):
        report = asyncio.run(_import(stack.installation(), file, (city, mapping), matching=not no_matching))
    path = stack.home.root / "imports" / f"{file.stem}-{mapping}.json"
    report.write(path)
    for line in report.summary():
        out.print(line, highlight=False, markup=False)
    out.print(f"{time.monotonic() - began:.1f} s; every line is listed in {path}", highlight=False, soft_wrap=True)


@contextmanager
def faults_said_plainly(file: Path, mapping: str) -> Iterator[None]:
    """Say in one line why an import broke off. Raises ``DeployError`` in the place of what went wrong."""
    try:
        yield
    except Unreadable as error:
        raise DeployError(f"{file.name} cannot be read by mapping {mapping}: {error}") from error
    except httpx.HTTPError as error:
        raise DeployError(f"a service did not answer ({_first_line(error)}); {AGAIN}") from error
    except FAULTS as error:
        raise DeployError(f"the import broke off ({_first_line(error)}); {AGAIN}") from error


def _first_line(error: BaseException) -> str:
    said = str(error).splitlines()
    return said[0] if said and said[0] else type(error).__name__


async def _import(at: Installation, file: Path, chosen: tuple[str, str], *, matching: bool) -> ImportReport:
    city_id, mapping_id = chosen
    async with connected(at.database) as connection:
        city = await queries.newest(connection, city_id)
    if mapping_id not in city.imports:
        known = ", ".join(sorted(city.imports)) or "none"
        raise DeployError(f"{city_id}'s pack has no mapping {mapping_id}; it has: {known}")
    job = run.Job(file, city, city.imports[mapping_id], matching)
    async with lent_key(at.database, city_id) as token:
        return await _shown(job, Doors(at.url("intake"), at.url("dispatch"), token))


@asynccontextmanager
async def lent_key(dsn: str, city: str) -> AsyncIterator[str]:
    """Give a key that may backdate, for as long as the import runs; no connection is held meanwhile."""
    async with connected(dsn) as connection:
        token, key_id = await grant(connection, name="import", city=city, scopes=SCOPES)
    try:
        yield token
    finally:
        await _take_back(dsn, key_id)


async def _take_back(dsn: str, key_id: str) -> None:
    async def revoked() -> bool:
        async with connected(dsn) as connection:
            return await revoke(connection, key_id)

    try:
        await retrying(revoked, within_s=TAKEN_BACK_WITHIN_S)
    except FAULTS as error:
        # Not raised: it would hide the import's result, or why the import broke off.
        todo = f"it can be used until `paidan keys revoke {key_id}`"
        err.print(
            f"paidan: the import's key was not revoked ({_first_line(error)}); {todo}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


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
