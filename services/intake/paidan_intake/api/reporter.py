"""``POST /v1/reports/{report_id}/reporter``: the reporter's personal data; each access is logged first."""

import uuid

from fastapi import FastAPI
from pydantic import BaseModel, Field

from paidan_chassis.database import DB_ERRORS
from paidan_chassis.edge import problems
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.problems import Problem
from paidan_chassis.encryption import DecryptionFailed
from paidan_chassis.observability import logs
from paidan_contracts.scopes import covers_city, grants_of
from paidan_contracts.wire import Reason, RequestModel
from paidan_intake import vault
from paidan_intake.api.submission import ApiContext, ReportIdParam
from paidan_intake.tickets import Reporter
from paidan_intake.vault import VaultEntry

_log = logs.get_logger()


class RevealRequest(RequestModel, title="Look"):
    """The reason for which the reporter's personal data is needed."""

    reason: Reason


class ReporterDetails(BaseModel, title="Unmasked"):
    """The reporter's personal data, and the report as it was sent."""

    report_id: str
    reporter: Reporter | None
    text: str
    address: str | None
    secrecy: bool
    category: str | None = Field(default=None, description="The category, where personal data was masked in it.")


def add_routes(app: FastAPI, context: ApiContext) -> None:
    """Add the reporter route to the app."""

    @app.post("/v1/reports/{report_id}/reporter")
    async def show_reporter(report_id: ReportIdParam, body: RevealRequest, caller: Caller) -> ReporterDetails:
        """Return the reporter's personal data to a caller-back or an operator who states a reason.

        The access is logged, with its reason, before anything is returned.
        """
        if not grants_of(caller.scopes).has_role("caller", "operator"):
            raise problems.forbidden()
        entry = await _find_entry(context, report_id)
        if entry is None or entry.ciphertext is None or not covers_city(caller.city, entry.city):
            raise problems.not_found()
        try:
            await vault.log_access(
                context.pool, report_id, api_key=caller.key_id, reader=caller.name, reason=body.reason
            )
            content = vault.decrypt(context.cipher, str(uuid.UUID(report_id)), entry.ciphertext)
        except DB_ERRORS:
            raise problems.unavailable() from None
        except DecryptionFailed:
            _log.error("vault_not_opened", report_id=report_id, vault_key=entry.ciphertext.key_id)
            raise Problem(
                503, "vault_locked", "the key of this vault entry is not configured", "缺少保险库密钥"
            ) from None
        _log.info("vault_read", report_id=report_id, api_key=caller.key_id)
        return ReporterDetails(
            report_id=report_id,
            reporter=content.reporter,
            text=content.text,
            address=content.address,
            secrecy=content.secrecy,
            category=content.category,
        )


async def _find_entry(context: ApiContext, report_id: str) -> VaultEntry | None:
    try:
        return await vault.find_entry(context.pool, str(uuid.UUID(report_id)))
    except ValueError:
        return None
    except DB_ERRORS:
        raise problems.unavailable() from None
