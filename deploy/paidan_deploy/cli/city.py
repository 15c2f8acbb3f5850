"""`paidan city check` and `publish`."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from paidan_chassis.clock import real_now
from paidan_contracts.city import InvalidPack, Pack, pack_version
from paidan_deploy.citypacks.check import CheckedPack, calendar_warning, check_folder, summarize
from paidan_deploy.citypacks.publish import PublishedPack, publish
from paidan_deploy.cli.app import example_epilog
from paidan_deploy.cli.output import console, error_console, print_errors
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.stack.stack import Installation, Stack

PackFolder = Annotated[
    Path, typer.Argument(exists=True, file_okay=False, help="The pack: a folder with city.toml in it.")
]


def register(app: typer.Typer) -> None:
    """Add these commands to the `paidan` command."""
    city = typer.Typer(help="City packs: everything that is specific to one city, as files.", no_args_is_help=True)
    city.command("check", epilog=example_epilog("paidan city check deploy/cities/quancheng"))(check_command)
    city.command("publish", epilog=example_epilog("paidan city publish deploy/cities/quancheng"))(publish_command)
    app.add_typer(city, name="city")


@print_errors
def check_command(folder: PackFolder) -> None:
    """Print file, line and field of every mistake in a pack. Exit status 1 if there is one."""
    pack = _valid_or_exit(check_folder(folder))
    console.print(f"{pack.id}: {summarize(pack)}", highlight=False)
    console.print(f"version {pack_version(pack.canonical_bytes())}", highlight=False)
    if note := calendar_warning(pack, real_now().date()):
        error_console.print(f"note: {note}", highlight=False)


@print_errors
def publish_command(folder: PackFolder) -> None:
    """Check a pack and put it in force: services use it from then on, earlier decisions stay as they are."""
    pack = _valid_or_exit(check_folder(folder))
    published = asyncio.run(_publish(Stack.current().installation(), pack))
    counts = f"{published.departments} departments, {published.partitions} partitions notified"
    console.print(f"{published.city} is in force under version {published.version[:12]}: {counts}", highlight=False)


def _valid_or_exit(checked: CheckedPack) -> Pack:
    try:
        return checked.valid_pack()
    except InvalidPack as error:
        for mistake in error.diagnostics:
            console.print(str(mistake), highlight=False, markup=False, soft_wrap=True)
        error_console.print(f"{len(error.diagnostics)} mistakes", highlight=False)
        raise typer.Exit(1) from error


async def _publish(installation: Installation, pack: Pack) -> PublishedPack:
    async with open_connection(installation.database) as connection:
        return await publish(connection, installation.cluster, pack)
