"""A demo day ends within itself; which day comes next, and where output is no terminal, what is told meanwhile."""

import io
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta

import asyncpg
import pytest

from paidan_chassis import migrations
from paidan_chassis.clock import set_scale
from paidan_contracts.city.loader import load_city
from paidan_deploy.cli import output
from paidan_deploy.cli.demo import print_day
from paidan_deploy.cli.output import show_status
from paidan_deploy.demo.day import next_day
from paidan_deploy.demo.plan import DaySize, plan_day
from paidan_deploy.provisioning.database import INITIAL_CITY_TIME
from tests.contracts.city_packs import QUANCHENG

CITY = load_city(QUANCHENG)


@pytest.fixture
async def connection(database: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    opened = await asyncpg.connect(database)
    try:
        await migrations.migrate(opened, "cities", [migrations.CITIES_MIGRATIONS])
        yield opened
    finally:
        await opened.close()


async def test_days_follow_each_other_and_one_that_has_begun_is_skipped_for_a_reason(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    await set_scale(connection, city_time=INITIAL_CITY_TIME, factor=1, fast_until=INITIAL_CITY_TIME)

    first = await next_day(connection, CITY, 80)
    assert (first.midnight.date(), first.skips) == (date(2026, 3, 2), None)
    await set_scale(connection, city_time=first.end, factor=1, fast_until=first.end)

    second = await next_day(connection, CITY, 80)
    assert (second.midnight.date(), second.skips) == (date(2026, 3, 3), None), "an evening's look costs no day"
    await set_scale(connection, city_time=second.midnight, factor=1, fast_until=second.midnight)

    third = await next_day(connection, CITY, 80)
    assert (third.midnight.date(), third.skips) == (date(2026, 3, 4), date(2026, 3, 3))


async def test_all_reports_of_a_day_are_within_what_is_played(
    connection: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    await set_scale(connection, city_time=INITIAL_CITY_TIME, factor=1, fast_until=INITIAL_CITY_TIME)
    day = await next_day(connection, CITY, 80)

    planned = plan_day(CITY, day.midnight.date(), DaySize(), seed=1)

    assert day.midnight <= planned[0].at
    assert planned[-1].at < day.end < day.midnight + timedelta(days=1)
    evening = datetime(2026, 3, 2, 20, tzinfo=CITY.zone)
    assert sum(each.at > evening for each in planned) < len(planned) / 10, "not all the night's at once"


def test_without_a_terminal_each_step_is_a_line_and_a_count_is_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(output.console, "_file", stream)

    with show_status("starting 正在启动") as show:
        for text in ("downloading 1/46", "downloading 2/46", "starting services / 正在启动各服务"):
            show(text)

    assert stream.getvalue().splitlines() == [
        "starting 正在启动 …",
        "downloading 1/46 …",
        "starting services / 正在启动各服务 …",
    ]


async def test_a_day_says_that_simulated_staff_work_along_and_until_when(
    connection: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(output.console, "_file", stream)
    await set_scale(connection, city_time=INITIAL_CITY_TIME, factor=1, fast_until=INITIAL_CITY_TIME)

    print_day(await next_day(connection, CITY, 80))

    assert "22:00" in stream.getvalue()
    assert "simulated staff" in stream.getvalue()
    assert "模拟人员" in stream.getvalue()
