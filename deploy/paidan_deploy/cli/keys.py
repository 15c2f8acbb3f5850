"""`paidan keys add`, `list` and `revoke`."""

import asyncio
from typing import Annotated

import typer

from paidan_chassis.edge.api_keys import ApiKey
from paidan_contracts.scopes import InvalidScope
from paidan_deploy.cli.app import example_epilog
from paidan_deploy.cli.output import console, print_errors, table
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.api_keys import all_keys, create_key, revoke_everywhere
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.stack.stack import Stack


def register(app: typer.Typer) -> None:
    """Add these commands to the `paidan` command."""
    keys = typer.Typer(help="API keys: which clients may call the services, with which scopes.", no_args_is_help=True)
    keys.command("add", epilog=example_epilog("paidan keys add --name hotline --city quancheng source:hotline-12345"))(
        add_command
    )
    keys.command("list", epilog=example_epilog("paidan keys list"))(list_command)
    keys.command("revoke", epilog=example_epilog("paidan keys revoke key_0123456789abcdef"))(revoke_command)
    app.add_typer(keys, name="keys")


@print_errors
def add_command(
    scopes: Annotated[
        list[str],
        typer.Argument(
            help="source:<id>, department:<id>, backdate,"
            " role:<inspector|caller|operator|monitor|importer|privacy_officer>"
        ),
    ],
    name: Annotated[str, typer.Option(help="Holder of the key; shown in the list.")],
    city: Annotated[str, typer.Option(help="City id, or * for all cities.")],
) -> None:
    """Create a key and print its token, once: only a hash of it is stored."""
    try:
        token, key_id = asyncio.run(_create_key(scopes, name, city))
    except InvalidScope as error:
        raise DeployError(str(error)) from error
    console.print(f"{key_id}  {token}", highlight=False, soft_wrap=True)


async def _create_key(scopes: list[str], name: str, city: str) -> tuple[str, str]:
    async with open_connection(Stack.current().installation().database) as connection:
        return await create_key(connection, name=name, city=city, scopes=scopes)


@print_errors
def list_command() -> None:
    """List every key with its scopes; tokens are not stored."""
    titles = ("key", "name", "city", "scopes", "created", "revoked")
    console.print(
        table(titles, [_key_row(key) for key in asyncio.run(_load_keys())], unwrapped=("key", "name", "city"))
    )


def _key_row(key: ApiKey) -> tuple[str, ...]:
    revoked = f"{key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else ""
    return key.key_id, key.name, key.city, " ".join(key.scopes), f"{key.created_at:%Y-%m-%d %H:%M}", revoked


async def _load_keys() -> list[ApiKey]:
    async with open_connection(Stack.current().installation().database) as connection:
        return await all_keys(connection)


@print_errors
def revoke_command(key_id: Annotated[str, typer.Argument(help="The key's id, from `paidan keys list`.")]) -> None:
    """Revoke a key; running services refuse it within seconds."""
    if not asyncio.run(_revoke_key(key_id)):
        raise DeployError(f"there is no key {key_id}")
    console.print(f"{key_id} is revoked.")


async def _revoke_key(key_id: str) -> bool:
    async with open_connection(Stack.current().installation().database) as connection:
        return await revoke_everywhere(connection, key_id)
