"""`paidan prepare` and `paidan serve`: one process each, for containers, where something else supervises them."""

import asyncio
import os
import sys
from typing import Annotated

import typer

from paidan_deploy.citypacks.bootstrap import publish_missing_packs
from paidan_deploy.cli.app import example_epilog
from paidan_deploy.cli.output import console, print_errors
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning import database
from paidan_deploy.provisioning.clock import settle_clock
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.provisioning.topics import create_topics
from paidan_deploy.servers.dsn import dsn_for_role
from paidan_deploy.servers.ports import LOOPBACK
from paidan_deploy.services import SERVICES, ServiceConfig, ServiceName, service_environment, service_secrets
from paidan_deploy.stack.stack import Stack


def register(app: typer.Typer) -> None:
    """Add these commands to the `paidan` command."""
    app.command(epilog=example_epilog("PAIDAN_KAFKA=kafka:9092 PAIDAN_DATABASE=postgresql://... paidan prepare"))(
        prepare
    )
    app.command(epilog=example_epilog("paidan serve intake --host 0.0.0.0"))(serve)


@print_errors
def prepare() -> None:
    """Create roles, tables, topics and secrets on your own servers, publish the first city packs, and exit.

    It may be run again at any time; run it before each new release starts. Secrets are stored in PAIDAN_HOME/secrets.
    """
    stack = _stack_on_own_servers()
    asyncio.run(_prepare(stack))


async def _prepare(stack: Stack) -> None:
    for service in SERVICES:
        service_secrets(service, paths=stack.paths, credentials=stack.credentials)
    await database.prepare_database(stack.servers.dsn, stack.credentials)
    async with open_connection(stack.servers.dsn) as connection:
        await settle_clock(connection, stack.settings.clock, stack.settings.cities)
    await create_topics(stack.servers.cluster)
    messages = await publish_missing_packs(
        stack.settings.cities,
        dsn=stack.servers.dsn,
        kafka=stack.servers.cluster,
    )
    for message in messages:
        console.print(message)
    console.print("Ready: services can start.")


@print_errors
def serve(
    name: Annotated[ServiceName, typer.Argument(help="The service to run.")],
    host: Annotated[str, typer.Option(help="Address to listen on; by default loopback.")] = LOOPBACK,
) -> None:
    """Run one service on servers that `paidan prepare` has prepared, in the foreground."""
    stack = _stack_on_own_servers()
    service = next(each for each in SERVICES if each.name == name)
    config = ServiceConfig(
        kafka=stack.servers.bootstrap,
        database=dsn_for_role(stack.servers.dsn, service.role, stack.credentials.password(service.role)),
        topic_prefix=stack.settings.topic_prefix,
        port=service.port,
        host=host,
        clock=stack.settings.clock or "real",
        kafka_security=stack.settings,
    )
    env = service_environment(service, config, paths=stack.paths, credentials=stack.credentials)
    # A service must not have the database owner's DSN.
    os.execve(sys.executable, service.argv, {key: value for key, value in env.items() if key != "PAIDAN_DATABASE"})  # noqa: S606


def _stack_on_own_servers() -> Stack:
    stack = Stack.from_settings()
    if stack.settings.kafka is None or stack.settings.database is None:
        raise DeployError("set PAIDAN_KAFKA and PAIDAN_DATABASE; `paidan up` starts servers of its own")
    return stack
