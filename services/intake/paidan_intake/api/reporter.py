"""``POST /v1/reports/{report_id}/reporter``, ``/export``, ``/erasure``: personal data is shown, handed out, destroyed.

Each access is recorded first, with its reason, and counts against the key's quota.
"""

import uuid
from datetime import UTC, datetime
from typing import Any, Final

from fastapi import FastAPI, Response
from pydantic import BaseModel, Field

from paidan_chassis.database import DB_ERRORS
from paidan_chassis.edge import problems
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.app import Caller
from paidan_chassis.edge.problems import Problem
from paidan_chassis.encryption import DecryptionFailed
from paidan_chassis.observability import logs
from paidan_contracts.pii_mask import mask
from paidan_contracts.scopes import covers_city, grants_of
from paidan_contracts.text_forms import clean
from paidan_contracts.wire import Reason, RequestModel
from paidan_intake import vault, vault_entries
from paidan_intake.api.access import AccessRefusal, refuse_officer, refuse_own_complaint, refuse_reason, refuse_reveal
from paidan_intake.api.submission import ApiContext, ReportIdParam
from paidan_intake.normalization import VaultContent
from paidan_intake.tickets import Reporter
from paidan_intake.vault_entries import Access, Act, VaultEntry

_log = logs.get_logger()
_NO_STORE: Final = {"Cache-Control": "no-store"}


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


class PersonalDataExport(ReporterDetails):
    """All that the vault holds of one report, and everybody who had a look at it."""

    accesses: list[dict[str, Any]] = Field(description="When, who, why, and what was done; oldest first.")


class Erased(BaseModel):
    """The personal data of a report is destroyed: its key and its words."""

    report_id: str
    erased_at: datetime


def add_routes(app: FastAPI, context: ApiContext) -> None:
    """Add the routes of personal data to the app."""
    _add_reveal_route(app, context)
    _add_export_route(app, context)
    _add_erasure_route(app, context)


def _add_reveal_route(app: FastAPI, context: ApiContext) -> None:
    @app.post("/v1/reports/{report_id}/reporter")
    async def show_reporter(
        report_id: ReportIdParam, body: RevealRequest, caller: Caller, response: Response
    ) -> ReporterDetails:
        """Return the reporter's personal data to a caller-back whose call waits, or to an operator with a reason.

        Of a confidential report the key needs the role `privacy_officer` besides. The access is recorded before
        anything is returned, and a key may have so many an hour.
        """
        response.headers.update(_NO_STORE)
        entry = await _find_entry(context, report_id, caller)
        _check(context, refuse_reveal(grants_of(caller.scopes), entry, body.reason))
        _check_complaint(context, caller, entry)
        await _record(context, entry, caller, body.reason, "read")
        return ReporterDetails(**_fields(_open(context, entry), entry))


def _add_export_route(app: FastAPI, context: ApiContext) -> None:
    @app.post("/v1/reports/{report_id}/export")
    async def export_report(
        report_id: ReportIdParam, body: RevealRequest, caller: Caller, response: Response
    ) -> PersonalDataExport:
        """Return all that the vault holds of a report to a privacy officer, for the person who asks for it."""
        response.headers.update(_NO_STORE)
        entry = await _find_entry(context, report_id, caller)
        _check(context, refuse_officer(grants_of(caller.scopes)) or refuse_reason(body.reason))
        _check_complaint(context, caller, entry)
        await _record(context, entry, caller, body.reason, "export")
        try:
            accesses = await vault_entries.list_accesses(context.pool, entry.binding.report_id)
        except DB_ERRORS:
            raise problems.unavailable() from None
        return PersonalDataExport(**_fields(_open(context, entry), entry), accesses=accesses)


