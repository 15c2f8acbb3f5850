"""The cockpit in a real browser: pages are accessible, quiet, and fit; mistakes stand at their fields."""

from collections.abc import AsyncIterator
from itertools import count

import pytest
from playwright.async_api import Page, expect

from tests import servers as real
from tests.browser.accessibility import assert_accessible
from tests.browser.cockpit_pages import CockpitInProcess, open_cockpit
from tests.browser.pages import View, WatchedPages, save_screenshot
from tests.dispatch.inbox_entries import build_report, case_id_of
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=30)
_PLACES = count(0, 300)
PHONE = View(width=360, height=740, is_phone=True)


@pytest.fixture(scope="module")
async def cockpit(servers: real.ServerAddresses) -> AsyncIterator[CockpitInProcess]:
    """Open the cockpit and dispatch."""
    async with open_cockpit(servers) as opened:
        yield opened


async def report(cockpit: CockpitInProcess, name: str) -> str:
    """Send a report, and return its case once the cockpit shows it."""
    # Apart from all others: near ones would be merged.
    sent = build_report(name, text=f"井盖松动 {name}", east_m=next(_PLACES))
    await cockpit.dispatch.service.append_to_inbox(sent)
    query = "SELECT count(*) FROM case_row WHERE case_id = $1"
    await poll(lambda: cockpit.pool.fetchval(query, case_id_of(sent)), within_s=20, what="the case in the read model")
    return case_id_of(sent)


async def assert_fits(page: Page) -> None:
    """Fail where one has to scroll sideways."""
    overflow = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, f"{page.url} is {overflow} px too wide"


@pytest.mark.parametrize("view", [View(), View(locale="en-GB", theme="dark"), PHONE], ids=["zh", "en-dark", "phone"])
async def test_every_page_is_accessible_fits_and_is_quiet(
    cockpit: CockpitInProcess, pages: WatchedPages, view: View
) -> None:
    case_id = await report(cockpit, f"looked-at-{view.locale}-{view.width}")
    paths = {
        ("role:operator",): ("/overview", "/queues", "/queues?queue=all&words=井盖", f"/cases/{case_id}", "/system"),
        ("department:streets",): ("/desk", f"/cases/{case_id}"),
        ("role:inspector",): ("/inspection",),
        ("role:caller",): ("/callbacks",),
    }
    for scopes, each in paths.items():
        page = await cockpit.sign_in(pages, *scopes, view=view)
        for path in each:
            await page.goto(cockpit.address + path)
            await assert_accessible(page)
            await assert_fits(page)
            name = path.strip("/").partition("?")[0].split("/")[0]
            await save_screenshot(page, f"cockpit-{name}-{view.locale}-{view.theme}-{view.width}")


@pytest.mark.parametrize("view", [View(), View(has_script=False)], ids=["script", "no-script"])
async def test_a_return_without_a_reason_is_told_at_its_field_and_what_was_written_stays(
    cockpit: CockpitInProcess, pages: WatchedPages, view: View
) -> None:
    case_id = await report(cockpit, f"returned-{view.has_script}")
    clerk = await cockpit.sign_in(pages, "department:streets", view=view, expected_problems=["status of 422"])
    await clerk.goto(f"{cockpit.address}/cases/{case_id}")
    form = clerk.locator(f"form[action='/cases/{case_id}/actions/return']")
    await clerk.locator("summary", has_text="退单").first.click()
    await form.locator("select").select_option("not_our_duty")
    # A browser takes blanks for words; dispatch does not.
    await form.locator("textarea").fill("   ")
    await form.locator("button").click()

    await expect(clerk.locator("form .error")).to_have_count(1)
    await expect(form.locator("textarea")).to_be_focused()
    await expect(form.locator("select")).to_have_value("not_our_duty")
