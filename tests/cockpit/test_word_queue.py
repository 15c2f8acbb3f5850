"""Cases that a migration queued are indexed again, and never by older words than a lane has stored meanwhile."""

import asyncio
from typing import Any

import asyncpg

from paidan_cockpit import queries
from paidan_cockpit.word_index import WordIndex
from tests.cockpit.test_lists import random_rows
from tests.polling import poll

WAITING = """
    SELECT EXISTS (SELECT
                     FROM pg_stat_activity
                    WHERE datname = current_database()
                      AND wait_event_type = 'Lock')
"""
WORDS = "SELECT words FROM case_words WHERE case_id = $1"


async def test_a_queued_case_is_indexed_again(pool: "asyncpg.Pool[Any]") -> None:
    row = next(random_rows())
    async with pool.acquire() as conn, conn.transaction():
        await queries.save_cases(conn, [row], [])
    stored = await pool.fetchval(WORDS, row.case_id)
    await pool.execute("UPDATE case_words SET words = '{}'")
    await pool.execute("INSERT INTO word_queue (case_id) VALUES ($1), ($1)", row.case_id)

    assert await WordIndex(pool).fill() == 1
    assert await pool.fetchval(WORDS, row.case_id) == stored
    assert await WordIndex(pool).fill() == 0


async def test_the_queue_does_not_put_back_words_that_a_lane_replaces(pool: "asyncpg.Pool[Any]") -> None:
    row = next(random_rows())
    async with pool.acquire() as conn, conn.transaction():
        await queries.save_cases(conn, [row], [])
    await pool.execute("INSERT INTO word_queue (case_id) VALUES ($1)", row.case_id)

    async def save_newer() -> None:
        async with pool.acquire() as conn, conn.transaction():
            await queries.save_cases(conn, [row._replace(version=2, text="新词", text_digest=-1)], [])

    async with pool.acquire() as conn:
        async with conn.transaction():
            texts = await queries.take_queued_texts(conn, 10)
            lane = asyncio.create_task(save_newer())

            async def lane_is_past() -> bool:
                return lane.done() or await conn.fetchval(WAITING)

            await poll(lane_is_past, what="the lane waits")
            await queries.save_words(conn, texts)
        await lane

    assert "新词" in await pool.fetchval(WORDS, row.case_id)
