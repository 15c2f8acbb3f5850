"""`paidan scores`."""

import csv
import json
import sys
from typing import Annotated, Any, Literal

import httpx
import typer
from rich.table import Table

from paidan_deploy.cli import example, out, said_plainly
from paidan_deploy.errors import DeployError
from paidan_deploy.stack import Installation, Stack

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
            _write_csv(found)
        case "table":
            out.print(table(found))


def asked(at: Installation, *, city: str, period: str, by: str) -> Scores:
    """Ask scoring. Raises ``DeployError`` with its words when it refuses."""
    try:
        answer = httpx.get(
            f"{at.urls['scoring']}/v1/scores",
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


def table(found: Scores) -> Table:
    """Lay rows out for a person: a rate as a percentage with what it was made of; nothing to divide by is a dash."""
    rates = sorted({name for row in found["rows"] for name in row["rates"]}, key=_order)
    shown = Table(box=None, pad_edge=False)
    shown.add_column("")
    shown.add_column("cases 案件", justify="right")
    for name in rates:
        shown.add_column(_TITLES.get(name, name), justify="right")
    for row in found["rows"]:
        cells = [_rate(row["rates"].get(name)) for name in rates]
        shown.add_row(_named(row), str(row["counts"]["cases"]), *cells)
    return shown


_TITLES = {
    "handling": "handling 处置率",
    "on_time": "on time 按期处置率",
    "closing": "closing 结案率",
    "rework": "rework 返工率",
    "satisfaction": "satisfaction 满意率",
}


def _order(name: str) -> tuple[int, str]:
    known = list(_TITLES)
    return (known.index(name) if name in known else len(known), name)


def _named(row: Scores) -> str:
    names = row.get("names") or {}
    return " ".join(part for part in (names.get("zh"), row["key"]) if part)


def _rate(rate: Scores | None) -> str:
    if rate is None or rate["value"] is None:
        return "—"
    return f"{rate['value']:.1%} ({rate['numerator']}/{rate['denominator']})"


def _write_csv(found: Scores) -> None:
    rows = found["rows"]
    counts = sorted({name for row in rows for name in row["counts"]})
    rates = sorted({name for row in rows for name in row["rates"]})
    parts = ("numerator", "denominator", "value")
    writer = csv.writer(sys.stdout)
    writer.writerow(["key", *counts, *(f"{rate}.{part}" for rate in rates for part in parts)])
    for row in rows:
        figures = [row["rates"][rate][part] for rate in rates for part in parts]
        writer.writerow([row["key"], *(row["counts"][name] for name in counts), *figures])
