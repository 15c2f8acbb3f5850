"""`paidan verify`."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from paidan_deploy.cli.app import example, out, said_plainly
from paidan_deploy.conservation.checks import Balance
from paidan_deploy.conservation.log_reader import Logs
from paidan_deploy.conservation.run import Ground, NotSettledError, check
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.api_keys import connected
from paidan_deploy.stack.stack import Stack


def register(app: typer.Typer) -> None:
    """Put this command into the `paidan` command."""
    app.command(epilog=example("paidan verify --json"))(verify)


@said_plainly
def verify(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Check that nothing was lost and nothing counted twice: the logs against every table. Exit status 1 if not.

    It reads the whole inbox and everything that came of it, so it takes longer the more there is.
    """
    try:
        found = asyncio.run(verified(Stack.here()))
    except NotSettledError as error:
        raise DeployError(f"{error}; `paidan status` may say why") from error
    if as_json:
        out.print_json(json.dumps(asdict(found) | {"holds": found.holds, "line": found.line}), highlight=False)
    else:
        show(found)
    if not found.holds:
        raise typer.Exit(1)


async def verified(stack: Stack) -> Balance:
    """Check a running installation."""
    at = stack.installation()
    async with connected(at.database) as connection:
        return await check(Ground(Logs(at.kafka, at.topic_prefix), connection, stack.home.photos))


def show(found: Balance) -> None:
    """Print each claim, what speaks against it, what else is to be seen, and the line that sums up."""
    for claim in found.claims:
        mark = "[green]holds[/green]" if claim.holds else "[red]FAILS[/red]"
        of = f"{claim.counted}" if claim.holds else f"{claim.against} against, of {claim.counted}"
        out.print(f"{mark}  {claim.name} ({of})", highlight=False)
        _examples(claim.examples, claim.against)
    for remark in found.remarks:
        if remark.found:
            out.print(f"[yellow]note[/yellow]   {remark.name} ({remark.found} of {remark.counted})", highlight=False)
            _examples(remark.examples, remark.found)
    out.print(found.line, highlight=False, style="bold" if found.adds_up else "bold red")
    if failing := sum(not claim.holds for claim in found.claims):
        out.print(f"{failing} of {len(found.claims)} claims FAIL", highlight=False, style="bold red")


def _examples(examples: Sequence[str], of: int) -> None:
    for each in examples:
        out.print(f"       {each}", highlight=False, markup=False)
    if of > len(examples):
        out.print(f"       and {of - len(examples)} more", highlight=False)
