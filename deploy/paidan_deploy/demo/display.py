"""The progress display of a demo day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from paidan_deploy.demo.arrivals import PLAYED_S
from paidan_deploy.demo.monitor import Observed
from paidan_deploy.demo.sources import DemoSources


@dataclass(frozen=True, slots=True)
class ClockStatus:
    """The city's time, its day, and whether the clock waits for a slow machine."""

    now: datetime
    midnight: datetime
    zone: ZoneInfo
    is_throttled: bool = False


def render_progress(clock: ClockStatus, *, sources: DemoSources, observed: Observed) -> Group:
    """Render the city's time and counts of what has happened so far."""
    elapsed = min(max((clock.now - clock.midnight) / timedelta(seconds=PLAYED_S), 0.0), 1.0)
    head = Table.grid(padding=(0, 2))
    head.add_row(
        Text(f"{clock.now.astimezone(clock.zone):%Y-%m-%d %H:%M}", style="bold"),
        ProgressBar(total=1.0, completed=elapsed, width=48),
        Text("the clock waits for this machine 时钟等候本机" if clock.is_throttled else "", style="yellow"),
    )
    counters = _counters(sources, observed)
    table = Table.grid(padding=(0, 2))
    for group in (counters[:5], counters[5:]):
        table.add_row(*(Text(title, style="dim") for title, _ in group))
        table.add_row(*(Text(f"{count:,}", style="bold") for _, count in group))
    return Group(head, table)


def progress_line(clock: ClockStatus, *, sources: DemoSources, observed: Observed) -> str:
    """Return the same as one line, for output that is no terminal."""
    counts = ", ".join(f"{title} {count:,}" for title, count in _counters(sources, observed))
    return f"{clock.now.astimezone(clock.zone):%Y-%m-%d %H:%M}  {counts}"


def _counters(sources: DemoSources, observed: Observed) -> list[tuple[str, int]]:
    return [
        ("sent in, with alarms 送达（含告警）", sources.sent),
        ("opened 立案", observed.outcome_counts["opened"]),
        ("merged 合并", observed.outcome_counts["merged"]),
        ("screened out 告警未受理", observed.outcome_counts["suppressed"]),
        ("dispatched 派遣", observed.event_counts["case.dispatched.v1"]),
        ("returned 退单", observed.event_counts["case.returned.v1"]),
        ("limits passed so far 累计超时次数", observed.event_counts["case.overdue.v1"]),
        ("rework 返工", observed.event_counts["case.reworked.v1"]),
        ("closed 结案", observed.event_counts["case.closed.v1"]),
        ("reopened 重办", observed.event_counts["case.reopened.v1"]),
    ]
