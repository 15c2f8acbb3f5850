"""What intake keeps of reports, one function a statement. Handlers own their transaction; the edge's stand alone."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias

import asyncpg

from paidan_chassis.encryption import Sealed
from paidan_intake.report_status import Standing
from paidan_intake.screening import Sighting, Subject

Connection: TypeAlias = "asyncpg.Connection[Any] | asyncpg.pool.PoolConnectionProxy[Any] | asyncpg.Pool[Any]"


class Entry(NamedTuple):
    """A report as the vault keeps it. ``digest`` is the hex that travels."""

    report_id: str
    source: str
    source_ref: str
    city: str
    area: str
    digest: str
    recorded_at: datetime
    sealed: Sealed | None = None


class Kept(NamedTuple):
    """What the vault knew of an id already: the first report under it decides its stamps."""

    digest: str
    area: str
    recorded_at: datetime


_KEEP: Final = """
    INSERT INTO vault (report_id, source, source_ref, city, area, digest, recorded_at, key_id, sealed)
    SELECT *
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::timestamptz[],
                  $8::text[], $9::bytea[])
        ON CONFLICT (report_id) DO NOTHING
 RETURNING report_id
"""


async def keep(conn: Connection, entries: Collection[Entry]) -> set[str]:
    """Store reports of different ids, and name those that are new. Rows of an id already known stay as they are."""
    # In order of id, or two processes that keep the same reports could wait for each other.
    rows = sorted(entries)
    if not rows:
        return set()
    found = await conn.fetch(
        _KEEP,
        [row.report_id for row in rows],
        [row.source for row in rows],
        [row.source_ref for row in rows],
        [row.city for row in rows],
        [row.area for row in rows],
        [bytes.fromhex(row.digest) for row in rows],
        [row.recorded_at for row in rows],
        [row.sealed.key_id if row.sealed else None for row in rows],
        [row.sealed.body if row.sealed else None for row in rows],
    )
    return {str(row["report_id"]) for row in found}


_KNOWN: Final = """
    SELECT report_id, digest, area, recorded_at
      FROM vault
     WHERE report_id = ANY($1::uuid[])
"""


async def known(conn: Connection, report_ids: Collection[str]) -> dict[str, Kept]:
    """Read what the vault knows of these ids."""
    if not report_ids:
        return {}
    rows = await conn.fetch(_KNOWN, list(report_ids))
    return {str(row["report_id"]): Kept(row["digest"].hex(), row["area"], row["recorded_at"]) for row in rows}


_SIGHTINGS: Final = """
    SELECT s.source, s.camera, s.kind, s.region, s.first_seen, s.last_seen, s.reported_at
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS sought (source, camera, kind, region)
      JOIN sighting s USING (source, camera, kind, region)
"""


async def sightings(conn: Connection, subjects: Collection[Subject]) -> dict[Subject, Sighting]:
    """Read what is remembered of these subjects. The lane's lock keeps others from changing it."""
    rows = await conn.fetch(_SIGHTINGS, *_columns(subjects))
    return {
        Subject(row["source"], row["camera"], row["kind"], row["region"]): Sighting(
            row["first_seen"], row["last_seen"], row["reported_at"]
        )
        for row in rows
    }


_REMEMBER: Final = """
    INSERT INTO sighting (source, camera, kind, region, first_seen, last_seen, reported_at)
    SELECT *
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[],
                  $7::timestamptz[])
        ON CONFLICT (source, camera, kind, region) DO UPDATE
       SET first_seen = EXCLUDED.first_seen,
           last_seen = EXCLUDED.last_seen,
           reported_at = EXCLUDED.reported_at
"""


async def remember(conn: Connection, seen: dict[Subject, Sighting]) -> None:
    """Store what is to be remembered of these subjects."""
    found = sorted(seen.items(), key=lambda item: item[0])
    await conn.execute(
        _REMEMBER,
        *_columns([subject for subject, _ in found]),
        [sighting.first_seen for _, sighting in found],
        [sighting.last_seen for _, sighting in found],
        [sighting.reported_at for _, sighting in found],
    )


def _columns(subjects: Collection[Subject]) -> tuple[list[str], list[str], list[str], list[str]]:
    return (
        [each.source for each in subjects],
        [each.camera for each in subjects],
        [each.kind for each in subjects],
        [each.region for each in subjects],
    )


class Decided(NamedTuple):
    """The end a report came to."""

    report_id: str
    result: str
    reason: str | None
    message: str | None
    message_zh: str | None
    case_id: str | None
    decided_at: datetime


_DECIDE: Final = """
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


async def decide(conn: Connection, decided: Sequence[Decided]) -> None:
    """Store outcomes of different reports. An end stands, but a dead letter's, which a redrive replaces."""
    rows = sorted(decided)
    await conn.execute(_DECIDE, *(list(column) for column in zip(*rows, strict=True)))


_STAND: Final = """
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


async def stand(conn: Connection, standings: Collection[Standing]) -> None:
    """Store the newest version of different cases; an older one than is known changes nothing."""
    rows = sorted(standings)
    await conn.execute(_STAND, *(list(column) for column in zip(*rows, strict=True)))


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """A report, what became of it, and how its case stands."""

    source: str
    city: str
    row: dict[str, Any]


_FIND: Final = """
    SELECT v.report_id::text, v.source, v.source_ref, v.city, v.recorded_at,
           COALESCE(o.result, 'waiting') AS stands, o.reason, o.message, o.message_zh, o.case_id,
           c.status, c.version, c.answer, c.due_at, COALESCE(c.changed_at, o.decided_at) AS changed_at
      FROM vault v
      LEFT JOIN outcome o USING (report_id)
      LEFT JOIN standing c ON c.case_id = o.case_id
     WHERE v.report_id = $1::uuid
"""


async def find(conn: Connection, report_id: str) -> Whereabouts | None:
    """Say where a report stands; None when nobody ever took it."""
    row = await conn.fetchrow(_FIND, report_id)
    return Whereabouts(row["source"], row["city"], dict(row)) if row else None
