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

DRY_RUN_PARAMETERS: Final[Mapping[str, Any]] = {"parameters": [query.DRY_RUN_PARAMETER]}


async def check_id(pool: Pool, report_id: str, *digests: str, field: str = "source_ref") -> None:
    """Raise 409 when a report has this id whose content has none of these digests."""
    try:
        known = await vault.load_known_reports(pool, [report_id])
    except DB_ERRORS:
        raise problems.unavailable() from None
    if known and known[report_id].digest not in digests:
        raise id_reused(field)


async def check_photos(pool: Pool, refs: Collection[str], sender: Sender, caller: Principal) -> None:
    """Raise 422 unless this sender uploaded each photo before: the name of another's photo gives no access to it."""
    if not refs:
        return
    try:
        holders = (f"source:{sender.source.id}", f"key:{caller.key_id}")
        missing = await queries.find_missing_photos(pool, refs, holders=holders)
    except DB_ERRORS:
        raise problems.unavailable() from None
    if missing:
        raise Problem(422, "unknown_photo", *UNKNOWN_PHOTO, "photos")


def id_reused(field: str = "source_ref") -> Problem:
    """Return the 409 for an id that a report with other content has."""
    return Problem(409, "id_reused", "another report has this id", "该编号已被其他上报使用", field)
