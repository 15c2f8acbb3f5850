"""The overview in a browser: its numbers change without a reload, also after a kill; everybody can read it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
import pytest
from playwright.async_api import Page, expect

from paidan_contracts.places import Place
from paidan_contracts.state import CaseState
from paidan_deploy.jars.web_libraries import ensure_web_libraries
from paidan_deploy.servers.ports import choose_port
from tests import servers as real
from tests.browser.accessibility import assert_accessible
from tests.browser.pages import View, WatchedPages, save_screenshot
from tests.cockpit import database_fixture
from tests.cockpit.cockpit_edge import NOWHERE
from tests.cockpit.cockpit_service import CockpitService, running_service
from tests.polling import poll
from tests.scoring import case_histories
from tests.scoring.case_histories import CaseMove, accept, assign
from tests.scoring.database_fixture import pack_bytes, pack_version
from tests.scoring.scoring_service import kill_process

pytestmark = pytest.mark.takes(seconds=40)

CASES: Final = 60
LIVE_WITHIN_MS: Final = 2000
MOVES: Final[tuple[tuple[CaseMove, ...], ...]] = (
    (),
    (assign("streets"), accept),
    (assign("lamps", hours=30),),
    (assign("streets", hours=200), accept),
)
DARK_OR_LIGHT: Final = [
    View(locale="zh-CN", theme="light", width=1920, height=1080),
    View(locale="en-GB", theme="light", width=1280, height=800),
    View(locale="zh-CN", theme="dark", width=1280, height=800),
    View(locale="en-GB", theme="dark", width=3840, height=2160),
]


@dataclass(frozen=True, slots=True)
class Cockpit:
    """A cockpit that runs, and its address."""

    service: CockpitService
    port: int

    def start(self) -> None:
        """Start it, again if it was killed."""
        libraries = {"COCKPIT_WEB_LIBRARIES": str(ensure_web_libraries(real.CACHE))}
        others = dict.fromkeys(("COCKPIT_INTAKE", "COCKPIT_DISPATCH", "COCKPIT_SCORING"), NOWHERE)
        own = {"COCKPIT_PORT": str(self.port), "COCKPIT_PERSONS_ISSUER": self.address}
        self.service.start(**own, **others, **libraries)

    async def sign_in_address(self, *scopes: str) -> str:
        """Return a link that signs a new person in."""
        person = await database_fixture.add_person(self.service.pool, *scopes)
        return f"{self.address}/sign-in/{await database_fixture.add_link(self.service.pool, person)}"

    async def is_ready(self) -> bool:
        """Return whether it has begun to read."""
        async with httpx.AsyncClient() as client:
            try:
                return (await client.get(f"{self.address}/readyz")).is_success
            except httpx.TransportError:
                return False

    @property
    def address(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"


def new_case(number: int, at: datetime) -> CaseState:
    """Return a case in one of the two districts."""
    longitude = 117.002 + (number * 7 % 37) / 1000
    code = "990101" if longitude < 117.02 else "990102"
    place = Place(district=code, street=f"{code}001", latitude=36.002 + (number * 5 % 17) / 1000, longitude=longitude)
    source = ("hotline", "photo", "camera", "patrol")[number % 4]
    return case_histories.new_case(number, pack=pack_version(pack_bytes()), at=at, place=place, source=source)


@pytest.fixture(scope="module")
async def cockpit(servers: real.ServerAddresses, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cockpit]:
    """Run a cockpit that has read sixty cases of the last two weeks."""
    async with running_service(servers, "browser-overview-", tmp_path_factory.mktemp("cockpit")) as service:
        running = Cockpit(service, choose_port(()))
        running.start()
        now = datetime.now(UTC)
        for number in range(CASES):
            first = new_case(number, now - timedelta(minutes=number * number * 6))
            await service.publish_states(list(case_histories.history(first, MOVES[number % len(MOVES)])))
        await poll(running.is_ready, within_s=30, what="the cockpit")
        await poll(lambda: _has_read(service, CASES), within_s=30, what="every case")
        yield running


async def _has_read(service: CockpitService, cases: int) -> bool:
    return int(await service.pool.fetchval("SELECT count(*) FROM case_row")) == cases


async def open_overview(pages: WatchedPages, cockpit: Cockpit, view: View, *expected_problems: str) -> Page:
    page = await pages.open(await cockpit.sign_in_address("role:operator"), view, expected_problems=expected_problems)
    await page.locator("main button[type=submit]").click()
    await page.wait_for_url("**/overview")
    await expect(page.locator("#live.on")).to_be_visible()
    await expect(page.locator("#map .leaflet-marker-icon").first).to_be_visible()
    return page


@pytest.mark.parametrize("view", DARK_OR_LIGHT, ids=lambda view: f"{view.locale}-{view.theme}-{view.width}")
async def test_it_is_accessible_in_both_languages_and_themes(pages: WatchedPages, cockpit: Cockpit, view: View) -> None:
    page = await open_overview(pages, cockpit, view)

    await save_screenshot(page, f"overview-{view.locale}-{view.theme}-{view.width}")
    await assert_accessible(page)


async def test_numbers_change_without_a_reload_and_come_back_after_a_kill(
    pages: WatchedPages, cockpit: Cockpit
) -> None:
    page = await open_overview(pages, cockpit, View(locale="en-GB"), "ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED")
    opened, points = page.locator("#figure-open"), page.locator("#figure-today")
    before, today = int(await opened.inner_text()), int(await points.inner_text())
    await page.evaluate("window.sameDocument = true; document.getElementById('figures-totals').dataset.now = 'loaded'")

    await cockpit.service.publish_states([new_case(1000, datetime.now(UTC))])

    await expect(opened).to_have_text(str(before + 1), timeout=LIVE_WITHIN_MS)
    await expect(points).to_have_text(str(today + 1))
    await expect(page.locator("#now")).not_to_have_text("loaded")

    kill_process(cockpit.service.processes[-1])
    await expect(page.locator("#live.off")).to_be_visible()
    cockpit.start()
    await cockpit.service.publish_states([new_case(1001, datetime.now(UTC))])

    await expect(opened).to_have_text(str(before + 2), timeout=30_000)
    await expect(page.locator("#live.on")).to_be_visible()
    assert await page.evaluate("window.sameDocument") is True
