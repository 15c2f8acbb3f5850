"""`python -m tests.bench.compare A B`: runs the benchmarks of two checkouts in turn and compares them."""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.bench.report import costs_by_process

RESULTS: Final = Path(".paidan") / "bench"
RUN_TIMEOUT_S: Final = 3_600
# Figures of which more is better; of all others, CPU and latencies among them, less is.
MORE_IS_BETTER: Final = ("_per_s", "of_bare")
console: Final = Console(highlight=False)

Figures = Mapping[str, float]
"""The figures of one measurement of one run, by name."""
Run = Mapping[str, Figures]
"""The figures of one run, by measurement."""


class RunFailed(Exception):
    """A checkout's benchmarks ended with an error, or wrote no result."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure over all runs of both checkouts."""

    best: tuple[float, float]
    mean: tuple[float, float]

    @property
    def ratios(self) -> tuple[float, float]:
        """Return B's best and mean, divided by A's."""
        return _ratio(*self.best), _ratio(*self.mean)


def _ratio(first: float, second: float) -> float:
    return second / first if first else float("nan")


def run_checkout(checkout: Path, arguments: Sequence[str]) -> Run:
    """Run a checkout's own benchmarks with its own interpreter, and return the figures that it wrote."""
    folder = checkout / RESULTS
    before = frozenset(folder.glob("*.json"))
    argv = [str(checkout / ".venv" / "bin" / "python"), "-m", "tests.bench", *arguments]
    ended = subprocess.run(argv, cwd=checkout, timeout=RUN_TIMEOUT_S, capture_output=True, text=True, check=False)
    written = sorted(frozenset(folder.glob("*.json")) - before)
    if ended.returncode != 0 or not written:
        raise RunFailed(f"{' '.join(argv)} in {checkout}:\n{ended.stdout[-2_000:]}{ended.stderr[-4_000:]}")
    return read_run(json.loads(written[-1].read_text()))


def read_run(document: Mapping[str, Any]) -> Run:
    """Return a result's figures: those that it names, and CPU microseconds a case by process and in all."""
    return {name: dict(_figures(each)) for name, each in document["measured"].items()}


def _figures(measured: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    costs = costs_by_process(measured["us_per_case"])
    yield from ((f"{process}, us", cost) for process, cost in costs.items() if cost)
    yield "all processes, us", sum(costs.values())
    yield from measured["figures"].items()
    yield "cores of others", measured["processors_of_others"]


def compare(first: Sequence[Run], second: Sequence[Run]) -> dict[str, dict[str, Comparison]]:
    """Return what both checkouts measured, by measurement and figure."""
    return {
        name: {
            figure: Comparison(
                best=(_best(figure, _values(first, name, figure)), _best(figure, _values(second, name, figure))),
                mean=(fmean(_values(first, name, figure)), fmean(_values(second, name, figure))),
            )
            for figure in figures
            if all(figure in run[name] for run in (*first, *second))
        }
        for name, figures in first[0].items()
        if all(name in run for run in (*first, *second))
    }


def _values(runs: Sequence[Run], name: str, figure: str) -> list[float]:
    return [run[name][figure] for run in runs]


def _best(figure: str, values: Sequence[float]) -> float:
    return max(values) if figure.endswith(MORE_IS_BETTER) else min(values)


def comparison_table(name: str, compared: Mapping[str, Comparison]) -> Table:
    """Return the table of one measurement."""
    title = f"{name}: CPU (us a case) and figures"
    columns = ("", "A best", "B best", "B/A", "A mean", "B mean", "B/A")
    table = Table(*columns, box=None, pad_edge=False, title=title, title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    for figure, each in compared.items():
        best_ratio, mean_ratio = each.ratios
        best, mean = ([f"{value:,.1f}" for value in values] for values in (each.best, each.mean))
        table.add_row(figure, *best, f"{best_ratio:.3f}", *mean, f"{mean_ratio:.3f}")
    return table


def run_pairs(checkouts: Sequence[Path], arguments: Sequence[str], pairs: int) -> tuple[list[Run], list[Run]]:
    """Run both checkouts this many times; each pair in the order opposite to the one before, against a drift."""
    runs: tuple[list[Run], list[Run]] = ([], [])
    for number in range(pairs):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            console.print(f"pair {number + 1} of {pairs}: {'AB'[which]}, {checkouts[which]}")
            runs[which].append(run_checkout(checkouts[which], arguments))
    return runs


def main() -> None:
    """Parse the command line, run both checkouts in turn, print and write the comparison."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.compare",
        description="Run the benchmarks of two checkouts in turn, each with its own code and .venv, and compare them.",
        epilog="Other options, such as --only drain, are passed on to both; runs are --quick ones without --full.",
    )
    parser.add_argument("a", type=Path, help="a checkout whose .venv is ready (make .venv/dev.ready)")
    parser.add_argument("b", type=Path, help="another")
    parser.add_argument("--pairs", type=int, default=3, help="how often each is run (default: 3)")
    parser.add_argument("--full", action="store_true", help="the full sizes in place of --quick")
    options, passed_on = parser.parse_known_args()
    checkouts = [options.a.resolve(), options.b.resolve()]
    arguments = passed_on if options.full else ["--quick", *passed_on]
    try:
        runs = run_pairs(checkouts, arguments, options.pairs)
    except RunFailed as failure:
        sys.exit(str(failure))
    for name, compared in compare(*runs).items():
        console.print(comparison_table(name, compared))
    path = checkouts[1] / RESULTS / "compared" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"a": runs[0], "b": runs[1], "arguments": arguments}, indent=2) + "\n")
    console.print(f"written to {path}")


if __name__ == "__main__":
    main()
