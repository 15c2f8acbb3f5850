"""`paidan city check` and `publish`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from paidan_chassis.clock import real_now
from paidan_chassis.kafka.cluster import Kafka
from paidan_contracts.city import Pack, Unfit, version_of
from paidan_deploy.citypacks.check import (
    Checked,
    calendar_note,
    check_folder,
    summary,
)
from paidan_deploy.citypacks.publish import Published, publish
from paidan_deploy.cli.app import (
    err,
    example,
    out,
    said_plainly,
)
from paidan_deploy.provisioning.api_keys import connected
from paidan_deploy.provisioning.database import shape
from paidan_deploy.stack.stack import Installation, Stack

Folder = Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The pack: a folder with city.toml in it.")]


def register(app: typer.Typer) -> None:
    """Put these commands into the `paidan` command."""
    city = typer.Typer(help="City packs: all that makes a city a city, as files.", no_args_is_help=True)
    city.command("check", epilog=example("paidan city check deploy/cities/quancheng"))(check)
    city.command("publish", epilog=example("paidan city publish deploy/cities/quancheng"))(put_in_force)
    app.add_typer(city, name="city")


@said_plainly
def check(folder: Folder) -> None:
    """Name file, line and field of every mistake in a pack; the status is 1 when there is one."""
    pack = _fit(check_folder(folder))
    out.print(f"{pack.id}: {summary(pack)}", highlight=False)
    out.print(f"version {version_of(pack.canonical())}", highlight=False)
    if note := calendar_note(pack, real_now().date()):
        err.print(f"note: {note}", highlight=False)


@said_plainly
def put_in_force(folder: Folder) -> None:
    """Check a pack and put it in force: services obey from there on, what was decided stays decided."""
    pack = _fit(check_folder(folder))
    done = asyncio.run(_publish(Stack.here().installation(), pack))
    told = f"{done.departments} departments, {done.lanes} lanes told"
    out.print(f"{done.city} is in force under version {done.version[:12]}: {told}", highlight=False)


def _fit(checked: Checked) -> Pack:
    try:
        return checked.fit()
    except Unfit as unfit:
        for mistake in unfit.mistakes:
            out.print(str(mistake), highlight=False, markup=False, soft_wrap=True)
        err.print(f"{len(unfit.mistakes)} mistakes", highlight=False)
        raise typer.Exit(1) from unfit


async def _publish(installation: Installation, pack: Pack) -> Published:
    kafka = Kafka(installation.kafka, installation.topic_prefix, shape=shape)
    async with connected(installation.database) as connection:
        return await publish(connection, kafka, pack)
