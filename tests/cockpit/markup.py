"""What of a page a browser would run: texts that strangers wrote must stay texts."""

import re
from html.parser import HTMLParser
from typing import Final

PLANTED: Final = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>{{1234*5678}}${1234*5678}</textarea>\"'><svg/onload=alert(3)>"
)
"""Whatever a stranger could try, in one text."""


class Markup(HTMLParser):
    """Collects what of a page a browser would run, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.runs: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        sources = [value or "" for name, value in attrs if name in ("src", "href", "action")]
        if tag in ("iframe", "object", "style", "base") or (tag == "script" and not sources):
            self.runs.append(tag)
        self.runs += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self.runs += [each for each in sources if not re.match(r"/(?![/\\])|#[a-z]+$|tel:\d+$", each)]

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(page: str) -> None:
    """Raise where a text became markup, an attribute or a template's expression."""
    markup = Markup(page)
    assert markup.runs == [], markup.runs
    assert "7006652" not in markup.text
