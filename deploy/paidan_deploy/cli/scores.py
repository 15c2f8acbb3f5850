"""`paidan scores`."""

import csv
import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import httpx
import typer
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from paidan_deploy.cli.app import example, out, said_plainly
from paidan_deploy.errors import DeployError
from paidan_deploy.stack.stack import Installation, Stack

Dimension = Literal["department", "district", "street", "class", "source", "city"]
Format = Literal["table", "json", "csv"]
Scores = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Put this command into the `paidan` command."""
    app.command(epilog=example("paidan scores --city quancheng --period 2026-03 --by department"))(scores)


@said_plainly
def scores(
    city: Annotated[str, typer.Option(help="City id.")],
    period: Annotated[str, typer.Option(help="A day 2026-03-02, a month 2026-03 or a year 2026, in the city's zone.")],
    by: Annotated[Dimension, typer.Option(help="What to count by.")] = "department",
    shape: Annotated[Format, typer.Option("--format", help="How to print it.")] = "table",
) -> None:
    """Show how cases were handled, each rate with its numerator and denominator."""
    found = asked(Stack.here().installation(), city=city, period=period, by=by)
    match shape:
        case "json":
            sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
        case "csv":
            write_csv(found)
        case "table":
            out.print(table(found, width=out.width))


def asked(at: Installation, *, city: str, period: str, by: str) -> Scores:
    """Ask scoring. Raises ``DeployError`` with its words when it refuses."""
    try:
        answer = httpx.get(
            f"{at.url('scoring')}/v1/scores",
            params={"city": city, "period": period, "by": by},
            headers={"authorization": f"Bearer {at.admin_token}"},
            timeout=30,
        )
    except httpx.HTTPError as error:
        raise DeployError(f"scoring does not answer: {error}") from error
    if answer.status_code != httpx.codes.OK:
        why = answer.json().get("error", {})
        raise DeployError(f"{why.get('field') or 'scoring'}: {why.get('message', answer.status_code)}")
    found: Scores = answer.json()
    return found


def table(found: Scores, *, width: int) -> Table:
    """Lay rows out for a person: each rate as a percentage, what it was made of beside it, or below where that is wide.

    Nothing to divide by is a dash.
    """
    beside = _laid_out(found, " ")
    natural = Measurement.get(out, out.options.update(width=_ANY_WIDTH), beside).maximum
    return beside if natural <= width else _laid_out(found, "\n")


_ANY_WIDTH: Final = 1_000_000
_TITLES: Final = {
    "handling": "处置率\nhandling",
    "on_time": "按期处置率\non time",
    "closing": "结案率\nclosing",
    "rework": "返工率\nrework",
    "satisfaction": "满意率\nsatisfaction",
}


def _laid_out(found: Scores, between: str) -> Table:
    rows = [*sorted(found["rows"], key=lambda row: -row["counts"]["cases"]), *_whole(found)]
    columns = {"": [_named(row) for row in rows], "案件\ncases": [str(row["counts"]["cases"]) for row in rows]}
    for name, title in _TITLES.items():
        if any(name in row["rates"] for row in rows):
            columns[title] = _figures([row["rates"].get(name) for row in rows], between)
    shown = Table(box=None, pad_edge=False, collapse_padding=between == "\n")
    for title in columns:
        shown.add_column(title, justify="right" if title else "left", overflow="fold")
    for cells in zip(*columns.values(), strict=True):
        shown.add_row(*map(Text, cells))
    return shown


def _figures(rates: Sequence[Scores | None], between: str) -> list[str]:
    """Write a column of rates, so that percentages stand under each other, and so do what they were made of."""
    made_of = [f"({rate['numerator']}/{rate['denominator']})" if rate else "" for rate in rates]
    widest = max(map(len, made_of), default=0)
    return [f"{_share(rate)}{between}{each:>{widest}}" for rate, each in zip(rates, made_of, strict=True)]


def _share(rate: Scores | None) -> str:
    return "—" if rate is None or rate["value"] is None else f"{rate['value']:.1%}"


def _whole(found: Scores) -> list[Scores]:
    total = found.get("total")
    return [{**total, "key": "", "names": {"zh": "合计 total"}}] if total else []


def _named(row: Scores) -> str:
    names = row.get("names") or {}
    return str(names.get("zh") or row["key"])


def write_csv(found: Scores) -> None:
    """Write rows to standard output for a spreadsheet: counts, then each rate with what it is made of."""
    rows = found["rows"]
    # With the total, or a period in which nothing happened would have other columns.
    named = [*rows, *([found["total"]] if found.get("total") else [])]
    counts = sorted({name for row in named for name in row["counts"]})
    rates = sorted({name for row in named for name in row["rates"]})
    parts = ("numerator", "denominator", "value")
    writer = csv.writer(sys.stdout)
    writer.writerow(["key", *counts, *(f"{rate}.{part}" for rate in rates for part in parts)])
    for row in rows:
        figures = [row["rates"][rate][part] for rate in rates for part in parts]
        writer.writerow([row["key"], *(row["counts"][name] for name in counts), *figures])
