"""The vault: a row for each known report, its personal data encrypted. SQL, one function a statement."""

from collections.abc import Collection
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import TypeAdapter

from paidan_chassis.database import Executor
from paidan_chassis.encryption import Cipher, Ciphertext
from paidan_intake.normalization import VaultContent

_CONTENT_ADAPTER: Final = TypeAdapter(VaultContent)


def encrypt(cipher: Cipher, report_id: str, content: VaultContent) -> Ciphertext:
    """Encrypt the personal part of a report; the ciphertext is bound to this report's id."""
    return cipher.encrypt(_CONTENT_ADAPTER.dump_json(content), associated_data=report_id)


def decrypt(cipher: Cipher, report_id: str, ciphertext: Ciphertext) -> VaultContent:
    """Decrypt the personal part of this report; raises ``DecryptionFailed``."""
    return _CONTENT_ADAPTER.validate_json(cipher.decrypt(ciphertext, associated_data=report_id))


class NewVaultEntry(NamedTuple):
    """A report's row. ``digest`` is in hex, as in the report."""

    report_id: str
    source: str
    source_ref: str
    city: str
    area: str
    digest: str
    recorded_at: datetime
    ciphertext: Ciphertext | None = None


class KnownReport(NamedTuple):
    """The first report under an id: a repeat must have the same digest, and gets its area and time."""

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


async def save_new_reports(executor: Executor, entries: Collection[NewVaultEntry]) -> set[str]:
    """Insert reports of different ids and return the ids that are new; rows of known ids stay as they are."""
    # In order of id, or two processes that insert the same reports could deadlock.
    rows = sorted(entries)
    if not rows:
        return set()
    inserted = await executor.fetch(
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


async def load_known_reports(executor: Executor, report_ids: Collection[str]) -> dict[str, KnownReport]:
    """Return the first report under each of these ids, where there is one."""
    if not report_ids:
        return {}
    rows = await executor.fetch(_SELECT_KNOWN, list(report_ids))
    return {str(row["report_id"]): KnownReport(row["digest"].hex(), row["area"], row["recorded_at"]) for row in rows}


class VaultEntry(NamedTuple):
    """The encrypted part of a report; None where it has no personal data."""

    city: str
    ciphertext: Ciphertext | None


_SELECT_ENTRY: Final = """
    SELECT city, key_id, sealed
      FROM vault
     WHERE report_id = $1::uuid
"""


async def find_entry(executor: Executor, report_id: str) -> VaultEntry | None:
    """Return the vault entry of a report; None when the id is unknown."""
    row = await executor.fetchrow(_SELECT_ENTRY, report_id)
    if row is None:
        return None
    return VaultEntry(row["city"], Ciphertext(row["key_id"], row["sealed"]) if row["sealed"] is not None else None)


_INSERT_ACCESS: Final = """
    INSERT INTO vault_reading (report_id, api_key, reader, reason)
    VALUES ($1::uuid, $2, $3, $4)
"""


SELECT_ACCESSES: Final = """
    SELECT read_at, 'person_read', reader, api_key, report_id::text, reason, reading_id FROM vault_reading
"""
"""For the audit trail: time, kind, actor, key, subject, detail, id."""


async def log_access(executor: Executor, report_id: str, *, api_key: str, reader: str, reason: str) -> None:
    """Record who reads an entry, and why."""
    await executor.execute(_INSERT_ACCESS, report_id, api_key, reader, reason)
