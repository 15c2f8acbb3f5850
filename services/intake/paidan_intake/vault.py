"""The vault: a row for each known report, its personal data encrypted. SQL, one function a statement."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter

from paidan_chassis.database import Executor
from paidan_chassis.encryption import Cipher, SealedContent
from paidan_intake.normalization import NormalizedReport, VaultContent
from paidan_intake.report_digest import KnownReport

_CONTENT_ADAPTER: Final = TypeAdapter(VaultContent)


class Binding(NamedTuple):
    """The row that a seal belongs to: it opens in no other, nor with another city or confidentiality."""

    report_id: str
    city: str
    confidential: bool

    @property
    def associated_data(self) -> str:
        """The seal's associated data."""
        return f"{self.report_id} {self.city} {'confidential' if self.confidential else 'open'}"


def seal(cipher: Cipher, binding: Binding, content: VaultContent) -> SealedContent:
    """Encrypt the personal part of a report under a key of its own, which the vault's key wraps."""
    return cipher.seal(_CONTENT_ADAPTER.dump_json(content), associated_data=binding.associated_data)


def open_sealed(cipher: Cipher, binding: Binding, sealed: SealedContent) -> VaultContent:
    """Decrypt the personal part of this report; raises ``DecryptionFailed``."""
    # Release 0.1 had no keys of reports, and bound a seal to the report's id alone.
    associated_data = binding.report_id if sealed.data_key is None else binding.associated_data
    return _CONTENT_ADAPTER.validate_json(cipher.open_sealed(sealed, associated_data=associated_data))


def to_json(content: VaultContent) -> dict[str, Any]:
    """Return the personal part of a report as JSON."""
    document: dict[str, Any] = _CONTENT_ADAPTER.dump_python(content, mode="json")
    return document


class NewVaultEntry(NamedTuple):
    """A report's row. ``digest`` is in hex, as in the report."""

    report_id: str
    source: str
    source_ref: str
    city: str
    area: str
    digest: str
    recorded_at: datetime
    digest_key: str | None = None
    confidential: bool = False
    sealed: SealedContent | None = None


def new_entry(normalized: NormalizedReport, cipher: Cipher) -> NewVaultEntry:
    """Return the row of a report, its personal part sealed."""
    report, content = normalized.report, normalized.vault_content
    binding = Binding(report.report_id, report.city, report.confidential)
    return NewVaultEntry(
        report_id=report.report_id,
        source=report.source,
        source_ref=report.source_ref,
        city=report.city,
        area=report.area,
        digest=report.digest,
        recorded_at=report.recorded_at,
        digest_key=normalized.digest.version,
        confidential=report.confidential,
        sealed=seal(cipher, binding, content) if content else None,
    )


_INSERT_REPORTS: Final = """
    INSERT INTO vault (report_id, source, source_ref, city, area, digest, recorded_at, digest_key, confidential,
                       key_id, data_key, sealed)
    SELECT *
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bytea[], $7::timestamptz[],
                  $8::text[], $9::boolean[], $10::text[], $11::bytea[], $12::bytea[])
        ON CONFLICT (report_id) DO NOTHING
"""


async def save_new_reports(executor: Executor, entries: Collection[NewVaultEntry]) -> bool:
    """Insert reports of different ids and return whether all are new; rows of known ids stay as they are."""
    # In order of id, or two processes that insert the same reports could deadlock.
    rows = sorted(entries, key=lambda entry: entry.report_id)
    if not rows:
        return True
    status = await executor.execute(
        _INSERT_REPORTS,
        [row.report_id for row in rows],
        [row.source for row in rows],
        [row.source_ref for row in rows],
        [row.city for row in rows],
        [row.area for row in rows],
        [bytes.fromhex(row.digest) for row in rows],
        [row.recorded_at for row in rows],
        [row.digest_key for row in rows],
        [row.confidential for row in rows],
        [row.sealed.key_id if row.sealed else None for row in rows],
        [row.sealed.data_key if row.sealed else None for row in rows],
        [row.sealed.body if row.sealed else None for row in rows],
    )
    # The number of rows costs a third of what their ids cost, and nearly all reports are new.
    return status == f"INSERT 0 {len(rows)}"


_SELECT_KNOWN: Final = """
    SELECT report_id, digest, digest_key, area, recorded_at, erased_at IS NOT NULL AS is_erased
      FROM vault
     WHERE report_id = ANY($1::uuid[])
"""


async def load_known_reports(executor: Executor, report_ids: Collection[str]) -> dict[str, KnownReport]:
    """Return the first report under each of these ids, where there is one."""
    if not report_ids:
        return {}
    rows = await executor.fetch(_SELECT_KNOWN, list(report_ids))
    return {
        str(row["report_id"]): KnownReport(
            row["digest"].hex(), row["digest_key"], row["area"], row["recorded_at"], row["is_erased"]
        )
        for row in rows
    }
