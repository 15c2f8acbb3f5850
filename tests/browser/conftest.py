"""Fixtures: a browser for the whole folder, and pages that are watched."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.browser.chromium import fonts_folder, launched_browser
from tests.browser.pages import WatchedPages, watched_pages

pytest.register_assert_rewrite("tests.browser.accessibility")


@pytest.fixture(scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    async with launched_browser(tmp_path_factory.mktemp("browser"), fonts=fonts_folder()) as launched:
        yield launched


@pytest.fixture
async def pages(browser: Browser) -> AsyncIterator[WatchedPages]:
    async with watched_pages(browser) as watched:
        yield watched
