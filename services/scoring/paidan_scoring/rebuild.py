"""Rebuilds facts and tallies from the log."""

from typing import Final

from paidan_chassis.consumer import rebuild as consumer_rebuild
from paidan_chassis.consumer.rebuild_queries import ComputedTables
from paidan_chassis.database import open_pool
from paidan_scoring.app import create_kafka, create_subscription
from paidan_scoring.city_packs import PackCache
from paidan_scoring.handlers import Fold
from paidan_scoring.settings import SCHEMA, Settings

TABLES: Final = ComputedTables(("fact", "tally", "mark"))


async def rebuild(settings: Settings) -> None:
    """Rebuild all facts and tallies; return when the log has been read to where it ended at the start.

    Published scores stay as they are, and are brought up to date once the log has been read.
    """
    async with open_pool(settings.database, schema=SCHEMA, size=settings.pool_size) as pool:
        await consumer_rebuild.rebuild(
            create_subscription(settings),
            Fold(PackCache(pool)),
            kafka=create_kafka(settings),
            pool=pool,
            tables=TABLES,
        )
