"""A case through every hand: placed at a desk, then by phone finished through a bad line, failed, passed, and rated."""

import json
import re
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.browser.accessibility import assert_accessible
from tests.browser.pages import View, WatchedPages, save_screenshot
from tests.journeys.bad_line import BadLine
from tests.journeys.field_case import CITY, DEPARTMENT, Work
from tests.journeys.field_forms import finish, inspect, jpeg_file
from tests.journeys.installation import CommandRunner
from tests.polling import poll

pytestmark = pytest.mark.takes(seconds=40)

PHONE: Final = View(width=360, height=740, is_phone=True)
PHONE_WITHOUT_SCRIPT: Final = View(width=360, height=740, is_phone=True, has_script=False)
NUMBER: Final = "13812345678"
LINE_IS_CUT: Final = ("ERR_FAILED", "ERR_INTERNET_DISCONNECTED", "422")
"""What a browser says of answers that never came, and of forms that were refused."""
SMALL_TARGETS: Final = """() => ['main a.button', 'main button', 'main summary', 'main select', 'nav a']
    .flatMap(each => [...document.querySelectorAll(each)])
    .filter(each => each.offsetParent && each.getBoundingClientRect().height < 43.9).map(each => each.outerHTML)"""
WIDER_THAN_THE_SCREEN: Final = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
async def work(installation: CommandRunner) -> Work:
    """Send a report whose place nobody knows, and wait until its case is held for a dispatcher."""
    services = json.loads(installation.run("status", "--json").stdout)["services"]
    urls = {each["name"]: each["url"] for each in services}
    hotline, operator = _key(installation, "source:hotline-12345"), _key(installation, "role:operator")
    body = {
        "source_ref": f"field-{NUMBER[-4:]}-{len(urls)}-{installation.home.name}-{id(urls)}",
        "matter": "投诉",
        "category": "市容环境/暴露生活垃圾",
        "text": f"巷口垃圾堆了三天，<b>请</b>清理，电话{NUMBER}",
        "wants_callback": True,
        "reporter": {"name": "王敏", "phone": NUMBER},
    }
    async with httpx.AsyncClient(timeout=30) as client:
        report = await client.post(f"{urls['intake']}/v1/tickets", json=body, headers=hotline)
        assert report.status_code == 202, report.text
        address = f"{urls['intake']}/v1/reports/{report.json()['report_id']}"

        async def held() -> dict[str, Any]:
            found: dict[str, Any] = (await client.get(address, headers=hotline)).json()
            return found if found.get("status") == "filed" else {}

        case_id = (await poll(held, within_s=60, what="the report's case is held"))["case_id"]
    return Work(installation, urls, case_id, operator)


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


async def counts_of(page: Page) -> list[int]:
    """Return numerator and denominator of the satisfaction that an open overview shows; zeros while nothing counts."""
    tile = page.locator("#figures-rates .tile", has_text="满意率")
    await tile.wait_for()
    rate = tile.locator("a[href^='/scores/']")
    return [int(each) for each in re.findall(r"\d+", await rate.inner_text())] if await rate.count() else [0, 0]


async def place(page: Page, work: Work) -> None:
    """Find the held case in its queue, and give it to the department while the line is cut for a moment."""
    case = page.locator(f'main a[href="/cases/{work.case_id}"]')
    await page.goto(f"{work.urls['cockpit']}/queues?queue=placing&city={CITY}")
    await poll(lambda: _reloaded(page, case), what="the held case is in its queue")
    await case.first.click()
    form = page.locator(f'form[action="/cases/{work.case_id}/actions/assign"]')
    await form.locator("select").select_option(DEPARTMENT)
    await form.locator("textarea").fill("责任单位已电话确认")
    await page.context.set_offline(True)
    await form.locator("button[type=submit]").click()
    await page.locator(".kept li").get_by_text("暂无网络").wait_for()
    await page.context.set_offline(False)
    await page.wait_for_url("**?done=applied")
    await work.wait_for("dispatched")


