"""Reads the tables of ``contracts/authorisation.md``."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = Path(__file__).parents[2] / "contracts" / "authorisation.md"


class RouteRow(NamedTuple):
    """A route of a service, the answer to each kind of key, and to that of another city."""

    service: str
    route: str
    cells: dict[str, str]
    other_city: str


class RuleRow(NamedTuple):
    """A rule of every request: its name, its limit, and the answer to what breaks it."""

    name: str
    limit: str
    answer: str


def routes() -> list[RouteRow]:
    """Return the rows of the table of routes."""
    titles, *rows = _table("## Routes")
    kinds = titles[2:-1]
    return [
        RouteRow(service, route.strip("`"), dict(zip(kinds, cells, strict=True)), other)
        for service, route, *cells, other in rows
    ]


def kinds() -> dict[str, tuple[str, ...]]:
    """Return the scopes of each kind of key."""
    _, *rows = _table("## Kinds")
    return {kind: tuple(scopes.strip("`").split()) for kind, scopes, _ in rows}


def rules() -> list[RuleRow]:
    """Return the rows of the table of rules."""
    _, *rows = _table("## Rules")
    return [RuleRow(*row[:3]) for row in rows]


def number(rule: RuleRow) -> int:
    """Return the first number of the rule's limit."""
    return int(re.findall(r"\d+", rule.limit)[0])


def routes_without_a_key() -> set[str]:
    """Return the paths that need no key."""
    line = next(each for each in PAGE.read_text(encoding="utf-8").splitlines() if each.startswith("Without a key"))
    return {each for each in line.split("`") if each.startswith("/")}


def _table(heading: str) -> Iterator[list[str]]:
    section = PAGE.read_text(encoding="utf-8").partition(f"\n{heading}")[2].partition("\n## ")[0]
    for line in section.splitlines():
        if line.startswith("| "):
            yield [cell.strip().replace("\\*", "*") for cell in line.strip("|").split(" | ")]
