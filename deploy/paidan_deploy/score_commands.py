"""`paidan scores`."""

import csv
import json
import sys
from typing import Annotated, Any, Final, Literal

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


def table(found: Scores, *, width: int = 80) -> Table:
    """Lay rows out for a person: a rate as a percentage, with what it was made of where the terminal is wide enough.

    Nothing to divide by is a dash. The satisfaction rate always shows its n: it is often small.
    """
    rates = [name for name in _TITLES if any(name in row["rates"] for row in found["rows"])]
    shown = Table(box=None, pad_edge=False)
    shown.add_column("", no_wrap=True)
    shown.add_column("案件\ncases", justify="right")
    for name in rates:
        shown.add_column(_TITLES[name], justify="right", no_wrap=True)
    for row in [*sorted(found["rows"], key=lambda row: -row["counts"]["cases"]), *_whole(found)]:
        cells = [_rate(row["rates"].get(name), full=width >= _WIDE or name == "satisfaction") for name in rates]
        shown.add_row(_named(row), str(row["counts"]["cases"]), *cells)
    return shown


_WIDE: Final = 118
_TITLES: Final = {
    "handling": "处置率\nhandling",
    "on_time": "按期处置率\non time",
    "closing": "结案率\nclosing",
    "rework": "返工率\nrework",
    "satisfaction": "满意率 (n)\nsatisfaction",
}


def _whole(found: Scores) -> list[Scores]:
    total = found.get("total")
    return [{**total, "key": "", "names": {"zh": "合计 total"}}] if total else []


def _named(row: Scores) -> str:
    names = row.get("names") or {}
    return str(names.get("zh") or row["key"])


def _rate(rate: Scores | None, *, full: bool) -> str:
    if rate is None or rate["value"] is None:
        return "—"
    made_of = f" ({rate['numerator']}/{rate['denominator']})" if full else ""
    return f"{rate['value']:.1%}{made_of}"


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
