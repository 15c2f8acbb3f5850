"""Entries of the vault after their report was accepted: found, accessed, erased, sealed anew. SQL."""

import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from asyncpg import Record

from paidan_chassis.database import Executor, Pool
from paidan_chassis.encryption import Cipher, DecryptionFailed, SealedContent
from paidan_intake.vault import Binding, open_sealed, seal


class CaseBounds(NamedTuple):
    """Of which class a case is, and the codes of the areas where it lies: what posts may be bounded to."""

    class_code: str | None
    places: Sequence[str]

    @classmethod
    def of(cls, class_code: str | None, places: Sequence[str] | None) -> "CaseBounds | None":
        """Return them as they are stored; None while they are not known."""
        return None if places is None else cls(class_code, places)


class VaultEntry(NamedTuple):
    """The sealed part of a report; None where it has no personal data, or where it was erased."""

    binding: Binding
    sealed: SealedContent | None
    erased_at: datetime | None
    awaits_callback: bool
    """Whether the reporter is to be called back now."""
    bounds: CaseBounds | None = None
    """None while it has no case, or it is not known where that lies."""
    complained_of: str | None = None
    """The unit of whose handling its case complains."""


# Of a case that release 0.1 wrote, it is known only that it is closed.
_SELECT_ENTRY: Final = """
    SELECT v.report_id, v.city, v.confidential, v.key_id, v.data_key, v.sealed, v.erased_at,
           COALESCE(v.report_id = ANY(c.callbacks_awaited), c.status = 'closed', false) AS awaits_callback,
           c.class_code, c.places, c.complained_of
      FROM vault v
      LEFT JOIN outcome o USING (report_id)
      LEFT JOIN standing c ON c.case_id = o.case_id
     WHERE v.report_id = $1::uuid
"""


async def find_entry(executor: Executor, report_id: str) -> VaultEntry | None:
    """Return the vault entry of a report; None when the id is unknown."""
    row = await executor.fetchrow(_SELECT_ENTRY, report_id)
    if row is None:
        return None
    binding = Binding(str(row["report_id"]), row["city"], row["confidential"])
    sealed = SealedContent(row["key_id"], row["data_key"], row["sealed"]) if row["sealed"] is not None else None
    bounds = CaseBounds.of(row["class_code"], row["places"])
    return VaultEntry(binding, sealed, row["erased_at"], row["awaits_callback"], bounds, row["complained_of"])


Act = Literal["read", "export", "erase"]


class Access(NamedTuple):
    """Who does what with an entry, and why."""

    report_id: str
    api_key: str
    reader: str
    reason: str
    act: Act


# One key's accesses are counted one after the other, or several at once would pass the quota together.
_LOCK_KEY: Final = "SELECT pg_advisory_xact_lock(hashtextextended('vault_reading ' || $1, 0))"
_INSERT_ACCESS: Final = """
    INSERT INTO vault_reading (report_id, api_key, reader, reason, act)
    SELECT $1::uuid, $2, $3, $4, $5
     WHERE $6::int > (SELECT count(*)
                        FROM vault_reading
                       WHERE api_key = $2
                         AND read_at > clock_timestamp() - INTERVAL '1 hour')
 RETURNING true
"""


async def log_access(pool: Pool, access: Access, *, per_hour: int) -> bool:
    """Record an access, and return whether the key is within its quota: if not, nothing was recorded."""
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute(_LOCK_KEY, access.api_key)
        return bool(await conn.fetchval(_INSERT_ACCESS, *access, per_hour))


SELECT_ACCESSES: Final = """
    SELECT read_at, 'person_' || act, reader, api_key, report_id::text, reason, reading_id FROM vault_reading
"""
"""For the audit trail: time, kind, actor, key, subject, detail, id."""
_SELECT_ACCESSES: Final = """
    SELECT read_at, reader, reason, act
      FROM vault_reading
     WHERE report_id = $1::uuid
     ORDER BY reading_id
"""


