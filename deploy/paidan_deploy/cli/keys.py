"""`paidan keys add`, `list` and `revoke`."""

import asyncio
from typing import Annotated

import typer

from paidan_chassis.edge.api_keys import BadKey, Key
from paidan_deploy.cli.app import (
    example,
    listing,
    out,
    said_plainly,
)
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.api_keys import (
    connected,
    grant,
    listed,
    revoke,
)
from paidan_deploy.stack.stack import Stack


def register(app: typer.Typer) -> None:
    """Put these commands into the `paidan` command."""
    keys = typer.Typer(help="API keys: who may speak, and as whom.", no_args_is_help=True)
    keys.command("add", epilog=example("paidan keys add --name hotline --city quancheng source:hotline-12345"))(add)
    keys.command("list", epilog=example("paidan keys list"))(show)
    keys.command("revoke", epilog=example("paidan keys revoke key_0123456789abcdef"))(take_back)
    app.add_typer(keys, name="keys")


@said_plainly
def add(
    scopes: Annotated[
        list[str],
        typer.Argument(
            help="source:<id>, department:<id>, role:<inspector|caller|operator|monitor|importer>, backdate"
        ),
    ],
    name: Annotated[str, typer.Option(help="Who holds it, for your own list.")],
    city: Annotated[str, typer.Option(help="City id, or * for all of them.")],
) -> None:
    """Make a key and print its token, once: only a hash of it is kept."""
    try:
        token, key_id = asyncio.run(_add(scopes, name, city))
    except BadKey as error:
        raise DeployError(str(error)) from error
    out.print(f"{key_id}  {token}", highlight=False, soft_wrap=True)


async def _add(scopes: list[str], name: str, city: str) -> tuple[str, str]:
    async with connected(Stack.here().installation().database) as connection:
        return await grant(connection, name=name, city=city, scopes=scopes)


@said_plainly
def show() -> None:
    """List every key with its scopes; tokens are not kept."""
    titles = ("key", "name", "city", "scopes", "made", "revoked")
    out.print(listing(titles, [_row(key) for key in asyncio.run(_listed())], whole=("key", "name", "city")))


def _row(key: Key) -> tuple[str, ...]:
    revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
    return key.key_id, key.name, key.city, " ".join(key.scopes), f"{key.created_at:%Y-%m-%d %H:%M}", revoked


async def _listed() -> list[Key]:
    async with connected(Stack.here().installation().database) as connection:
        return await listed(connection)


@said_plainly
def take_back(key_id: Annotated[str, typer.Argument(help="The key's id, from `paidan keys list`.")]) -> None:
    """Revoke a key; running services obey within seconds."""
    if not asyncio.run(_revoke(key_id)):
        raise DeployError(f"no key is called {key_id}")
    out.print(f"{key_id} is revoked.")


async def _revoke(key_id: str) -> bool:
    async with connected(Stack.here().installation().database) as connection:
        return await revoke(connection, key_id)
