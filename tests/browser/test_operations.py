"""Scores, city and system in a real browser; a halt is lifted and a dead letter redriven by a click each."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final, cast

import asyncpg
import pytest
from playwright.async_api import Locator, Page, expect

from paidan_chassis.consumer import dead_letters, halts
from paidan_chassis.consumer.batch import DeadLetter, Record
from paidan_chassis.consumer.config import ConsumerTuning, Subscription
from paidan_cockpit.settings import CONSUMER
from paidan_contracts.checks import CONSERVATION, CheckResult, ConservationChecked
from paidan_contracts.topics import CHECKS
from tests import servers as real
from tests import vault
from tests.browser.accessibility import assert_accessible
from tests.browser.cockpit_pages import CockpitInProcess, open_cockpit
from tests.browser.pages import View, WatchedPages, save_screenshot
from tests.dispatch.inbox_entries import build_report
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=45)
PLANTED: Final = "<img src=x onerror=alert(1)>"
VIEWS: Final = (View(), View(locale="en-GB", theme="dark"), View(width=360, height=740, is_phone=True))


@pytest.fixture(scope="module")
async def cockpit(servers: real.ServerAddresses) -> AsyncIterator[CockpitInProcess]:
    """Open the cockpit, dispatch and scoring, with a case and the result of a check."""
    async with open_cockpit(servers) as opened:
        await opened.dispatch.service.append_to_inbox(build_report("counted"))
        await send_check(opened, holds=True)
        await poll(lambda: opened.pool.fetchval("SELECT count(*) FROM case_row"), what="the case")
        await poll(lambda: opened.pool.fetchval("SELECT count(*) FROM conservation_check"), what="check")
        yield opened


def check(*, holds: bool) -> ConservationChecked:
    """Build the result of a check of which one part may not hold."""
    parts = (
        CheckResult(code="reports_decided", holds=True, counted=12),
        CheckResult(code="a_newer_check", holds=holds, counted=12, against=0 if holds else 3),
    )
    return ConservationChecked(
        check_id=str(uuid.uuid4()), checked_at=datetime.now(UTC), took_ms=840, holds=holds, received=12,
        outcomes={"opened": 9, "merged": 3}, checks=parts,
    )  # fmt: skip


async def send_check(cockpit: CockpitInProcess, *, holds: bool) -> None:
    await cockpit.dispatch.clients.send(CHECKS.name, CONSERVATION, check(holds=holds).model_dump_json().encode())


async def store_letter(cockpit: CockpitInProcess, value: bytes, offset: int) -> None:
    """Store a dead letter of the cockpit's, as an earlier release that could not read the record would have."""
    subscription = Subscription(CONSUMER, topics=(CHECKS.name,), tuning=ConsumerTuning(), cipher=vault.build_cipher())
    record = Record(CHECKS.name, 0, offset, CONSERVATION.encode(), value, (), datetime.now(UTC))
    async with cockpit.pool.acquire() as connection, connection.transaction():
        conn = cast("asyncpg.Connection", connection)
        await dead_letters.store(conn, subscription, [DeadLetter(record, "unreadable", PLANTED)])


@pytest.mark.parametrize("view", VIEWS, ids=["zh", "en-dark", "phone"])
async def test_the_pages_are_accessible_fit_and_are_quiet(
    cockpit: CockpitInProcess, pages: WatchedPages, view: View
) -> None:
    await store_letter(cockpit, b"unreadable for ever", 1_000_000 + view.width + len(view.theme))
    letter = await cockpit.pool.fetchval("SELECT letter_id FROM dead_letter LIMIT 1")
    page = await cockpit.sign_in(pages, "role:operator", city="*", view=view)
    letters = "/system/cockpit/dead-letters"
    for path in ("/scores?city=tiny&period=2026-03", "/city?city=tiny", "/system", letters, f"{letters}/{letter}"):
        await page.goto(cockpit.address + path)
        await assert_accessible(page)
        overflow = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert overflow <= 0, f"{path} is {overflow} px too wide"
        name = path.partition("?")[0].strip("/").replace("/", "-").removesuffix(f"-{letter}")
        is_letter = str(letter) in path
        await save_screenshot(page, f"{name}{'-one' if is_letter else ''}-{view.locale}-{view.theme}-{view.width}")


