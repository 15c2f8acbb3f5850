"""The tests' own browser shows Chinese, in both themes, and nothing that goes wrong in a page passes unseen."""

from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Final

import pytest
from playwright.async_api import Browser

from tests.browser.accessibility import assert_accessible
from tests.browser.chromium import launched_browser
from tests.browser.pages import View, WatchedPages, save_screenshot, watched_pages

POLICY: Final = "default-src 'none'; style-src 'self'"
PAGE: Final = """<!DOCTYPE html>
<html lang="zh-CN">
  <head><meta charset="utf-8"><title>派单</title><link rel="stylesheet" href="/page.css">{head}</head>
  <body><main><h1>派单 驾驶舱</h1><p>明湖区 暴露生活垃圾，2 小时内处置</p>{main}</main></body>
</html>"""
STYLE: Final = """
body { font-family: sans-serif; color: #222; background: #fff }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #111 } }
"""
# A character that no font has is drawn as the box that a missing glyph gets.
DRAW: Final = """characters => [...characters].map(character => {
    const canvas = Object.assign(document.createElement('canvas'), {width: 40, height: 40});
    const context = canvas.getContext('2d');
    context.font = '32px sans-serif';
    context.fillText(character, 2, 34);
    return canvas.toDataURL();
})"""
HANZI: Final = "派单驾驶舱明湖区暴露生活垃圾处置满意"
NO_CHARACTER: Final = "\U0010fffd"

Serve = Callable[..., str]


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, html: str, *arguments: object) -> None:
        self._html = html
        super().__init__(*arguments)  # type: ignore[arg-type] # as the server passes them

    def do_GET(self) -> None:
        kind, body = ("text/css", STYLE) if self.path == "/page.css" else ("text/html", self._html)
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Yield a function that serves the page with additions, and returns its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(*, head: str = "", main: str = "") -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, PAGE.format(head=head, main=main)))
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


async def test_each_chinese_character_has_a_glyph_of_its_own(pages: WatchedPages, serve: Serve) -> None:
    page = await pages.open(serve())

    drawn: list[str] = await page.evaluate(DRAW, HANZI + NO_CHARACTER)

    assert len(set(drawn)) == len(HANZI) + 1


async def test_without_fonts_for_chinese_its_glyphs_are_missing(tmp_path: Path, serve: Serve) -> None:
    """Otherwise the test above would pass without them."""
    (tmp_path / "fonts").mkdir()
    async with launched_browser(tmp_path, fonts=tmp_path / "fonts") as bare, watched_pages(bare) as pages:
        page = await pages.open(serve())

        drawn: list[str] = await page.evaluate(DRAW, HANZI + NO_CHARACTER)

    assert len(set(drawn)) == 1


@pytest.mark.parametrize(
    ("view", "background"),
    [
        (View(locale="en-GB", theme="light", width=360, height=740, is_phone=True), "rgb(255, 255, 255)"),
        (View(locale="en-GB", theme="dark", width=360, height=740, is_phone=True), "rgb(17, 17, 17)"),
    ],
    ids=["light", "dark"],
)
async def test_a_view_has_language_theme_and_size(
    pages: WatchedPages, serve: Serve, view: View, background: str
) -> None:
    page = await pages.open(serve(head='<meta name="viewport" content="width=device-width">'), view)

    seen = await page.evaluate("[navigator.language, innerWidth, getComputedStyle(document.body).backgroundColor]")

    assert seen == ["en-GB", 360, background]


async def watch(browser: Browser, address: str, *, script: str = "null") -> None:
    async with watched_pages(browser) as pages:
        page = await pages.open(address)
        await page.evaluate(script)


@pytest.mark.parametrize(
    ("head", "main"),
    [
        ("", '<p style="color: red">红</p>'),
        ("<script>window.ran = true</script>", ""),
        ("", '<img src="/missing.png" alt="照片">'),
    ],
    ids=["style", "script", "picture"],
)
async def test_what_the_policy_forbids_fails_the_test(browser: Browser, serve: Serve, head: str, main: str) -> None:
    with pytest.raises(AssertionError, match="Content Security Policy"):
        await watch(browser, serve(head=head, main=main))


@pytest.mark.parametrize(
    "script",
    ["console.error('out of order')", "setTimeout(() => { throw Error('out of order') })"],
    ids=["console", "exception"],
)
async def test_errors_in_a_page_fail_the_test(browser: Browser, serve: Serve, script: str) -> None:
    with pytest.raises(AssertionError, match="out of order"):
        await watch(browser, serve(), script=f"new Promise(done => {{ {script}; setTimeout(done) }})")


async def test_an_expected_error_does_not(pages: WatchedPages, serve: Serve) -> None:
    page = await pages.open(serve(), expected_problems=["out of order"])

    await page.evaluate("console.error('out of order')")


async def test_a_good_page_is_accessible_in_both_themes(pages: WatchedPages, serve: Serve) -> None:
    address = serve()

    await assert_accessible(await pages.open(address))
    await assert_accessible(await pages.open(address, View(theme="dark")))


@pytest.mark.parametrize(
    ("main", "rule"),
    [
        ('<input name="number">', "label"),
        ('<button class="pale"></button>', "button-name"),
        ('<p><font color="#ccc">浅色文字</font></p>', "color-contrast"),
    ],
    ids=["label", "name", "contrast"],
)
async def test_axe_finds_what_a_reader_cannot_use(pages: WatchedPages, serve: Serve, main: str, rule: str) -> None:
    page = await pages.open(serve(main=main))

    with pytest.raises(AssertionError, match=rf"{rule} \("):
        await assert_accessible(page)


async def test_a_screenshot_is_a_picture_of_the_whole_page(pages: WatchedPages, serve: Serve) -> None:
    page = await pages.open(serve())

    picture = await save_screenshot(page, "browser")

    assert picture.read_bytes().startswith(b"\x89PNG")