async def test_a_case_is_placed_finished_failed_passed_and_rated(work: Work, pages: WatchedPages) -> None:
    dispatcher = await pages.open(work.link("dispatcher"), expected_problems=LINE_IS_CUT)
    await sign_in(dispatcher, dispatcher.url)
    overview = await dispatcher.context.new_page()
    await overview.goto(f"{work.urls['cockpit']}/overview?city={CITY}")
    before = await counts_of(overview)
    await overview.evaluate("window.stayed = true")
    await place(dispatcher, work)

    await work_in_the_street(work, pages)
    await call_back(work, pages)

    async def counted() -> bool:
        return await counts_of(overview) == [each + 1 for each in before]

    await poll(counted, within_s=40, what="the open overview counts the satisfied reporter")
    assert await overview.evaluate("window.stayed"), "it was not loaded again"
    await dispatcher.reload()
    for told in ("已签收", "已知处置地点", "核查未通过", "核查通过", "满意"):
        await expect(dispatcher.locator(".timeline")).to_contain_text(told)


async def work_in_the_street(work: Work, pages: WatchedPages) -> None:
    """Accept, finish through a bad line, fail, finish again without script, and pass."""
    clerk = await pages.open(work.clerk_link(), PHONE, expected_problems=LINE_IS_CUT)
    await sign_in(clerk, clerk.url)
    task = clerk.locator(f'form[action="/cases/{work.case_id}/actions/accept"]')
    await poll(lambda: _reloaded(clerk, task), what="the order is on the desk")
    assert clerk.url.endswith("/desk"), "a clerk begins at the desk"
    await look(clerk, "desk")
    await task.get_by_role("button").click()
    await work.wait_for("handling")
    await finish_through_a_bad_line(clerk, work)

    inspector = await pages.open(work.link("inspector"), PHONE, expected_problems=LINE_IS_CUT)
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
    await clerk.goto(f"{work.urls['cockpit']}/cases/{work.case_id}")
    await expect(clerk.locator("main")).to_contain_text("墙角仍有垃圾")
    assert len(set(checks.keys)) == 2, "a changed one has a new id after a refusal"

    plain = await pages.open(work.clerk_link(), PHONE_WITHOUT_SCRIPT)
    await sign_in(plain, plain.url)
    await finish(plain, work.case_id, "墙角也已清理", colour="olive")
    await plain.wait_for_url(re.compile(rf"/desk\?city={CITY}&done=applied"))
    await expect(plain.locator("p[role=status]:focus")).to_be_in_viewport()
    found = await work.wait_for("inspecting")
    assert len(found["case"]["assignments"][-1]["proof"]) == 1, "a plain form carries its photo"
    assert "latitude" not in found["history"][-1]["event"], "without script no position is sent"
    await inspector.goto(f"{work.urls['cockpit']}/inspection")
    await inspect(inspector, work.case_id, passed=True)
    await work.wait_for("closed")


async def finish_through_a_bad_line(clerk: Page, work: Work) -> None:
    """Finish while requests and answers are lost: it is kept, survives a new sign-in, and arrives once."""
    await choose_too_many_photos(clerk, work)
    await finish_where_the_browser_tells_no_position(clerk, work)
    await clerk.context.grant_permissions(["geolocation"])
    await clerk.context.set_geolocation({"latitude": 36.6500049, "longitude": 117.03})
    line = BadLine(["request", "answer"])
    await clerk.route("**/actions/finish", line.carry)
    await finish(clerk, work.case_id, "已清运，地面已冲洗")
    await clerk.locator(".kept li").get_by_text("暂无网络").wait_for()
    await save_screenshot(clerk, "desk-kept")
    await assert_accessible(clerk)
    await clerk.context.clear_cookies()
    await sign_in(clerk, work.clerk_link())
    await poll(lambda: len(line.keys) == 2, what="it was sent again by itself")  # its answer is lost
    await clerk.locator(".kept li").get_by_text("暂无网络").wait_for()
    await clerk.locator(".kept [data-again]").click()
    await clerk.locator(".kept").wait_for(state="hidden")
    found = await work.wait_for("inspecting")
    assert (len(line.keys), len(set(line.keys))) == (3, 1)
    finishes = [each["event"] for each in found["history"] if each["event"]["type"] == "case.finished.v1"]
    assert [(each["text"], len(each["proof"])) for each in finishes] == [("已清运，地面已冲洗", 1)]
    assert [(each["latitude"], each["longitude"]) for each in finishes] == [(36.65, 117.03)], "as was agreed to"


