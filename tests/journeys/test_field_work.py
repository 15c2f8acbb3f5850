"""A case in the street, by phone: the clerk finishes it through a bad line, it fails once, passes, and is rated."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import FilePayload, Page

from tests.browser.accessibility import assert_accessible
from tests.browser.pages import View, WatchedPages, save_screenshot
from tests.intake.sample_photos import make_jpeg
from tests.journeys.bad_line import BadLine
from tests.journeys.installation import CommandRunner
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=40)

CITY: Final = "quancheng"
PHONE: Final = View(width=360, height=740, is_phone=True)
NUMBER: Final = "13812345678"
LINE_IS_CUT: Final = ("ERR_FAILED", "ERR_INTERNET_DISCONNECTED", "422")
"""What a browser says of answers that never came, and of forms that were refused."""
SMALL_TARGETS: Final = """() => ['main a.button', 'main button', 'main summary', 'main select', 'nav a']
    .flatMap(each => [...document.querySelectorAll(each)])
    .filter(each => each.offsetParent && each.getBoundingClientRect().height < 43.9).map(each => each.outerHTML)"""
WIDER_THAN_THE_SCREEN: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass(slots=True)
class Work:
    """An installation with one case, and the addresses of its services."""

    installation: CommandRunner
    urls: Mapping[str, str]
    case_id: str
    department: str
    operator: Mapping[str, str]

    def link(self, post: str, *more: str) -> str:
        """Return a new sign-in link."""
        return self.installation.run("cockpit", "link", "--as", post, "--city", CITY, *more).stdout.split()[-1]

    def clerk_link(self, department: str | None = None) -> str:
        """Return a new sign-in link of the department's clerk."""
        return self.link("clerk", "--department", department or self.department)

    async def case(self) -> dict[str, Any]:
        """Return the case as dispatch has it."""
        async with httpx.AsyncClient(headers=dict(self.operator), timeout=30) as client:
            answer = await client.get(f"{self.urls['dispatch']}/v1/cases/{self.case_id}")
            found: dict[str, Any] = answer.json()
            return found

    async def wait_for(self, status: str) -> dict[str, Any]:
        """Wait until the case has this status."""

        async def reached() -> dict[str, Any]:
            found = await self.case()
            return found if found["case"]["status"] == status else {}

        return await poll(reached, within_s=30, what=f"the case is {status}")


@pytest.fixture
async def work(installation: CommandRunner) -> Work:
    """Send a report and wait until its case is with a department."""
    services = json.loads(installation.run("status", "--json").stdout)["services"]
    urls = {each["name"]: each["url"] for each in services}
    hotline, operator = _key(installation, "source:hotline-12345"), _key(installation, "role:operator")
    body = {
        "source_ref": f"field-{NUMBER[-4:]}-{len(urls)}-{installation.home.name}-{id(urls)}",
        "matter": "投诉",
        "category": "市容环境/暴露生活垃圾",
        "text": f"巷口垃圾堆了三天，<b>请</b>清理，电话{NUMBER}",
        "wants_callback": True,
        "position": {"x": 117.0307, "y": 36.6602, "crs": "gcj02"},
        "reporter": {"name": "王敏", "phone": NUMBER},
    }
    async with httpx.AsyncClient(timeout=30) as client:
        report = await client.post(f"{urls['intake']}/v1/tickets", json=body, headers=hotline)
        assert report.status_code == 202, report.text
        address = f"{urls['intake']}/v1/reports/{report.json()['report_id']}"

        async def dispatched() -> dict[str, Any]:
            found: dict[str, Any] = (await client.get(address, headers=hotline)).json()
            return found if found.get("status") == "dispatched" else {}

        case_id = (await poll(dispatched, within_s=60, what="the report is dispatched"))["case_id"]
        shown = await client.get(f"{urls['dispatch']}/v1/cases/{case_id}", headers=operator)
    return Work(installation, urls, case_id, shown.json()["case"]["department"], operator)


async def sign_in(page: Page, link: str) -> None:
    """Sign in by a link."""
    await page.goto(link)
    await page.get_by_role("main").get_by_role("button").click()
    await page.wait_for_url(lambda url: "/sign-in" not in url)


async def look(page: Page, name: str) -> None:
    """Check the page in both languages and themes, and save a picture of each."""
    path = page.url.partition("?")[0]
    for language in ("en", "zh"):
        for theme in ("dark", "light"):
            await page.goto(f"{path}?lang={language}")
            await page.goto(f"{path}?theme={theme}")
            await page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
            await save_screenshot(page, f"{name}-{language}-{theme}")
            await assert_accessible(page)
            assert await page.evaluate(SMALL_TARGETS) == [], name
            assert await page.evaluate(WIDER_THAN_THE_SCREEN) <= 0, f"{name} is wider than the phone"


async def finish(page: Page, case_id: str, text: str, *, colour: str = "teal") -> None:
    """Fill in what was done, with a photo, and send it."""
    form = page.locator(f'form[action="/cases/{case_id}/actions/finish"]')
    await page.locator("details", has=form).locator("summary").click()
    await form.locator("textarea").first.fill(text)
    photo = make_jpeg(width=2400, height=1800, colour=colour)
    file = FilePayload(name="a.jpg", mimeType="image/jpeg", buffer=photo)
    await form.locator("input[type=file]").set_input_files(file)
    await form.locator("input[type=checkbox]").check()
    await form.locator("button[type=submit]").click()


