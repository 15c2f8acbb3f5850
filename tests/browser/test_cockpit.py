"""The cockpit in a real browser: pages are accessible, quiet, and fit; mistakes stand at their fields."""

import re
from collections.abc import AsyncIterator
from itertools import count

import pytest
from playwright.async_api import Locator, Page, expect

from paidan_contracts.actions import Void
from tests import servers as real
from tests.browser.accessibility import assert_accessible
from tests.browser.cockpit_pages import CockpitInProcess, open_cockpit
from tests.browser.pages import View, WatchedPages, save_screenshot
from tests.dispatch.inbox_entries import build_action, build_report, case_id_of
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=45)
_PLACES = count(0, 300)
HELPED_CLASS = "C0137"
"""A class whose rule sends an order to a second department, too."""
NO_ROOM = """() => {
  const put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = function (item) {
    if (item.state === "refused") throw new DOMException("full", "QuotaExceededError");
    return put.call(this, item);
  };
}"""
"""Leaves the browser no room for a form once it was refused."""
KEPT_WORDS = """() => new Promise((resolve, reject) => {
  const opened = indexedDB.open("paidan-desk", 1);
  opened.onerror = reject;
  opened.onsuccess = () => {
    const all = opened.result.transaction("actions").objectStore("actions").getAll();
    all.onsuccess = () => resolve(all.result.map((each) => each.fields["action.reason"] ?? each.fields["action.text"]));
  };
})"""
PHONE = View(width=360, height=740, is_phone=True)


@pytest.fixture(scope="module")
async def cockpit(servers: real.ServerAddresses) -> AsyncIterator[CockpitInProcess]:
    """Open the cockpit and dispatch."""
    async with open_cockpit(servers) as opened:
        yield opened