async def choose_too_many_photos(clerk: Page, work: Work) -> None:
    """Choose one photo more than a form takes: it is said at the field, and nothing is sent."""
    form = clerk.locator(f'form[action="/cases/{work.case_id}/actions/finish"]')
    await clerk.locator("details", has=form).locator("summary").click()
    await form.locator("input[type=file]").set_input_files([jpeg_file()] * 10)
    await form.locator("textarea").first.fill("照片过多")
    await form.locator("button[type=submit]").click()
    await expect(form.locator(".error")).to_have_text("最多选择 9 张照片。")
    await expect(clerk.locator(".kept li")).to_have_count(0)


async def finish_where_the_browser_tells_no_position(clerk: Page, work: Work) -> None:
    """Finish while the line is cut and the browser may not tell where it is: that is told, and it is discarded."""
    await clerk.context.set_offline(True)
    await finish(clerk, work.case_id, "已清运")
    await clerk.locator(".kept li").get_by_text("浏览器未提供位置").wait_for()
    await clerk.locator(".kept [data-discard]").click()
    await clerk.context.set_offline(False)


async def call_back(work: Work, pages: WatchedPages) -> None:
    """Call the reporter of the closed case, who is satisfied."""
    caller = await pages.open(work.link("caller"), PHONE)
    await sign_in(caller, caller.url)
    call = caller.locator(f'a[href^="/callbacks/{work.case_id}/"]')
    await caller.goto(f"{work.urls['cockpit']}/callbacks")
    await poll(lambda: _reloaded(caller, call), what="the call is on the list")
    await look(caller, "callbacks")
    assert NUMBER not in await caller.content()
    await call.first.click()
    await look(caller, "call")
    assert NUMBER not in await caller.content()
    address = caller.url.partition("?")[0]
    await caller.locator(".contact[data-ready] form button").click()
    await caller.get_by_role("link", name=NUMBER).wait_for()
    assert caller.url.partition("?")[0] == address, "what is shown once has no address of its own"
    await save_screenshot(caller, "call-contact")
    await assert_accessible(caller)
    await caller.locator('[name="action.rating"]').select_option("satisfied")
    await caller.locator('[name="action.solved"]').select_option("solved")
    await caller.locator('form[action$="/call_back"] button').click()
    await caller.wait_for_url(re.compile(rf"/callbacks\?city={CITY}&done=applied"))
    await expect(caller.locator("p[role=status]:focus")).to_be_in_viewport()
    rated = await work.case()
    assert rated["case"]["rating"] == "satisfied"
    await caller.go_back()
    await expect(caller.locator("main")).to_contain_text("本次回访已登记")
    await expect(caller.locator('form[action$="/call_back"]')).to_be_hidden()
    assert NUMBER not in await caller.content()


async def _reloaded(page: Page, wanted: Any) -> bool:  # noqa: ANN401 - a locator
    await page.reload()
    return bool(await wanted.count())


def _key(installation: CommandRunner, scope: str) -> dict[str, str]:
    printed = installation.run("keys", "add", "--name", "field", "--city", CITY, scope).stdout
    return {"authorization": f"Bearer {printed.split()[-1]}"}