async def inspect(page: Page, case_id: str, *, passed: bool, reason: str = "") -> None:
    """Fill in whether the work passes, and send it."""
    form = page.locator(f'form[action="/cases/{case_id}/actions/inspect"]')
    details = page.locator("details", has=form)
    if await details.get_attribute("open") is None:
        await details.locator("summary").click()
    await form.locator("select").first.select_option("true" if passed else "false")
    if reason:
        await form.locator('[name="action.reason"]').fill(reason)
    await form.locator("button[type=submit]").click()


async def test_a_case_is_finished_failed_passed_and_rated_by_phone(work: Work, pages: WatchedPages) -> None:
    clerk = await pages.open(work.clerk_link(), PHONE, expected_problems=LINE_IS_CUT)
    await accept(work, clerk)
    await finish_over_a_bad_line(work, clerk)

    inspector = await pages.open(work.link("inspector"), PHONE, expected_problems=LINE_IS_CUT)
    await fail_after_a_refusal(work, inspector)

    await clerk.goto(f"{work.urls['cockpit']}/desk")
    await finish(clerk, work.case_id, "墙角也已清理", colour="olive")
    await work.wait_for("inspecting")
    await inspector.goto(f"{work.urls['cockpit']}/inspection")
    await inspect(inspector, work.case_id, passed=True)
    await work.wait_for("closed")

    await call_back(work, pages)


async def accept(work: Work, clerk: Page) -> None:
    """Sign in, which leads to the desk, and accept the order there."""
    await sign_in(clerk, clerk.url)
    task = clerk.locator(f'form[action="/cases/{work.case_id}/actions/accept"]')
    await poll(lambda: _reloaded(clerk, task), within_s=20, what="the order is on the desk")
    assert clerk.url.endswith("/desk"), "a clerk begins at the desk"
    await look(clerk, "desk")
    await task.get_by_role("button").click()
    await work.wait_for("handling")


async def finish_over_a_bad_line(work: Work, clerk: Page) -> None:
    """Finish the work once, though the request is lost, then the session, then the answer."""
    line = BadLine(["request", "answer"])
    await clerk.route("**/actions/finish", line.carry)
    await finish(clerk, work.case_id, "已清运，地面已冲洗")
    await clerk.locator(".kept li").get_by_text("暂无网络").wait_for()
    await save_screenshot(clerk, "desk-kept")
    await assert_accessible(clerk)
    await clerk.context.clear_cookies()
    await sign_in(clerk, work.clerk_link())
    await poll(lambda: len(line.keys) == 2, within_s=20, what="it was sent again by itself")  # its answer is lost
    await clerk.locator(".kept li").get_by_text("暂无网络").wait_for()
    await clerk.locator(".kept [data-again]").click()
    await clerk.locator(".kept").wait_for(state="hidden")
    found = await work.wait_for("inspecting")
    assert (len(line.keys), len(set(line.keys))) == (3, 1)
    finishes = [each["event"] for each in found["history"] if each["event"]["type"] == "case.finished.v1"]
    assert [(each["text"], len(each["proof"])) for each in finishes] == [("已清运，地面已冲洗", 1)]


async def fail_after_a_refusal(work: Work, inspector: Page) -> None:
    """Sign in and fail the inspection, first without a reason, which is refused."""
    await sign_in(inspector, inspector.url)
    await inspector.goto(f"{work.urls['cockpit']}/inspection")
    await look(inspector, "inspection")
    checks = BadLine([])
    await inspector.route("**/actions/inspect", checks.carry)
    await inspect(inspector, work.case_id, passed=False)
    await inspector.locator(".field .error").wait_for()
    await save_screenshot(inspector, "inspection-refused")
    await inspect(inspector, work.case_id, passed=False, reason="墙角仍有垃圾")
    await work.wait_for("handling")
    assert len(set(checks.keys)) == 2, "a changed one has a new id after a refusal"


async def call_back(work: Work, pages: WatchedPages) -> None:
    """Call the reporter of the closed case, who is satisfied."""
    caller = await pages.open(work.link("caller"), PHONE)
    await sign_in(caller, caller.url)
    call = caller.locator(f'a[href^="/callbacks/{work.case_id}/"]')
    await caller.goto(f"{work.urls['cockpit']}/callbacks")
    await poll(lambda: _reloaded(caller, call), within_s=20, what="the call is on the list")
    await look(caller, "callbacks")
    assert NUMBER not in await caller.content()
    await call.first.click()
    await look(caller, "call")
    assert NUMBER not in await caller.content()
    await caller.locator('form[action$="/contact"] button').click()
    await caller.get_by_role("link", name=NUMBER).wait_for()
    await save_screenshot(caller, "call-contact")
    await assert_accessible(caller)
    await caller.locator('[name="action.rating"]').select_option("satisfied")
    await caller.locator('[name="action.solved"]').select_option("solved")
    await caller.locator('form[action$="/call_back"] button').click()
    await caller.wait_for_url("**/callbacks")
    rated = await work.case()
    assert rated["case"]["rating"] == "satisfied"


async def _reloaded(page: Page, wanted: Any) -> bool:  # noqa: ANN401 - a locator
    await page.reload()
    return bool(await wanted.count())


def _key(installation: CommandRunner, scope: str) -> dict[str, str]:
    printed = installation.run("keys", "add", "--name", "field", "--city", CITY, scope).stdout
    return {"authorization": f"Bearer {printed.split()[-1]}"}
