"""Pages in the browser: opened as a reader would see them, and watched for whatever the browser complains of."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.servers import CACHE

SCREENSHOTS: Final = CACHE.parent / "screenshots"
# A page on loopback answers within milliseconds, but beside three busy workers.
TIMEOUT_MS: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a reader looks through: language, theme, and a screen of so many CSS pixels."""

    locale: Literal["zh-CN", "en-GB"] = "zh-CN"
    theme: Literal["light", "dark"] = "light"
    width: int = 1366
    height: int = 768
    is_phone: bool = False
    has_script: bool = True


@dataclass(slots=True)
class WatchedPages:
    """The pages of one test. Each has cookies and storage of its own, unless it is opened in another's context."""

    browser: Browser
    problems: list[str] = field(default_factory=list)
    """Errors on the console, such as violations of the Content-Security-Policy, and exceptions that nobody caught."""

    _contexts: list[BrowserContext] = field(default_factory=list)

    async def open(self, url: str, view: View | None = None, *, expected_problems: Sequence[str] = ()) -> Page:
        """Open an address in a new context; problems that match one of the expected patterns are not noted."""
        view = view or View()
        context = await self.browser.new_context(
            viewport={"width": view.width, "height": view.height},
            locale=view.locale,
            color_scheme=view.theme,
            timezone_id="Asia/Shanghai",
            is_mobile=view.is_phone,
            has_touch=view.is_phone,
            java_script_enabled=view.has_script,
        )
        self._contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        context.on("console", lambda message: self._on_console(message, expected_problems))
        context.on("weberror", lambda error: self._note(f"{error.error}", expected_problems))
        page = await context.new_page()
        await page.goto(url)
        return page

    def _on_console(self, message: ConsoleMessage, expected: Sequence[str]) -> None:
        if message.type == "error":
            self._note(f"{message.location.get('url', '')}: {message.text}", expected)

    def _note(self, problem: str, expected: Sequence[str]) -> None:
        if not any(re.search(pattern, problem) for pattern in expected):
            self.problems.append(problem)

    async def close(self) -> None:
        """Close every page; what they still report meanwhile is noted."""
        for context in self._contexts:
            await context.close()


@asynccontextmanager
async def watched_pages(browser: Browser) -> AsyncIterator[WatchedPages]:
    """Watch the pages that are opened meanwhile. Fails with what the browser complained of."""
    pages = WatchedPages(browser)
    try:
        yield pages
    finally:
        await pages.close()
    assert not pages.problems, "\n".join(pages.problems)


async def save_screenshot(page: Page, name: str) -> Path:
    """Save the whole page as a picture, to be looked at."""
    file = SCREENSHOTS / f"{name}.png"
    await page.screenshot(path=file, full_page=True)
    return file
