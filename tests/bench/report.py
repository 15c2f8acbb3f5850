"""Prints the measurements, and beside each figure its goal."""

from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.bench.cpu import LOAD
from tests.bench.goals import GOALS, Goal
from tests.bench.machine import MachineInfo
from tests.bench.results import Measurement

# The load drives the measurement; the others are its cost.
PROCESSES: Final[Mapping[str, Sequence[str]]] = {
    "intake": ["intake"],
    "dispatch": ["dispatch", "dispatch-2"],
    "scoring": ["scoring"],
    "cockpit": ["cockpit"],
    "Kafka": ["Kafka"],
    "PostgreSQL": ["PostgreSQL"],
    "load": LOAD,
}


def print_results(console: Console, machine: MachineInfo, results: Mapping[str, Measurement]) -> None:
    """Print the CPU costs, the machine, and the figures."""
    console.print(_costs_table(results))
    console.print(_figures_table(results))
    console.print(machine.summary)


def _figures_table(results: Mapping[str, Measurement]) -> Table:
    table = Table("figure", "now", "unit", "goal", box=None, pad_edge=False)
    for column in (table.columns[1], table.columns[3]):
        column.justify = "right"
    for goal in GOALS:
        if (figure := _figure(results, goal)) is not None:
            colour = "" if goal.goal is None else ("[green]" if goal.met(figure) else "[red]")
            table.add_row(goal.label, colour + _format(figure), goal.unit, _format_goal(goal))
    return table


def _figure(results: Mapping[str, Measurement], goal: Goal) -> float | None:
    if (measured := results.get(goal.case)) is None:
        return None
    costs = {f"{process}_us": cost for process, cost in costs_by_process(measured.us_per_case).items()}
    return (measured.figures | costs).get(goal.figure)


def _format(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 100 else f"{figure:.1f}" if figure >= 10 else f"{figure:.2f}"


def _format_goal(goal: Goal) -> str:
    if goal.goal is None:
        return ""
    return f"{'at most' if goal.at_most else 'at least'} {_format(goal.goal)}"


def costs_by_process(us_per_case: Mapping[str, float]) -> dict[str, float]:
    """Return CPU microseconds a case by process, as the table groups them."""
    return {process: sum(us_per_case.get(name, 0.0) for name in names) for process, names in PROCESSES.items()}


def _costs_table(results: Mapping[str, Measurement]) -> Table:
    table = Table("", *PROCESSES, "cores", "others", box=None, pad_edge=False, title_justify="left")
    table.title = "CPU microseconds a case, by process; cores used by the benchmark, and by others"
    for column in table.columns[1:]:
        column.justify = "right"
    for case, measured in results.items():
        if not measured.us_per_case:
            continue
        costs = costs_by_process(measured.us_per_case).values()
        cells = [f"{cost:,.0f}" if cost >= 0.5 else "" for cost in costs]
        table.add_row(case, *cells, f"{measured.processors_used:.2f}", f"{measured.processors_of_others:.2f}")
    return table
