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

from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.output import UNLIMITED_WIDTH, console, print_errors
from paidan_deploy.errors import DeployError
from paidan_deploy.stack.stack import Installation, Stack

_FIELDS_ZH: Final = {"city": "城市 --city", "period": "周期 --period", "by": "维度 --by"}

Dimension = Literal["department", "district", "street", "class", "source", "city"]
OutputFormat = Literal["table", "json", "csv"]
JsonObject = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add this command to the `paidan` command."""
    app.command(epilog=example_epilog("paidan scores --city quancheng --period 2026-03 --by department"))(scores)


@also_in_chinese("显示案件处置得如何，每个比率附分子和分母。")
@print_errors
def scores(
    city: Annotated[str, typer.Option(help="City id. 城市 id。")],
    period: Annotated[
        str,
        typer.Option(
            help="Day 2026-03-02, month 2026-03 or year 2026, in the city's time zone."
            " 日 2026-03-02、月 2026-03 或年 2026，按城市时区。"
        ),
    ],
    by: Annotated[Dimension, typer.Option(help="Dimension of the rows. 各行的维度。")] = "department",
    output_format: Annotated[OutputFormat, typer.Option("--format", help="Output format. 输出格式。")] = "table",
) -> None:
    """Show how cases were handled, each rate with its numerator and denominator."""
    board = fetch_scores(Stack.current().installation(), city=city, period=period, by=by)
    match output_format:
        case "json":
            sys.stdout.write(json.dumps(board, ensure_ascii=False, indent=2) + "\n")
        case "csv":
            write_csv(board)
        case "table":
            console.print(scores_table(board, width=console.width))


def fetch_scores(installation: Installation, *, city: str, period: str, by: str) -> JsonObject:
    """Fetch scores over HTTP. Raises ``DeployError`` with scoring's message when it refuses."""
    try:
        response = httpx.get(
            f"{installation.url('scoring')}/v1/scores",
            params={"city": city, "period": period, "by": by},
            headers={"authorization": f"Bearer {installation.admin_token}"},
            timeout=30,
        )
    except httpx.HTTPError as error:
        raise DeployError(f"scoring does not answer: {error} / scoring 没有应答：{error}") from error
    if response.status_code != httpx.codes.OK:
        error_body = response.json().get("error", {})
        field = error_body.get("field") or "scoring"
        raise DeployError(
            f"{field}: {error_body.get('message', response.status_code)}"
            f" / 查询被拒（{_FIELDS_ZH.get(field, field)}）：{error_body.get('message_zh', response.status_code)}"
        )
    board: JsonObject = response.json()
    return board


def scores_table(board: JsonObject, *, width: int) -> Table:
    """Build the table: each rate as a percentage with its fraction beside it, or below it where that would be too wide.

    A rate with a zero denominator is a dash.
    """
    one_line = _build_table(board, " ")
    natural_width = Measurement.get(console, console.options.update(width=UNLIMITED_WIDTH), one_line).maximum
    return one_line if natural_width <= width else _build_table(board, "\n")


_RATE_TITLES: Final = {
    "handling": "handling\n处置率",
    "on_time": "on time\n按期处置率",
    "closing": "closing\n结案率",
    "rework": "rework\n返工率",
    "satisfaction": "satisfaction\n满意率",
}


def _build_table(board: JsonObject, separator: str) -> Table:
    rows = [*sorted(board["rows"], key=lambda row: -row["counts"]["cases"]), *_total_row(board)]
    columns = {"": [_row_label(row) for row in rows], "cases\n案件": [str(row["counts"]["cases"]) for row in rows]}
    for name, title in _RATE_TITLES.items():
        if any(name in row["rates"] for row in rows):
            columns[title] = _rate_cells([row["rates"].get(name) for row in rows], separator)
    result = Table(box=None, pad_edge=False, collapse_padding=separator == "\n")
    for title in columns:
        result.add_column(title, justify="right" if title else "left", overflow="fold")
    for cells in zip(*columns.values(), strict=True):
        result.add_row(*map(Text, cells))
    return result


def _rate_cells(rates: Sequence[JsonObject | None], separator: str) -> list[str]:
    """Format a column of rates with percentages and fractions aligned."""
    fractions = [f"({rate['numerator']}/{rate['denominator']})" if rate else "" for rate in rates]
    widest = max(map(len, fractions), default=0)
    return [f"{_percentage(rate)}{separator}{each:>{widest}}" for rate, each in zip(rates, fractions, strict=True)]


def _percentage(rate: JsonObject | None) -> str:
    return "—" if rate is None or rate["value"] is None else f"{rate['value']:.1%}"


def _total_row(board: JsonObject) -> list[JsonObject]:
    total = board.get("total")
    return [{**total, "key": "", "names": {"zh": "合计", "en": "Total"}}] if total else []


def _row_label(row: JsonObject) -> str:
    names = row.get("names") or {}
    zh = names.get("zh")
    # Where the key says nothing, the English name stands beside the Chinese one.
    return f"{zh} {names['en'].lower()}" if zh and row["key"] in ("", "unknown") else str(zh or row["key"])


def write_csv(board: JsonObject) -> None:
    """Write rows and total to standard output as CSV: names, counts, each rate with numerator and denominator.

    The total has no key, for any key may be a row's.
    """
    rows = board["rows"]
    # With the total, so that a period without cases has the same columns.
    rows_and_total = [*rows, *([board["total"]] if board.get("total") else [])]
    counts = sorted({name for row in rows_and_total for name in row["counts"]})
    rates = sorted({name for row in rows_and_total for name in row["rates"]})
    parts = ("numerator", "denominator", "value")
    writer = csv.writer(sys.stdout)
    writer.writerow(["key", "names.zh", "names.en", *counts, *(f"{rate}.{part}" for rate in rates for part in parts)])
    for row in [*rows, *_total_row(board)]:
        names = row.get("names") or {}
        rate_values = [row["rates"][rate][part] for rate in rates for part in parts]
        writer.writerow(
            [row["key"], names.get("zh"), names.get("en"), *(row["counts"][name] for name in counts), *rate_values]
        )
