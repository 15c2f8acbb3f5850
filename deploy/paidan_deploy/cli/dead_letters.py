"""`paidan dead-letters list`, `show` and `redrive`."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Final
from uuid import UUID

import typer

from paidan_chassis.consumer.dead_letters import (
    DeadLetter,
    Redriven,
    kept,
    letter,
    opened,
    redrive,
    to_put_back,
)
from paidan_chassis.consumer.record_content import Carried
from paidan_chassis.kafka.cluster import Kafka
from paidan_chassis.kafka.producer import Publisher
from paidan_deploy.cli.app import (
    example,
    listing,
    out,
    said_plainly,
)
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.api_keys import Connection, connected
from paidan_deploy.provisioning.database import shape
from paidan_deploy.stack.services import SERVICES, Service
from paidan_deploy.stack.stack import Stack
from paidan_deploy.stack.vault_keys import cipher_of, opening

_SHOWN: Final = 1000
_AT_ONCE: Final = 100
Found = tuple[Service, DeadLetter]
"""A dead letter, and the service that keeps it."""


def register(app: typer.Typer) -> None:
    """Put these commands into the `paidan` command."""
    letters = typer.Typer(help="Records that were set aside, why, and how to put them back.", no_args_is_help=True)
    letters.command("list", epilog=example("paidan dead-letters list --all"))(show_all)
    letters.command("show", epilog=example("paidan dead-letters show 3f2c... --value"))(show)
    letters.command("redrive", epilog=example("paidan dead-letters redrive 3f2c..."))(put_back)
    app.add_typer(letters, name="dead-letters")


@said_plainly
def show_all(
    everything: Annotated[bool, typer.Option("--all", help="Those that were put back already, too.")] = False,
) -> None:
    """List what was set aside, oldest first. What the records say is not shown: it may be about people."""
    found = asyncio.run(_all(waiting_only=not everything))
    rows = [
        (
            str(each.letter_id),
            service.name,
            f"{each.topic}-{each.partition}@{each.offset}",
            each.reason,
            each.detail,
            f"{each.buried_at:%m-%d %H:%M}",
            f"{each.redriven_at:%m-%d %H:%M}" if each.redriven_at else "",
        )
        for service, each in found
    ]
    titles = ("id", "service", "record", "reason", "detail", "set aside", "put back")
    out.print(listing(titles, rows, whole=("id",)) if rows else "No dead letters.")
    for name, number in Counter(service.name for service, _ in found).items():
        if number == _SHOWN:
            out.print(f"Of {name} the oldest {_SHOWN:,} are shown; `redrive` finds the others, too.")


@said_plainly
def show(
    named: Annotated[UUID, typer.Argument(metavar="ID", help="From `paidan dead-letters list`.")],
    value: Annotated[bool, typer.Option("--value", help="What the record says, too. It may be about people.")] = False,
) -> None:
    """Show one: where it came from, why it was set aside, its headers. It takes the key of the service that has it."""
    service, found = asyncio.run(_one(named))
    carried = _opened(service, found)
    place = f"{found.topic}-{found.partition}@{found.offset}"
    out.print(f"{place}, set aside by {service.name} ({found.consumer})", highlight=False)
    out.print(f"{found.reason}: {found.detail}", highlight=False, markup=False)
    for name, header in carried.headers:
        out.print(f"  {_text(name.encode(errors='surrogateescape'))}: {_text(header)}", highlight=False, markup=False)
    if value:
        out.print(_text(carried.value), highlight=False, markup=False, soft_wrap=True)


def _opened(service: Service, found: DeadLetter) -> Carried:
    with opening(service):
        return opened(found, cipher_of(service, Stack.here().credentials))


@said_plainly
def put_back(
    named: Annotated[list[UUID] | None, typer.Argument(metavar="[ID]...", help="Which ones.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that were not put back yet.")] = False,
) -> None:
    """Append records again to the topics they came from, as they were, once what was wrong with them is mended.

    It takes the keys of the services that have them.
    """
    if not named and not everything:
        raise DeployError("name dead letters, or say --all")
    result = asyncio.run(_redrive(named or None))
    for each, why in result.left:
        out.print(
            f"{each.letter_id} ({each.topic}-{each.partition}@{each.offset}) {why}", highlight=False, markup=False
        )
    out.print(f"{result.done} put back.")
    if result.left:
        raise DeployError(f"{len(result.left)} could not be put back")


async def _all(*, waiting_only: bool) -> list[Found]:
    async with connected(Stack.here().installation().database) as connection:
        return await _kept(connection, waiting_only=waiting_only)


async def _kept(connection: Connection, *, waiting_only: bool) -> list[Found]:
    found: list[Found] = []
    for service in SERVICES:
        await connection.execute(f"SET search_path = {service.name}")
        letters = await kept(connection, waiting_only=waiting_only, limit=_SHOWN)
        found += [(service, each) for each in letters]
    return found


async def _one(named: UUID) -> Found:
    async with connected(Stack.here().installation().database) as connection:
        for service in SERVICES:
            await connection.execute(f"SET search_path = {service.name}")
            if found := await letter(connection, named):
                return service, found
    raise DeployError(f"no dead letter is called {named}")


async def _redrive(named: Sequence[UUID] | None) -> Redriven:
    """Put these back, or all that wait."""
    stack = Stack.here()
    async with connected(stack.installation().database) as connection:
        wanted: dict[Service, Sequence[UUID]] = {}
        for service in SERVICES:
            await connection.execute(f"SET search_path = {service.name}")
            if found := await to_put_back(connection, named):
                wanted[service] = found
        if missing := set(named or ()) - {each for some in wanted.values() for each in some}:
            raise DeployError(f"no dead letter is called {min(map(str, missing))}")
        return await _put_back(stack, connection, wanted)


async def _put_back(stack: Stack, connection: Connection, wanted: Mapping[Service, Sequence[UUID]]) -> Redriven:
    at = stack.installation()
    ciphers = {service: cipher_of(service, stack.credentials) for service in wanted}
    total = Redriven(0, [])
    async with Publisher(Kafka(at.kafka, at.topic_prefix, shape=shape), client_id="paidan-redrive") as publisher:
        for service, letters in wanted.items():
            await connection.execute(f"SET search_path = {service.name}")
            for start in range(0, len(letters), _AT_ONCE):
                chosen = letters[start : start + _AT_ONCE]
                with opening(service):
                    part = await redrive(connection, publisher, chosen, cipher=ciphers[service])
                total = Redriven(total.done + part.done, total.left + part.left)
    return total


def _text(data: bytes | None) -> str:
    return "(nothing)" if data is None else data.decode(errors="backslashreplace")
