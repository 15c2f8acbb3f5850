"""Applies an inbox in every way in which batches may be cut: all must write and say the same."""

from typing import Any

import asyncpg

from paidan_dispatch.city_packs import PackCache
from paidan_dispatch.handlers import InboxHandler
from tests.dispatch.applied_inbox import BatchOutput, InboxRecords, apply_records
from tests.dispatch.database_fixture import clear_tables, dump_tables


async def applied_alike(pool: "asyncpg.Pool[Any]", log: InboxRecords) -> BatchOutput:
    """Apply a log at once, in batches, in parts, and by single statements; all must write and say the same."""
    whole = await apply_records(pool, log.records)
    written = await dump_tables(pool)

    async def is_alike(*, batch_size: int = 1000, part_records: int = 1000, prepares: bool = False) -> None:
        await clear_tables(pool)
        handler = InboxHandler(PackCache(), part_records=part_records)
        output = await apply_records(
            pool, log.records, batch_size=batch_size, handler_override=handler, prepares=prepares
        )
        assert output.messages == whole.messages
        assert await dump_tables(pool) == written

    for size in (1, 2, 3):
        await is_alike(batch_size=size)
        await is_alike(part_records=size)
        await is_alike(batch_size=size, prepares=True)
    return whole
