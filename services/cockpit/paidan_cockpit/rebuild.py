"""Rebuilds the read model from the log."""

from typing import Final

from paidan_chassis.consumer import rebuild as consumer_rebuild
from paidan_chassis.consumer.rebuild_queries import ComputedTables
from paidan_chassis.database import Pool, open_pool
from paidan_cockpit import rebuild_queries
from paidan_cockpit.app import create_kafka, create_subscription
from paidan_cockpit.handlers import ReadModel
from paidan_cockpit.settings import SCHEMA, Settings
from paidan_cockpit.word_index import WordIndex


async def _build_indexes(pool: Pool) -> None:
    index = WordIndex(pool)
    while await index.fill():
        pass
    async with pool.acquire() as conn:
        await rebuild_queries.create_indexes(conn)


TABLES: Final = ComputedTables(
    (
        "case_row",
        "report_row",
        "word_queue",
        "case_words",
        "conservation_check",
        "suppressed_alarm",
        "suppressed_tally",
        "city_score",
        "noted_report",
    ),
    drop_indexes=rebuild_queries.drop_indexes,
    build_indexes=_build_indexes,
)


async def rebuild(settings: Settings) -> None:
    """Rebuild the read model; return when the log has been read to where it ended at the start, and all is indexed."""
    async with open_pool(settings.database, schema=SCHEMA, size=settings.pool_size) as pool:
        await consumer_rebuild.rebuild(
            create_subscription(settings), ReadModel(), kafka=create_kafka(settings), pool=pool, tables=TABLES
        )
