"""`paidan demo`: the main job of `make run`."""

import asyncio
from datetime import datetime
from typing import Annotated, Final

import typer
from rich.live import Live

from paidan_deploy.citypacks import queries
from paidan_deploy.cli import scores, verify
from paidan_deploy.cli.app import example, out, said_plainly
from paidan_deploy.cli.stack import show, stay, stopped_when_told
from paidan_deploy.conservation.checks import Balance
from paidan_deploy.demo.clock_throttle import Leash
from paidan_deploy.demo.day import Day, next_day, play
from paidan_deploy.demo.display import Hour, progress
from paidan_deploy.provisioning.api_keys import connected
from paidan_deploy.stack.stack import Stack

CITY: Final = "quancheng"
_NEXT: Final = (
    "scores --city {city} --period {period} --by district",
    "verify",
    "dead-letters list",
    "import FILE --city losangeles --mapping myla311",
)


def register(app: typer.Typer) -> None:
    """Put this command into the `paidan` command."""
    app.command(epilog=example("paidan demo --once"))(demo)


@said_plainly
def demo(
    once: Annotated[bool, typer.Option("--once", help="End by itself; exit status 1 when anything failed.")] = False,
    seconds: Annotated[float, typer.Option(help="How long the city's day takes.", min=20)] = 80,
) -> None:
    """Bring everything up, play the next day of the demo city, show the scores, and stay up until Ctrl-C."""
    stack = Stack.to_start()
    with stopped_when_told(stack):
        try:
            sound = _lived(stack, seconds)
        except Exception:
            if once:
                stack.down()
            raise
        if not once:
            stay(stack)
        stack.down()
        raise typer.Exit(0 if sound else 1)


def _lived(stack: Stack, seconds: float) -> bool:
    """Bring everything up, play the day and show what came of it; False when anything failed."""
    with out.status("starting") as shown:
        stack.up(shown.update)
    day = asyncio.run(_played(stack, seconds))
    balance = asyncio.run(verify.verified(stack))
    return _shown(stack, day, balance)


async def _played(stack: Stack, seconds: float) -> Day:
    at = stack.installation()
    async with connected(at.database) as connection:
        city = await queries.newest(connection, CITY)
        day = await next_day(connection, city, seconds)
        out.print(f"[bold]{city.pack.names.zh} {city.pack.names.en}[/bold]: a day in {seconds:.0f} s")
        with Live(console=out, refresh_per_second=5, transient=False) as live:

            def show_progress(now: datetime, leash: Leash) -> None:
                hour = Hour(now, day.midnight, city.zone, waits=leash.waits)
                live.update(progress(hour, reporters=leash.reporters, seen=leash.seen))

            waited_s = await play(at, connection, day, show_progress)
        out.print()
        if waited_s >= 1:
            out.print(f"[yellow]note[/yellow] the city's clock waited {waited_s:.0f} s for this machine to keep up")
    return day


def _shown(stack: Stack, day: Day, balance: Balance) -> bool:
    """Print what came of the day; False when a check or a service failed."""
    period = f"{day.midnight:%Y-%m-%d}"
    found = scores.asked(stack.installation(), city=CITY, period=period, by="department")
    out.print(scores.table(found, width=out.width))
    if balance.holds:
        out.print(f"[green]nothing lost, nothing twice:[/green] {balance.line}", highlight=False)
    else:
        verify.show(balance)
    state = stack.state
    sound = balance.holds and state is not None
    if state is not None:
        show(state, stack.halts())
        sound = sound and all(each.condition == "running" and not each.restarts for each in state.services)
    out.print("Try next, in another terminal:")
    for line in _NEXT:
        out.print(f"  .venv/bin/paidan {line.format(city=CITY, period=period)}", highlight=False, soft_wrap=True)
    return sound