async def test_each_figure_opens_its_cases_and_no_case_is_no_value(
    cockpit: CockpitInProcess, pages: WatchedPages
) -> None:
    page = await cockpit.sign_in(pages, "role:monitor", view=View(locale="en-GB"))
    address = f"{cockpit.address}/scores?city=tiny&by=city&period=2026-03&indicator=on_time"
    await page.goto(address)
    for _ in range(50):
        if await page.locator("table.league").count():
            break
        await page.wait_for_timeout(200)
        await page.goto(address)
    await expect(page.locator("#plot canvas")).to_have_count(1)
    await expect(page.locator("table.league tbody")).to_contain_text("no cases")
    await expect(page.locator("table.league tbody")).not_to_contain_text("0.0 %")

    await page.locator("table.league tbody a").first.click()
    await expect(page.locator("main")).to_contain_text("/")
    assert "/scores/" in page.url


async def test_a_dead_letter_is_redriven_by_a_click(cockpit: CockpitInProcess, pages: WatchedPages) -> None:
    sent = check(holds=False)
    await store_letter(cockpit, sent.model_dump_json().encode(), 2_000_000)
    page = await cockpit.sign_in(pages, "role:operator", city="*", view=View(locale="en-GB"))
    await page.goto(f"{cockpit.address}/system/cockpit/dead-letters")
    await expect(page.locator("main")).to_contain_text(PLANTED)
    await page.check("input[aria-label$='2000000']")
    await page.get_by_role("button", name="Redrive the chosen ones").click()

    await expect(page.locator(".notice.good")).to_contain_text("1 record was appended again.")
    await page.goto(f"{cockpit.address}/system")
    await expect(page.locator(".verdict")).to_contain_text("Something does not hold.")
    assert (
        await cockpit.pool.fetchval("SELECT holds FROM conservation_check WHERE check_id = $1", sent.check_id) is False
    )


async def choose_where_to_resume_while_the_page_renews_itself(
    page: Page, cockpit: CockpitInProcess, halt: Locator
) -> None:
    """Choose, and see that the choice stays while the part is renewed that it stands in."""
    await halt.locator("select").select_option(index=1)
    chosen = await halt.locator("select").input_value()
    await page.locator("h1").click()  # focus is elsewhere
    async with cockpit.pool.acquire() as connection:
        await halts.record(cast("asyncpg.Connection", connection), "later", "cluster_changed", "why | 另一个")
    await expect(page.locator(".halt", has_text="later")).to_have_count(1, timeout=20_000)
    await expect(halt.locator("select")).to_have_value(chosen)


async def test_a_halt_that_opens_meanwhile_is_lifted_by_a_click(cockpit: CockpitInProcess, pages: WatchedPages) -> None:
    page = await cockpit.sign_in(pages, "role:operator", city="*")
    await page.goto(f"{cockpit.address}/system")
    await page.evaluate("window.stayed = true")
    async with cockpit.pool.acquire() as connection:
        await halts.record(cast("asyncpg.Connection", connection), "former", "cluster_changed", "why | 原因在此")
    halt = page.locator(".halt", has_text="former")
    await expect(halt).to_contain_text("原因在此", timeout=20_000)
    assert await page.evaluate("window.stayed"), "it was not loaded again"
    await choose_where_to_resume_while_the_page_renews_itself(page, cockpit, halt)
    await save_screenshot(page, "system-halted")
    await halt.get_by_role("button").click()

    await expect(halt).to_have_count(0)
    assert await cockpit.pool.fetchval("SELECT resumed_at FROM halt WHERE consumer = 'former'")


async def test_who_operates_one_city_sees_the_system_without_what_is_of_all(
    cockpit: CockpitInProcess, pages: WatchedPages
) -> None:
    page = await cockpit.sign_in(pages, "role:operator", view=View(locale="en-GB"))
    await page.goto(f"{cockpit.address}/system")
    await expect(page.locator("main")).to_contain_text("a system operator of the installation sees and mends them")
    await expect(page.locator("main a[href*='dead-letters']")).to_have_count(0)
