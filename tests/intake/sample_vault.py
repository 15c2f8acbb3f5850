"""Tickets for the vault, requests for what it keeps of them, and its table by itself."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import httpx
from pydantic import SecretStr

from paidan_chassis import migrations
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.encryption import SealedContent
from paidan_deploy.provisioning.connection import open_connection
from paidan_intake.vault import Binding
from tests.intake.intake_service import IntakeService
from tests.intake.ticket_payloads import build_ticket

NEEDED = {"reason": "核实上报内容"}


async def send(intake: IntakeService, **body: object) -> str:
    """Send a ticket and return the path of its report."""
    async with intake.client("hotline") as client:
        response = await client.post("/v1/tickets", json=build_ticket(**body))
    assert response.status_code == 202, response.text
    return f"/v1/reports/{response.json()['report_id']}"


async def ask(intake: IntakeService, key: str, path: str, reason: str = NEEDED["reason"]) -> httpx.Response:
    """Ask with a key for personal data."""
    async with intake.client(key) as client:
        return await client.post(path, json={"reason": reason})


@asynccontextmanager
async def open_vault(dsn: str) -> AsyncIterator[Pool]:
    """Open a pool on an empty schema of intake."""
    async with open_connection(dsn) as conn:
        await migrations.migrate(conn, "intake", (migrations.CHASSIS_MIGRATIONS, "paidan_intake.migrations"))
    async with open_pool(SecretStr(dsn), schema="intake", size=2) as pool:
        yield pool


async def store(pool: Pool, entries: Iterable[tuple[Binding, SealedContent]]) -> None:
    """Insert entries into the vault."""
    await pool.executemany(
        "INSERT INTO vault (report_id, source, source_ref, city, area, digest, recorded_at, confidential, key_id,"
        " data_key, sealed) VALUES ($1::uuid, 's', $1, $2, 'tiny', $3, now(), $4, $5, $6, $7)",
        [
            (each.report_id, each.city, bytes(32), each.confidential, sealed.key_id, sealed.data_key, sealed.body)
            for each, sealed in entries
        ],
    )
