"""Checks against the database that store nothing: of photo references, and of ids that are in use."""

from collections.abc import Collection, Mapping
from typing import Any, Final

from paidan_chassis.database import DB_ERRORS, Pool
from paidan_chassis.edge import problems, query
from paidan_chassis.edge.api_keys import Principal
from paidan_chassis.edge.problems import Problem
from paidan_intake import queries, vault
from paidan_intake.alarms import UNKNOWN_PHOTO
from paidan_intake.normalization import Sender
from paidan_intake.report_digest import ReportDigest, UnknownDigestKey

DRY_RUN_PARAMETERS: Final[Mapping[str, Any]] = {"parameters": [query.DRY_RUN_PARAMETER]}


async def check_id(pool: Pool, report_id: str, digest: ReportDigest, *, field: str = "source_ref") -> None:
    """Raise 409 when a report with other content has this id."""
    try:
        known = await vault.load_known_reports(pool, [report_id])
    except DB_ERRORS:
        raise problems.unavailable() from None
    try:
        if known and not digest.matches(known[report_id].digest, known[report_id].digest_key):
            raise id_reused(field)
    except UnknownDigestKey as error:
        raise digest_key_missing(error) from None


def digest_key_missing(error: UnknownDigestKey) -> Problem:
    """Return the 503 for a repeat of a report whose digest has a key that is not configured."""
    return Problem(
        503, "vault_locked", f"the key {error} of this report's digest is not configured: INTAKE_DIGEST_OLD_KEYS",
        f"缺少该上报摘要的密钥 {error}：INTAKE_DIGEST_OLD_KEYS", retry_after_s=60,
    )  # fmt: skip


async def check_photos(pool: Pool, refs: Collection[str], sender: Sender, caller: Principal | None = None) -> None:
    """Raise 422 unless the source, or the caller's own key, uploaded each photo before.

    The name of another's photo gives no access to it.
    """
    if not refs:
        return
    try:
        own_key = (f"key:{caller.key_id}",) if caller else ()
        holders = (f"source:{sender.source.id}", *own_key)
        missing = await queries.find_missing_photos(pool, refs, holders=holders)
    except DB_ERRORS:
        raise problems.unavailable() from None
    if missing:
        raise Problem(422, "unknown_photo", *UNKNOWN_PHOTO, "photos")


def id_reused(field: str = "source_ref") -> Problem:
    """Return the 409 for an id that a report with other content has."""
    return Problem(409, "id_reused", "another report has this id", "该编号已被其他上报使用", field)
