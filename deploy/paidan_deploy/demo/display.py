"""The one progress display of a demonstration day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from .monitor import Seen
from .sources import Reporters


@dataclass(frozen=True, slots=True)
class Hour:
    """The city's time, the day it is in, and whether its clock waits for a slow machine."""

    now: datetime
    midnight: datetime
    zone: ZoneInfo
    waits: bool = False


def progress(hour: Hour, *, reporters: Reporters, seen: Seen) -> Group:
    """Draw the city's time and what has happened so far."""
    lived = min(max((hour.now - hour.midnight) / timedelta(days=1), 0.0), 1.0)
    head = Table.grid(padding=(0, 2))
    head.add_row(
        Text(f"{hour.now.astimezone(hour.zone):%Y-%m-%d %H:%M}", style="bold"),
        ProgressBar(total=1.0, completed=lived, width=48),
        Text("the clock waits for this machine 时钟等候" if hour.waits else "", style="yellow"),
    )
    figures = _figures(reporters, seen)
    counts = Table.grid(padding=(0, 2))
    for some in (figures[:5], figures[5:]):
        counts.add_row(*(Text(title, style="dim") for title, _ in some))
        counts.add_row(*(Text(f"{count:,}", style="bold") for _, count in some))
    return Group(head, counts)


def _figures(reporters: Reporters, seen: Seen) -> list[tuple[str, int]]:
    return [
        ("reports 上报", reporters.sent),
        ("opened 立案", seen.outcomes["opened"]),
        ("merged 合并", seen.outcomes["merged"]),
        ("suppressed 重复告警", seen.outcomes["suppressed"]),
        ("dispatched 派遣", seen.steps["case.dispatched.v1"]),
        ("returned 退单", seen.steps["case.returned.v1"]),
        ("overdue 超时", seen.steps["case.overdue.v1"]),
        ("rework 返工", seen.steps["case.reworked.v1"]),
        ("closed 结案", seen.steps["case.closed.v1"]),
        ("reopened 重办", seen.steps["case.reopened.v1"]),
    ]
