"""Prints the measurements beside their goals."""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.bench.cpu import DRIVER
from tests.bench.machine import MachineInfo
from tests.bench.results import GOALS, Goal, Measurement

# The load drives the measurement; the others are its cost.
PROCESSES: Final[Mapping[str, Sequence[str]]] = {
    "intake": ["intake"],
    "dispatch": ["dispatch"],
    "scoring": ["scoring"],
    "Kafka": ["Kafka"],
    "PostgreSQL": ["PostgreSQL"],
    "load": ["generator", DRIVER],
}


def print_results(console: Console, machine: MachineInfo, results: Mapping[str, Measurement]) -> None:
    """Print the figures, the CPU costs and the machine."""
    console.print(_figures_table(results))
    console.print(_costs_table(results))
    console.print(machine.summary)


def _figures_table(results: Mapping[str, Measurement]) -> Table:
    table = Table("", "goal", "measured", "of bare", box=None, pad_edge=False, title="Speed", title_justify="left")
    for column in table.columns[1:]:
        column.justify = "right"
    bare = results["bare"].figures["cases_per_s"] if "bare" in results else None
    for goal in GOALS:
        if (case := results.get(goal.case)) is not None and goal.figure in case.figures:
            figure = case.figures[goal.figure]
            colour = "" if goal.goal is None else ("[green]" if goal.met(figure) else "[red]")
            ratio = f"{figure / bare:.2f}" if bare and goal.unit == "/s" else ""
            table.add_row(goal.label, _format_figure(goal, goal.goal), colour + _format_figure(goal, figure), ratio)
    return table


def _format_figure(goal: Goal, figure: float | None) -> str:
    if figure is None:
        return ""
    return (
        f"{figure:,.0f}{goal.unit}" if goal.unit == "/s" else f"{figure:,.{1 if goal.unit else 2}f} {goal.unit}".strip()
    )


def _costs_table(results: Mapping[str, Measurement]) -> Table:
    table = Table("", *PROCESSES, "cores", "others", box=None, pad_edge=False, title_justify="left")
    table.title = "CPU microseconds a case, by process; cores used by the benchmark, and by others"
    for column in table.columns[1:]:
        column.justify = "right"
    for case, measured in results.items():
        costs = [sum(measured.us_per_case.get(name, 0) for name in names) for names in PROCESSES.values()]
        cells = [f"{cost:,.0f}" if cost >= 0.5 else "" for cost in costs]
        table.add_row(case, *cells, f"{measured.processors_used:.2f}", f"{measured.processors_of_others:.2f}")
    return table
