"""What intake keeps of reports, one function a statement. Handlers own their transaction; the edge's stand alone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from paidan_chassis.database import Executor
from paidan_chassis.encryption import Ciphertext
from paidan_intake.report_status import CaseStatus
from paidan_intake.screening import AlarmSubject, Sighting


class NewVaultEntry(NamedTuple):
    """A report as the vault keeps it. ``digest`` is the hex that travels."""

    report_id: str
    source: str
    source_ref: str
    city: str
    area: str
    digest: str
    recorded_at: datetime
    ciphertext: Ciphertext | None = None


class KnownReport(NamedTuple):
    """What the vault knew of an id already: the first report under it decides its stamps."""

    digest: str
    area: str
    recorded_at: datetime


_INSERT_REPORTS: Final = """
    INSERT INTO vault (report_id, source, source_ref, city, area, digest, recorded_at, key_id, sealed)
    SELECT *
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::timestamptz[],
                  $8::text[], $9::bytea[])
        ON CONFLICT (report_id) DO NOTHING
 RETURNING report_id
"""


async def save_new_reports(conn: Executor, entries: Collection[NewVaultEntry]) -> set[str]:
    """Store reports of different ids, and name those that are new. Rows of an id already known stay as they are."""
    # In order of id, or two processes that keep the same reports could wait for each other.
    rows = sorted(entries)
    if not rows:
        return set()
    inserted = await conn.fetch(
        _INSERT_REPORTS,
        [row.report_id for row in rows],
        [row.source for row in rows],
        [row.source_ref for row in rows],
        [row.city for row in rows],
        [row.area for row in rows],
        [bytes.fromhex(row.digest) for row in rows],
        [row.recorded_at for row in rows],
        [row.ciphertext.key_id if row.ciphertext else None for row in rows],
        [row.ciphertext.body if row.ciphertext else None for row in rows],
    )
    return {str(row["report_id"]) for row in inserted}


_SELECT_KNOWN: Final = """
    SELECT report_id, digest, area, recorded_at
      FROM vault
     WHERE report_id = ANY($1::uuid[])
"""


async def load_known_reports(conn: Executor, report_ids: Collection[str]) -> dict[str, KnownReport]:
    """Read what the vault knows of these ids."""
    if not report_ids:
        return {}
    rows = await conn.fetch(_SELECT_KNOWN, list(report_ids))
    return {str(row["report_id"]): KnownReport(row["digest"].hex(), row["area"], row["recorded_at"]) for row in rows}


_SELECT_SIGHTINGS: Final = """
    SELECT s.source, s.camera, s.kind, s.region, s.first_seen, s.last_seen, s.reported_at
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS sought (source, camera, kind, region)
      JOIN sighting s USING (source, camera, kind, region)
"""


async def load_sightings(conn: Executor, subjects: Collection[AlarmSubject]) -> dict[AlarmSubject, Sighting]:
    """Read what is remembered of these subjects. The lane's lock keeps others from changing it."""
    rows = await conn.fetch(_SELECT_SIGHTINGS, *_subject_columns(subjects))
    return {
        AlarmSubject(row["source"], row["camera"], row["kind"], row["region"]): Sighting(
            row["first_seen"], row["last_seen"], row["reported_at"]
        )
        for row in rows
    }


_UPSERT_SIGHTINGS: Final = """
    INSERT INTO sighting (source, camera, kind, region, first_seen, last_seen, reported_at)
    SELECT *
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[],
                  $7::timestamptz[])
        ON CONFLICT (source, camera, kind, region) DO UPDATE
       SET first_seen = EXCLUDED.first_seen,
           last_seen = EXCLUDED.last_seen,
           reported_at = EXCLUDED.reported_at
"""


async def save_sightings(conn: Executor, sightings: dict[AlarmSubject, Sighting]) -> None:
    """Store what is to be remembered of these subjects."""
    ordered = sorted(sightings.items(), key=lambda item: item[0])
    await conn.execute(
        _UPSERT_SIGHTINGS,
        *_subject_columns([subject for subject, _ in ordered]),
        [sighting.first_seen for _, sighting in ordered],
        [sighting.last_seen for _, sighting in ordered],
        [sighting.reported_at for _, sighting in ordered],
    )


def _subject_columns(subjects: Collection[AlarmSubject]) -> tuple[list[str], list[str], list[str], list[str]]:
    return (
        [each.source for each in subjects],
        [each.camera for each in subjects],
        [each.kind for each in subjects],
        [each.region for each in subjects],
    )


class ReportOutcome(NamedTuple):
    """The end a report came to."""

    report_id: str
    result: str
    reason: str | None
    message: str | None
    message_zh: str | None
    case_id: str | None
    decided_at: datetime


_UPSERT_OUTCOMES: Final = """
    INSERT INTO outcome (report_id, result, reason, message, message_zh, case_id, decided_at)
    SELECT *
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])
        ON CONFLICT (report_id) DO UPDATE
       SET result = EXCLUDED.result,
           reason = EXCLUDED.reason,
           message = EXCLUDED.message,
           message_zh = EXCLUDED.message_zh,
           case_id = EXCLUDED.case_id,
           decided_at = EXCLUDED.decided_at
     WHERE outcome.result = 'dead_lettered'
"""


async def save_outcomes(conn: Executor, outcomes: Sequence[ReportOutcome]) -> None:
    """Store outcomes of different reports. An end stands, but a dead letter's, which a redrive replaces."""
    rows = sorted(outcomes)
    await conn.execute(_UPSERT_OUTCOMES, *(list(column) for column in zip(*rows, strict=True)))


_UPSERT_STATUSES: Final = """
    INSERT INTO standing (case_id, version, status, answer, due_at, changed_at)
    SELECT *
      FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[])
        ON CONFLICT (case_id) DO UPDATE
       SET version = EXCLUDED.version,
           status = EXCLUDED.status,
           answer = COALESCE(EXCLUDED.answer, standing.answer),
           due_at = EXCLUDED.due_at,
           changed_at = EXCLUDED.changed_at
     WHERE standing.version < EXCLUDED.version
"""


async def save_statuses(conn: Executor, statuses: Collection[CaseStatus]) -> None:
    """Store the newest version of different cases; an older one than is known changes nothing."""
    rows = sorted(statuses)
    await conn.execute(_UPSERT_STATUSES, *(list(column) for column in zip(*rows, strict=True)))


@dataclass(frozen=True, slots=True)
class ReportWithStatus:
    """A report, what became of it, and how its case stands."""

    source: str
    city: str
    row: dict[str, Any]


_SELECT_REPORT: Final = """
    SELECT v.report_id::text, v.source, v.source_ref, v.city, v.recorded_at,
           COALESCE(o.result, 'waiting') AS stands, o.reason, o.message, o.message_zh, o.case_id,
           c.status, c.version, c.answer, c.due_at, COALESCE(c.changed_at, o.decided_at) AS changed_at
      FROM vault v
      LEFT JOIN outcome o USING (report_id)
      LEFT JOIN standing c ON c.case_id = o.case_id
     WHERE v.report_id = $1::uuid
"""


async def find_report(conn: Executor, report_id: str) -> ReportWithStatus | None:
    """Say where a report stands; None when nobody ever took it."""
    row = await conn.fetchrow(_SELECT_REPORT, report_id)
    return ReportWithStatus(row["source"], row["city"], dict(row)) if row else None
