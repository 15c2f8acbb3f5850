"""An edge with the routes of the audit trail alone, on a real database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import asyncpg
import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from paidan_chassis import migrations
from paidan_chassis.database import Pool, open_pool
from paidan_chassis.edge import api_keys
from paidan_chassis.edge.api_keys import KeyRing
from paidan_chassis.edge.app import EdgeConfig, create_app
from paidan_chassis.edge.audit_routes import AuditDuties, create_audit_router
from paidan_chassis.observability.health import Health
from paidan_chassis.observability.metrics import Metrics
from tests import servers as real

LOOKS = "SELECT now(), 'person_read', 'Li', 'key_li', 'r1', 'to call back', 1::bigint"


@dataclass(frozen=True, slots=True)
class AuditedEdge:
    """An edge with the audit routes alone, and its parts."""

    pool: Pool
    keys: KeyRing
    app: FastAPI
    client: httpx.AsyncClient

    async def add_key(
        self, *scopes: str, city: str = "*", expires_at: datetime | None = None, granted_by: str = "test"
    ) -> tuple[str, dict[str, str]]:
        """Store a key; return its id and the header that carries it."""
        token, key = api_keys.generate_key(
            name="x", city=city, scopes=scopes, expires_at=expires_at, granted_by=granted_by
        )
        async with self.pool.acquire() as conn:
            await api_keys.add_key(conn, "library", key)
        return key.key_id, {"authorization": f"Bearer {token}"}


@asynccontextmanager
async def open_audited_edge(servers: real.ServerAddresses) -> AsyncIterator[AuditedEdge]:
    """Open an edge on a database of its own."""
    async with real.fresh_database(servers) as dsn:
        connection = await asyncpg.connect(dsn)
        await migrations.migrate(connection, "library", [migrations.CHASSIS_MIGRATIONS])
        await connection.close()
        async with open_pool(SecretStr(dsn), schema="library") as pool:
            metrics, keys = Metrics("library"), KeyRing(pool)
            app = create_app(EdgeConfig("Library", "1", keys, Health(metrics), metrics))
            duties = AuditDuties(auditors={"auditor"}, security={"guard"}, city="*")
            app.include_router(create_audit_router(pool, duties, looks=LOOKS))
            transport = httpx.ASGITransport(app, client=("192.0.2.7", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://library") as client:
                yield AuditedEdge(pool, keys, app, client)