async def report(cockpit: CockpitInProcess, name: str, class_code: str = "E0110", source: str = "hotline") -> str:
    """Send a report, and return its case once the cockpit shows it."""
    # Apart from all others: near ones would be merged.
    sent = build_report(name, text=f"井盖松动 {name}", east_m=next(_PLACES), class_code=class_code, source=source)
    await cockpit.dispatch.service.append_to_inbox(sent)
    query = "SELECT count(*) FROM case_row WHERE case_id = $1"
    await poll(lambda: cockpit.pool.fetchval(query, case_id_of(sent)), what="the case in the read model")
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
    helped_id = await report(cockpit, f"helped-{view.locale}-{view.width}", HELPED_CLASS)
    unsure_id = await report(cockpit, f"unsure-{view.locale}-{view.width}", source="camera")
    paths = {
        ("role:operator",): (
            "/overview",
            "/queues",
            "/queues?queue=all&words=井盖",
            f"/cases/{helped_id}",
            "/system",
            "/queues?queue=escalated",
            "/queues?queue=requests",
            "/queues?queue=planned",
            "/scores?by=department",
        ),
        ("department:streets",): ("/desk", f"/cases/{case_id}", f"/cases/{helped_id}"),
        ("role:inspector",): ("/inspection", "/verification"),
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
            if path == "/verification":
                await verify_on_site(page, unsure_id)


async def verify_on_site(page: Page, case_id: str) -> None:
    """Answer a verification that is overdue, on the patrol's own page, and read what becomes of it."""
    task = page.locator("li.task").filter(has=page.locator(f"a[href='/cases/{case_id}']"))
    await expect(task.locator(".flag.overdue")).to_have_count(1)
    form = task.locator("form[action$='/actions/verify']")
    await task.locator("summary").first.click()
    await expect(form.locator("[data-consent=position]")).to_be_visible()
    await assert_accessible(page)
    await assert_fits(page)
    await form.locator("select").first.select_option("true")
    await form.locator("button[type=submit]").click()
    await expect(task.locator(":focus")).to_contain_text(re.compile("核实结果已记录|The verification is recorded"))
    await expect(task.locator("form, .flag.overdue")).to_have_count(0)
    await page.reload()
    await expect(task).to_have_count(0)


@pytest.mark.parametrize("view", [View(), View(has_script=False)], ids=["script", "no-script"])
async def test_a_return_without_a_reason_is_told_at_its_field_and_what_was_written_stays(
    cockpit: CockpitInProcess, pages: WatchedPages, view: View
) -> None:
    case_id = await report(cockpit, f"returned-{view.has_script}")
    clerk = await cockpit.sign_in(pages, "department:streets", view=view, expected_problems=["status of 4(13|22)"])
    await clerk.goto(f"{cockpit.address}/cases/{case_id}")
    form = clerk.locator(f"form[action='/cases/{case_id}/actions/return']")
    await clerk.locator("summary", has_text="退单").first.click()
    await form.locator("select").select_option("not_our_duty")
    # A browser takes blanks for words; dispatch does not.
    await form.locator("textarea").fill("   ")
    if view.has_script:
        await clerk.evaluate(NO_ROOM)
    await form.locator("button[type=submit]").click()

    await expect(clerk.locator("form .error")).to_have_count(1)
    await expect(form.locator("textarea")).to_be_focused()
    await expect(form.locator("select")).to_have_value("not_our_duty")
    if view.has_script:
        assert await clerk.evaluate(KEPT_WORDS) == ["   "], "what was sent stays until the changed one is kept"
        await send_what_a_proxy_refuses(clerk, form)
        await clerk.unroute_all()
    await form.locator("textarea").fill("不属于我单位")
    await form.locator("button[type=submit]").click()
    # The case is not the department's any more, so it is told on the desk.
    await clerk.wait_for_url("**/desk?done=applied&deed=return&case=*")
    await expect(clerk.locator("p[role=status]:focus")).to_contain_text("已退单")


async def send_what_a_proxy_refuses(clerk: Page, form: Locator) -> None:
    """Send a form that never arrives, because something in front says no: it is told, and can be sent again."""
    answer = {"error": {"code": "too_large", "message": "too large", "message_zh": "请求体过大"}}
    await clerk.route("**/actions/return", lambda route: route.fulfill(status=413, json=answer))
    await form.locator("button[type=submit]").click()
    await expect(form.locator(".notice.bad")).to_contain_text("请求体过大")
    await expect(form.locator("button[type=submit]")).to_be_enabled()


async def choose_by_keys(page: Page) -> None:
    """Choose three cases by keys, which do nothing while they are off or something is written."""
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog")).to_contain_text("open the case")
    await assert_accessible(page)
    works = page.get_by_label("These keys work in this browser")
    await works.uncheck()
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    await expect(page.locator("a[data-case]:focus")).to_have_count(0)
    await page.get_by_role("button", name="Keys").click()
    await works.check()
    await page.keyboard.press("Escape")
    await page.keyboard.press("/")
    await page.keyboard.type("jx")
    await expect(page.get_by_role("searchbox")).to_have_value("jx")
    await page.locator("body").click(position={"x": 5, "y": 5})
    for key in "jxjxjx":
        await page.keyboard.press(key)


async def send_without_a_department(page: Page) -> None:
    """Send a form as a browser without the check of required fields would, and find what is wrong at its field."""
    await page.locator("summary", has_text="Redispatch").click()
    form = page.locator("form[action='/queues/actions/redispatch']")
    await form.evaluate("form => form.noValidate = true")
    await form.locator("button[type=submit]").click()
    await expect(form.locator(".error")).to_have_count(2)


async def test_who_comes_too_late_sees_the_case_as_it_is_and_what_was_written_follows_nowhere_else(
    cockpit: CockpitInProcess, pages: WatchedPages
) -> None:
    """A form that was overtaken stays with its own case, with its words; on other cases it is one folded line."""
    case_id, other_id = [await report(cockpit, name) for name in ("overtaken", "elsewhere")]
    page = await cockpit.sign_in(pages, "role:operator", view=View(locale="en-GB"), expected_problems=["status of 422"])
    await page.goto(f"{cockpit.address}/cases/{case_id}")
    await page.locator("summary", has_text="Redispatch").click()
    form = page.locator("form[action$='/actions/redispatch']")
    assert await form.get_attribute("autocomplete") == "off", "going back brings no old words along"
    await form.locator("select").first.select_option("lamps")
    await form.locator("textarea").first.fill("these are lamps")
    await cockpit.dispatch.service.append_to_inbox(build_action(case_id, Void(reason="no case"), by="operator:desk"))
    status = "SELECT status = 'voided' FROM case_row WHERE case_id = $1"
    await poll(lambda: cockpit.pool.fetchval(status, case_id), what="the case to be voided")
    await form.locator("button[type=submit]").click()

    kept = page.locator(".kept > ol > li")
    await expect(kept).to_contain_text("the case is “voided” now. Its last step")
    await expect(kept.locator("[data-written]")).to_contain_text("these are lamps")
    await expect(page.locator("article header .status")).to_have_class("status voided")
    await assert_accessible(page)
    await page.goto(f"{cockpit.address}/cases/{other_id}")
    await expect(page.locator(".kept summary")).to_have_text("Refused forms of other cases: 1")
    await expect(kept).to_have_count(0)
    await assert_accessible(page)
    await page.locator(".kept summary").click()
    await page.locator(".kept [data-discard]").click()
    await expect(page.locator(".kept")).to_be_hidden()


async def test_a_dispatcher_acts_on_several_cases_by_keys_alone_and_keeps_the_view(
    cockpit: CockpitInProcess, pages: WatchedPages
) -> None:
    """One of them was voided meanwhile: that is told of it alone, and sending the form again does nothing twice."""
    case_ids = [await report(cockpit, f"several-{number}") for number in range(3)]
    urged = "SELECT urged FROM case_row WHERE case_id = ANY($1::text[]) ORDER BY urged"
    page = await cockpit.sign_in(pages, "role:operator", view=View(locale="en-GB"), expected_problems=["status of 422"])
    await page.goto(f"{cockpit.address}/queues?queue=in-work&words=several&order=newest")

    await choose_by_keys(page)
    await expect(page.locator("[data-chosen]")).to_have_text("Chosen: 3")
    await expect(page.locator("a[data-case]").nth(2)).to_be_focused()
    await page.keyboard.press("a")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("heading", level=1)).to_have_text("3 cases at once")
    await assert_accessible(page)
    await save_screenshot(page, "cockpit-several-en")
    await send_without_a_department(page)
    await cockpit.dispatch.service.append_to_inbox(
        build_action(case_ids[0], Void(reason="not a case"), by="operator:desk")
    )
    status = "SELECT status = 'voided' FROM case_row WHERE case_id = $1"
    await poll(lambda: cockpit.pool.fetchval(status, case_ids[0]), what="the case to be voided")
    await page.locator("summary", has_text="Urge").click()
    await page.locator("form[action='/queues/actions/urge'] button").click()

    await expect(page.get_by_role("status").first).to_contain_text("Done for 2 cases. Refused for 1.")
    await expect(page.locator("td.refused")).to_have_count(1)
    await assert_accessible(page)
    await save_screenshot(page, "cockpit-several-result-en")
    await page.reload()
    await expect(page.get_by_role("status").first).to_contain_text("Done for 2 cases. Refused for 1.")
    assert [row["urged"] for row in await cockpit.pool.fetch(urged, case_ids)] == [0, 1, 1]

    await page.get_by_role("link", name="Back to the queue").click()
    await page.locator("summary", has_text="Save this view").click()
    await page.get_by_label("Name of the view").fill("Mine")
    await page.get_by_label("Opens first").check()
    await page.get_by_role("button", name="Save", exact=True).click()
    await page.goto(cockpit.address)
    await expect(page.locator("nav a[aria-current='true']")).to_have_text("Mine")
    await expect(page.locator("a[data-case]")).to_have_count(2)
