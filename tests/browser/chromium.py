"""A Chromium of the tests' own, with fonts for Chinese: `python -m tests.browser.chromium` downloads and unpacks it.

It needs nothing of the system, not even libraries, and runs as root. Where its package has no build for the machine, an
installed `chromium` is used.
"""

import importlib.util
import os
import platform
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from playwright.async_api import Browser, async_playwright

from tests.npm_packages import done_once, ensure_packages, run_module
from tests.servers import CACHE

FOLDER: Final = CACHE.resolve() / "chromium"
# The package unpacks into the temporary folder, and its libraries only where it takes itself to be on AWS.
UNPACK: Final = "import chromium from '@sparticuz/chromium'; await chromium.executablePath()"
FONTCONFIG: Final = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>{fonts}</dir>
  <cachedir>{cache}</cachedir>
  <alias><family>sans-serif</family><prefer><family>Noto Sans CJK SC</family></prefer></alias>
</fontconfig>
"""


@dataclass(frozen=True, slots=True)
class Chromium:
    """An executable, and the folder of the shared libraries that it brings."""

    executable: Path
    libraries: Path | None


def ensure_chromium() -> Chromium:
    """Return the browser, after downloading and unpacking it when that has not been done."""
    if platform.machine() != "x86_64":
        installed = shutil.which("chromium")
        assert installed, "no Chromium: its npm package is for x86-64 only (Debian: apt install chromium)"
        return Chromium(Path(installed), None)
    version = (ensure_packages() / "@sparticuz" / "chromium" / "package.json").read_text()
    with done_once(version, FOLDER) as needed:
        if needed:
            for old in FOLDER.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            unpacked = FOLDER / "unpacked"
            unpacked.mkdir()
            run_module(UNPACK, {"TMPDIR": str(unpacked), "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs24.x"})
    return Chromium(FOLDER / "unpacked" / "chromium", FOLDER / "unpacked" / "al2023" / "lib")


def fonts_folder() -> Path:
    """Return the folder of Noto Sans CJK."""
    spec = importlib.util.find_spec("manimgx_fonts_cjk")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@asynccontextmanager
async def launched_browser(home: Path, *, fonts: Path) -> AsyncIterator[Browser]:
    """Run the browser with these fonts alone, so that a page looks the same on every machine."""
    chromium = ensure_chromium()
    config = home / "fonts.conf"
    config.write_text(FONTCONFIG.format(fonts=fonts, cache=home / "fonts-cache"))
    libraries = {"LD_LIBRARY_PATH": str(chromium.libraries)} if chromium.libraries else {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium.executable,
            # Its sandbox refuses to run as root, and the pages are our own.
            chromium_sandbox=False,
            env={"HOME": str(home), "PATH": os.defpath, "FONTCONFIG_FILE": str(config), **libraries},
        )
        try:
            yield browser
        finally:
            await browser.close()


if __name__ == "__main__":
    ensure_chromium()