async def list_accesses(executor: Executor, report_id: str) -> list[dict[str, Any]]:
    """Return every access to an entry, oldest first."""
    return [dict(row) for row in await executor.fetch(_SELECT_ACCESSES, report_id)]


_SELECT_SEALED: Final = """
    SELECT report_id, city, confidential, key_id, data_key, sealed
      FROM vault
     WHERE report_id > $1::uuid
       AND sealed IS NOT NULL
     ORDER BY report_id
     LIMIT $2
"""


class SealedEntry(NamedTuple):
    """A sealed entry, and the row that it is bound to."""

    binding: Binding
    sealed: SealedContent


async def load_sealed(executor: Executor, *, after: str, limit: int) -> list[SealedEntry]:
    """Return the next sealed entries in the order of their ids."""
    return [
        SealedEntry(
            Binding(str(row["report_id"]), row["city"], row["confidential"]),
            SealedContent(row["key_id"], row["data_key"], row["sealed"]),
        )
        for row in await executor.fetch(_SELECT_SEALED, after, limit)
    ]


# Of a report without personal data, too, so that a repeat brings none.
_ERASE: Final = """
    UPDATE vault
       SET key_id = NULL,
           data_key = NULL,
           sealed = NULL,
           erased_at = COALESCE(erased_at, clock_timestamp())
     WHERE report_id = $1::uuid
 RETURNING erased_at
"""


async def erase(executor: Executor, report_id: str) -> datetime | None:
    """Destroy the key and the words of a report, and return when that was done first; None for an unknown id."""
    erased_at: datetime | None = await executor.fetchval(_ERASE, report_id)
    return erased_at


FIRST_ID: Final = str(uuid.UUID(int=0))
"""Before every report's id."""
_SELECT_OTHER_KEYS: Final = """
    SELECT report_id, city, confidential, key_id, data_key, sealed
      FROM vault
     WHERE report_id > $1::uuid
       AND sealed IS NOT NULL
       AND (key_id <> $2 OR data_key IS NULL)
     ORDER BY report_id
     LIMIT $3
       FOR UPDATE
"""
_RESEAL: Final = """
    UPDATE vault
       SET key_id = n.key_id,
           data_key = n.data_key,
           sealed = n.sealed
      FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[]) AS n (report_id, key_id, data_key, sealed)
     WHERE vault.report_id = n.report_id
"""


class Resealed(NamedTuple):
    """How many entries were sealed anew, and how many are under a key that is not configured."""

    sealed: int
    locked: int


async def reseal_some(pool: Pool, cipher: Cipher, *, after: str, limit: int) -> tuple[Resealed, str | None]:
    """Seal the next entries under the newest key that are under another; return the last id, None where none is left.

    Entries of release 0.1 get a key of their own, and are bound to their city and confidentiality.
    """
    async with pool.acquire() as conn, conn.transaction():
        rows = await conn.fetch(_SELECT_OTHER_KEYS, after, cipher.newest_key_id, limit)
        renewed: dict[uuid.UUID, SealedContent] = {}
        for row in rows:
            with suppress(DecryptionFailed):
                renewed[row["report_id"]] = _reseal(cipher, row)
        await conn.execute(
            _RESEAL,
            list(renewed),
            [sealed.key_id for sealed in renewed.values()],
            [sealed.data_key for sealed in renewed.values()],
            [sealed.body for sealed in renewed.values()],
        )
    return Resealed(len(renewed), len(rows) - len(renewed)), str(rows[-1]["report_id"]) if rows else None


def _reseal(cipher: Cipher, row: Record) -> SealedContent:
    binding = Binding(str(row["report_id"]), row["city"], row["confidential"])
    sealed = SealedContent(row["key_id"], row["data_key"], row["sealed"])
    if sealed.data_key is not None:
        return cipher.rewrap(sealed, associated_data=binding.associated_data)
    return seal(cipher, binding, open_sealed(cipher, binding, sealed))
