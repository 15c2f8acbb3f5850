"""Puts dead letters of several services back, a batch at a time."""

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from paidan_chassis.consumer.dead_letters import load_ids_to_redrive
from paidan_chassis.consumer.redrive import NOT_WAITING, RedriveResult, redrive
from paidan_chassis.database import Connection
from paidan_chassis.kafka.producer import Publisher
from paidan_deploy.cli.letter_ids import find_ids
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.services import SERVICES, Service
from paidan_deploy.stack.stack import Stack
from paidan_deploy.stack.vault_keys import cipher_for, explain_decryption_errors

_REDRIVE_BATCH: Final = 100


async def redrive_letters(letter_ids: Sequence[str] | None) -> RedriveResult:
    """Redrive these, or all that wait."""
    stack = Stack.current()
    async with open_connection(stack.installation().database) as connection:
        ids_by_service: Mapping[Service, Sequence[UUID]]
        if letter_ids is not None:
            ids_by_service = await find_ids(connection, letter_ids)
            return await _redrive_by_service(stack, connection, ids_by_service, waiting_only=False)
        ids_by_service = await _waiting_ids(connection)
        result = await _redrive_by_service(stack, connection, ids_by_service, waiting_only=True)
        # What somebody else has redriven or dropped since is no failure of this one.
        return result._replace(skipped=[each for each in result.skipped if each[1] is not NOT_WAITING])


async def _waiting_ids(connection: Connection) -> dict[Service, Sequence[UUID]]:
    ids_by_service: dict[Service, Sequence[UUID]] = {}
    for service in SERVICES:
        await connection.execute(f"SET search_path = {service.name}")
        if found := await load_ids_to_redrive(connection, None):
            ids_by_service[service] = found
    return ids_by_service


async def _redrive_by_service(
    stack: Stack,
    connection: Connection,
    ids_by_service: Mapping[Service, Sequence[UUID]],
    *,
    waiting_only: bool,
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
                    result = await redrive(
                        connection, publisher, batch, cipher=ciphers[service], waiting_only=waiting_only
                    )
                total = RedriveResult(
                    total.redriven + result.redriven, total.skipped + result.skipped, result.stopped_at
                )
                if total.stopped_at:
                    return total
    return total
