"""Removes photos that nobody refers to: uploads whose report or answer never came, as the logs prove."""

import asyncio
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from paidan_chassis.database import Connection
from paidan_contracts.topics import ALARMS, ALARMS_PREFIX, CASES, INBOX
from paidan_deploy.conservation.log_reader import LogReader, LogSpan
from paidan_deploy.errors import DeployError
from paidan_deploy.services import SERVICES

GRACE_S: Final = 70.0
"""Longer than a request may take: what was being accepted when the rows were removed is in the log after it."""
_REF: Final = re.compile(rb"[0-9a-f]{64}\.jpg")
_SWEPT: Final = ".swept"
_TOPICS: Final = (INBOX.name, CASES.name, ALARMS.name)
_PENDING_LETTERS: Final = """
    SELECT count(*)
      FROM {schema}.dead_letter
     WHERE redriven_at IS NULL
       AND dropped_at IS NULL
"""
_DELETE_ROWS: Final = """
    DELETE FROM intake.photo
     WHERE ref = ANY($1::text[])
 RETURNING ref, holder, city, taken_at
"""
_INSERT_ROWS: Final = """
    INSERT INTO intake.photo (ref, holder, city, taken_at)
    VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING
"""
_PRESENT_ROWS: Final = "SELECT DISTINCT ref FROM intake.photo WHERE ref = ANY($1::text[])"


class SweepResult(NamedTuple):
    """Photos that were, or would be, removed; their bytes; and those that were taken up meanwhile and stay."""

    swept: int
    size: int
    kept: int


@dataclass(frozen=True, slots=True)
class PhotoSweep:
    """A sweep of one installation's photos."""

    logs: LogReader
    connection: Connection
    folder: Path
    min_age_s: float
    grace_s: float = GRACE_S

    async def find(self) -> list[str]:
        """Return photos that are old enough and that no record refers to. Raises DeployError where it cannot tell."""
        await self._refuse_unknowable()
        old = await asyncio.to_thread(self._old_files)
        return sorted(old - await self._references(await self._spans()))

    async def remove(self, refs: Sequence[str]) -> SweepResult:
        """Remove these photos, unless one is taken up meanwhile: row first, then the file's name, at last its bytes."""
        spans = await self._spans()
        rows = await self.connection.fetch(_DELETE_ROWS, refs)
        moved = await asyncio.to_thread(self._set_aside, refs)
        await asyncio.sleep(self.grace_s)
        taken_up = await self._references(await self._spans(), since=spans) & set(refs)
        await self.connection.executemany(_INSERT_ROWS, [tuple(row) for row in rows if row["ref"] in taken_up])
        wanted = taken_up | {row["ref"] for row in await self.connection.fetch(_PRESENT_ROWS, refs)}
        size = await asyncio.to_thread(self._finish, moved, wanted)
        return SweepResult(len(moved) - len(wanted), size, len(wanted))

    def size(self, refs: Collection[str]) -> int:
        """Return the bytes of these photos."""
        return sum(self._path(ref).stat().st_size for ref in refs)

    async def _refuse_unknowable(self) -> None:
        for service in SERVICES:
            if pending := await self.connection.fetchval(_PENDING_LETTERS.format(schema=service.name)):
                raise DeployError(
                    f"{pending} dead letters of {service.name} may refer to photos: redrive or drop them first"
                    f" / {service.name} 有 {pending} 条死信可能引用照片，请先重投或丢弃"
                )
        if not (await self.logs.current_span(CASES.name)).is_complete:
            raise DeployError(
                "the log of cases has lost its beginning: whether a photo is referred to cannot be known"
                " / 案件日志缺少开头，无法判断照片是否被引用"
            )

    async def _spans(self) -> dict[str, LogSpan]:
        topics = (*_TOPICS, *await self.logs.topics(ALARMS_PREFIX))
        return {topic: await self.logs.current_span(topic) for topic in topics}

    async def _references(self, spans: Mapping[str, LogSpan], since: Mapping[str, LogSpan] | None = None) -> set[str]:
        found: set[bytes] = set()
        for topic, span in spans.items():
            earlier = since.get(topic) if since else None
            part = LogSpan(earlier.ends, span.ends) if earlier else span
            async for record in self.logs.records(part):
                found.update(_REF.findall(record.value or b""))
        return {each.decode() for each in found}

    def _path(self, ref: str) -> Path:
        return self.folder / ref[:2] / ref

    def _old_files(self) -> set[str]:
        latest = time.time() - self.min_age_s  # noqa: TID251  # of files, not of the city
        # What an interrupted sweep had set aside is judged again.
        for path in self.folder.rglob(f"*.jpg{_SWEPT}"):
            path.rename(path.with_suffix(""))
        return {path.name for path in self.folder.rglob("*.jpg") if path.stat().st_mtime <= latest}

    def _set_aside(self, refs: Collection[str]) -> list[str]:
        for ref in refs:
            self._path(ref).rename(f"{self._path(ref)}{_SWEPT}")
        return list(refs)

    def _finish(self, moved: Collection[str], wanted: Collection[str]) -> int:
        size = 0
        for ref in moved:
            aside = Path(f"{self._path(ref)}{_SWEPT}")
            if ref not in wanted:
                size += aside.stat().st_size
                aside.unlink()
            elif self._path(ref).exists():
                aside.unlink()
            else:
                aside.rename(self._path(ref))
        return size
