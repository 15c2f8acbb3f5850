"""`paidan dead-letters list`, `show` and `redrive`."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from uuid import UUID

import typer

from paidan_chassis.consumer.dead_letters import (
    RedriveResult,
    StoredDeadLetter,
    decrypt,
    get,
    ids_to_redrive,
    list_dead_letters,
    redrive,
)
from paidan_chassis.consumer.record_content import RecordContent
from paidan_chassis.database import Connection
from paidan_chassis.kafka.producer import Publisher
from paidan_deploy.cli.app import example_epilog
from paidan_deploy.cli.output import console, print_errors, table
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.services import SERVICES, Service
from paidan_deploy.stack.stack import Stack
from paidan_deploy.stack.vault_keys import cipher_for, explain_decryption_errors

_LIST_LIMIT: Final = 1000
_REDRIVE_BATCH: Final = 100
StoredLetter = tuple[Service, StoredDeadLetter]
"""A dead letter, and the service that stored it."""


def register(app: typer.Typer) -> None:
    """Add these commands to the `paidan` command."""
    group = typer.Typer(help="Records that a service could not process: list, show, redrive.", no_args_is_help=True)
    group.command("list", epilog=example_epilog("paidan dead-letters list --all"))(list_command)
    group.command("show", epilog=example_epilog("paidan dead-letters show 3f2c... --value"))(show_command)
    group.command("redrive", epilog=example_epilog("paidan dead-letters redrive 3f2c..."))(redrive_command)
    app.add_typer(group, name="dead-letters")


@print_errors
def list_command(
    include_redriven: Annotated[bool, typer.Option("--all", help="Include those that were redriven already.")] = False,
) -> None:
    """List dead letters, oldest first. Record contents are not shown: they may hold personal data."""
    found = asyncio.run(_load_letters(pending_only=not include_redriven))
    rows = [
        (
            str(each.letter_id),
            service.name,
            f"{each.topic}-{each.partition}@{each.offset}",
            each.reason,
            each.detail,
            f"{each.dead_lettered_at:%m-%d %H:%M}",
            f"{each.redriven_at:%m-%d %H:%M}" if each.redriven_at else "",
        )
        for service, each in found
    ]
    titles = ("id", "service", "record", "reason", "detail", "dead-lettered", "redriven")
    console.print(table(titles, rows, unwrapped=("id",)) if rows else "No dead letters.")
    for name, number in Counter(service.name for service, _ in found).items():
        if number == _LIST_LIMIT:
            console.print(f"Only the oldest {_LIST_LIMIT:,} of {name} are shown; `redrive` reaches the others, too.")


@print_errors
def show_command(
    letter_id: Annotated[UUID, typer.Argument(metavar="ID", help="From `paidan dead-letters list`.")],
    value: Annotated[bool, typer.Option("--value", help="Show its value, too; it may hold personal data.")] = False,
) -> None:
    """Show a dead letter's origin, reason and headers. Needs the vault key of the service that stored it."""
    service, found = asyncio.run(_find_letter(letter_id))
    content = _decrypted(service, found)
    position = f"{found.topic}-{found.partition}@{found.offset}"
    console.print(f"{position}, dead-lettered by {service.name} ({found.consumer})", highlight=False)
    console.print(f"{found.reason}: {found.detail}", highlight=False, markup=False)
    for name, header in content.headers:
        console.print(
            f"  {_printable(name.encode(errors='surrogateescape'))}: {_printable(header)}",
            highlight=False,
            markup=False,
        )
    if value:
        console.print(_printable(content.value), highlight=False, markup=False, soft_wrap=True)


def _decrypted(service: Service, dead_letter: StoredDeadLetter) -> RecordContent:
    with explain_decryption_errors(service):
        return decrypt(dead_letter, cipher_for(service, Stack.current().credentials))


@print_errors
def redrive_command(
    letter_ids: Annotated[list[UUID] | None, typer.Argument(metavar="[ID]...", help="Which dead letters.")] = None,
    redrive_all: Annotated[bool, typer.Option("--all", help="All that were not redriven yet.")] = False,
) -> None:
    """Append records unchanged to the topics they came from, once the cause of their failure is fixed.

    Needs the vault keys of the services that stored them.
    """
    if not letter_ids and not redrive_all:
        raise DeployError("name dead letters, or use --all")
    result = asyncio.run(_redrive(letter_ids or None))
    for each, reason in result.skipped:
        console.print(
            f"{each.letter_id} ({each.topic}-{each.partition}@{each.offset}) {reason}", highlight=False, markup=False
        )
    console.print(f"{result.redriven} redriven.")
    if result.skipped:
        raise DeployError(f"{len(result.skipped)} could not be redriven")


async def _load_letters(*, pending_only: bool) -> list[StoredLetter]:
    async with open_connection(Stack.current().installation().database) as connection:
        return await _letters_of_all_services(connection, pending_only=pending_only)


async def _letters_of_all_services(connection: Connection, *, pending_only: bool) -> list[StoredLetter]:
    found: list[StoredLetter] = []
    for service in SERVICES:
        await connection.execute(f"SET search_path = {service.name}")
        letters = await list_dead_letters(connection, unredriven_only=pending_only, limit=_LIST_LIMIT)
        found += [(service, each) for each in letters]
    return found


async def _find_letter(letter_id: UUID) -> StoredLetter:
    async with open_connection(Stack.current().installation().database) as connection:
        for service in SERVICES:
            await connection.execute(f"SET search_path = {service.name}")
            if found := await get(connection, letter_id):
                return service, found
    raise DeployError(f"there is no dead letter {letter_id}")


async def _redrive(letter_ids: Sequence[UUID] | None) -> RedriveResult:
    """Redrive these, or all that were not redriven yet."""
    stack = Stack.current()
    async with open_connection(stack.installation().database) as connection:
        ids_by_service: dict[Service, Sequence[UUID]] = {}
        for service in SERVICES:
            await connection.execute(f"SET search_path = {service.name}")
            if found := await ids_to_redrive(connection, letter_ids):
                ids_by_service[service] = found
        if missing := set(letter_ids or ()) - {each for ids in ids_by_service.values() for each in ids}:
            raise DeployError(f"there is no dead letter {min(map(str, missing))}")
        return await _redrive_by_service(stack, connection, ids_by_service)


async def _redrive_by_service(
    stack: Stack, connection: Connection, ids_by_service: Mapping[Service, Sequence[UUID]]
) -> RedriveResult:
    installation = stack.installation()
    ciphers = {service: cipher_for(service, stack.credentials) for service in ids_by_service}
    total = RedriveResult(0, [])
    async with Publisher(installation.cluster, client_id="paidan-redrive") as publisher:
        for service, letters in ids_by_service.items():
            await connection.execute(f"SET search_path = {service.name}")
            for start in range(0, len(letters), _REDRIVE_BATCH):
                batch = letters[start : start + _REDRIVE_BATCH]
                with explain_decryption_errors(service):
                    result = await redrive(connection, publisher, batch, cipher=ciphers[service])
                total = RedriveResult(total.redriven + result.redriven, total.skipped + result.skipped)
    return total


def _printable(data: bytes | None) -> str:
    return "(null)" if data is None else data.decode(errors="backslashreplace")
