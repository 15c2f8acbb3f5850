"""Who reported, for whoever must call back: every look is put down with its reason before anything is shown."""

import uuid

from fastapi import FastAPI
from pydantic import BaseModel, Field

from paidan_chassis.database import FAULTS
from paidan_chassis.edge import problems
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.problems import Problem
from paidan_chassis.encryption import Unopenable
from paidan_chassis.observability import logs
from paidan_contracts.wire import Asked, Reason
from paidan_intake import vault, vault_queries
from paidan_intake.api.context import Desk
from paidan_intake.api.models import Reporter
from paidan_intake.vault_queries import Entrusted

_log = logs.logger()


class Look(Asked):
    """Why somebody must know who reported."""

    reason: Reason


class Unmasked(BaseModel):
    """Who reported, and what they said in their own words."""

    report_id: str
    reporter: Reporter | None
    text: str
    address: str | None
    secrecy: bool
    category: str | None = Field(default=None, description="Where a personal number was masked in what travelled.")


def add_routes(app: FastAPI, desk: Desk) -> None:
    """Put the vault route on the edge."""

    @app.post("/v1/reports/{report_id}/reporter")
    async def show_reporter(report_id: str, look: Look, who: Caller) -> Unmasked:
        """Show who reported to a caller-back or an operator who says why.

        The look is kept, with its reason, before anything is shown.
        """
        if not who.is_a("caller", "operator"):
            raise problems.forbidden()
        held = await _held(desk, report_id)
        if held is None or held.sealed is None or not who.covers(held.city):
            raise problems.not_found()
        try:
            await vault_queries.note_reading(
                desk.pool, report_id, api_key=who.key_id, reader=who.name, reason=look.reason
            )
            private = vault.unseal(desk.cipher, str(uuid.UUID(report_id)), held.sealed)
        except FAULTS:
            raise problems.unavailable() from None
        except Unopenable:
            _log.error("vault_not_opened", report_id=report_id, vault_key=held.sealed.key_id)
            raise Problem(503, "vault_locked", "the vault's key is not at hand", "缺少保险库密钥") from None
        _log.info("vault_read", report_id=report_id, api_key=who.key_id)
        return Unmasked(
            report_id=report_id,
            reporter=private.reporter,
            text=private.text,
            address=private.address,
            secrecy=private.secrecy,
            category=private.category,
        )


async def _held(desk: Desk, report_id: str) -> Entrusted | None:
    try:
        return await vault_queries.entrusted(desk.pool, str(uuid.UUID(report_id)))
    except ValueError:
        return None
    except FAULTS:
        raise problems.unavailable() from None