def _add_erasure_route(app: FastAPI, context: ApiContext) -> None:
    @app.post("/v1/reports/{report_id}/erasure")
    async def erase_report(report_id: ReportIdParam, body: RevealRequest, caller: Caller) -> Erased:
        """Destroy the personal data of a report, for a privacy officer. Once and for all; a repeat changes nothing.

        The masked text that was published stays: it names nobody.
        """
        entry = await _find_entry(context, report_id, caller, erased_too=True)
        _check(context, refuse_officer(grants_of(caller.scopes)) or refuse_reason(body.reason))
        _check_complaint(context, caller, entry)
        await _record(context, entry, caller, body.reason, "erase")
        try:
            erased_at = await vault_entries.erase(context.pool, entry.binding.report_id)
        except DB_ERRORS:
            raise problems.unavailable() from None
        if erased_at is None:
            raise problems.not_found()
        return Erased(report_id=entry.binding.report_id, erased_at=erased_at)


async def _find_entry(
    context: ApiContext, report_id: str, caller: Principal, *, erased_too: bool = False
) -> VaultEntry:
    if not grants_of(caller.scopes).has_role("caller", "operator", "privacy_officer"):
        context.metrics.count("paidan_vault_requests_total", outcome="forbidden")
        raise problems.forbidden()
    try:
        entry = await vault_entries.find_entry(context.pool, str(uuid.UUID(report_id)))
    except ValueError:
        entry = None
    except DB_ERRORS:
        raise problems.unavailable() from None
    if entry is None or not covers_city(caller.city, entry.binding.city):
        raise problems.not_found()
    if erased_too:
        return entry
    if entry.erased_at is not None:
        erased_at = f"{entry.erased_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        raise Problem(410, "erased", f"it was erased at {erased_at}", f"已于 {erased_at} 删除")
    if entry.sealed is None:
        raise problems.not_found()
    return entry


def _check(context: ApiContext, refusal: AccessRefusal | None) -> None:
    if refusal is not None:
        context.metrics.count("paidan_vault_requests_total", outcome=refusal.code)
        raise refusal.problem()


def _check_complaint(context: ApiContext, caller: Principal, entry: VaultEntry) -> None:
    city = context.packs.current.get(entry.binding.city)
    _check(context, refuse_own_complaint(grants_of(caller.scopes), entry, city))


async def _record(context: ApiContext, entry: VaultEntry, caller: Principal, reason: str, act: Act) -> None:
    report_id, quota = entry.binding.report_id, context.settings.vault_accesses_per_h
    access = Access(report_id, caller.key_id, caller.name, mask(reason).text, act)
    try:
        is_within_quota = await vault_entries.log_access(context.pool, access, per_hour=quota)
    except DB_ERRORS:
        raise problems.unavailable() from None
    if not is_within_quota:
        context.metrics.count("paidan_vault_requests_total", outcome="quota")
        raise Problem(
            429, "too_many_requests", f"the key's quota is exceeded: {quota} accesses to personal data an hour",
            f"该密钥每小时最多查看个人信息 {quota} 次", retry_after_s=3600,
        )  # fmt: skip
    context.metrics.count("paidan_vault_requests_total", outcome=act)
    _log.info("vault_accessed", report_id=report_id, api_key=caller.key_id, act=act)


def _open(context: ApiContext, entry: VaultEntry) -> VaultContent:
    if entry.sealed is None:
        raise problems.not_found()
    try:
        return vault.open_sealed(context.cipher, entry.binding, entry.sealed)
    except DecryptionFailed:
        _log.error("vault_not_opened", report_id=entry.binding.report_id, vault_key=entry.sealed.key_id)
        raise Problem(503, "vault_locked", "the key of this vault entry is not configured", "缺少保险库密钥") from None


def _fields(content: VaultContent, entry: VaultEntry) -> dict[str, Any]:
    return {
        "report_id": entry.binding.report_id,
        "reporter": content.reporter,
        "text": clean(content.text),
        "address": clean(content.address) if content.address else content.address,
        "secrecy": content.secrecy,
        "category": clean(content.category) if content.category else content.category,
    }
