"""The rules of WCAG 2.1, levels A and AA, that axe-core can check in a page."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from playwright.async_api import Page

from tests.npm_packages import ensure_packages

TAGS: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")
RUN: Final = "async tags => (await axe.run(document, {runOnly: tags, resultTypes: ['violations']})).violations"


async def assert_accessible(page: Page) -> None:
    """Fail with each violation in the page as it is now: its rule, and where."""
    # Evaluated by the debugger, which the page's Content-Security-Policy does not concern.
    await page.evaluate(_axe())
    violations: Sequence[Mapping[str, Any]] = await page.evaluate(RUN, list(TAGS))
    assert not violations, "\n".join(_lines(page.url, violations))


def _lines(url: str, violations: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for violation in violations:
        yield f"{url}: {violation['id']} ({violation['impact']}): {violation['help']}"
        for node in violation["nodes"]:
            yield f"  {node['html']}: {node['failureSummary']}"


@cache
def _axe() -> str:
    return (ensure_packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
