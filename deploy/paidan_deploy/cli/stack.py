"""`paidan up`, `down`, `status` and `resume`."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from types import FrameType
from typing import Annotated, Literal, NoReturn

import typer
from rich.markup import escape

from paidan_chassis.consumer.halts import KeptHalt
from paidan_deploy.cli.app import (
    example,
    listing,
    out,
    said_plainly,
)
from paidan_deploy.stack.stack import Stack
from paidan_deploy.stack.state import State, read_state

ServiceName = Literal["intake", "dispatch", "scoring"]
Where = Literal["kept", "start", "end"]


def register(app: typer.Typer) -> None:
    """Put these commands into the `paidan` command."""
    app.command(epilog=example("paidan up --detach"))(up)
    app.command(epilog=example("paidan down --wipe"))(down)
    app.command(epilog=example("paidan status --json"))(status)
    app.command(epilog=example("paidan resume --service dispatch"))(resume)


@said_plainly
def up(
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when everything is ready; leave it running.")
    ] = False,
) -> None:
    """Start Kafka, PostgreSQL and the three services, and wait until they are ready.

    Without --detach it stays, and Ctrl-C stops everything.
    PAIDAN_KAFKA and PAIDAN_DATABASE point it at your own servers.
    """
    stack = Stack.to_start()
    if detach:
        _start(stack)
        return
    with stopped_when_told(stack):
        _start(stack)
        out.print("Ctrl-C stops everything.")
        stay(stack)


def _start(stack: Stack) -> None:
    with out.status("starting") as shown:
        running = stack.up(lambda message: shown.update(escape(message)))
    show(running, {})


@contextmanager
def stopped_when_told(stack: Stack) -> Iterator[None]:
    """Stop everything in order, and go on behind it, when Ctrl-C or SIGTERM ends what is done in here."""
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    # A script's shell has what it starts in the background ignore Ctrl-C; then nobody would be asked to stop in order.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        with out.status("stopping"):
            stack.down()
        out.print("Stopped.")


def _as_ctrl_c(_number: int, _frame: FrameType | None) -> None:
    # Asked once is enough: a second time would break off the stopping.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.raise_signal(signal.SIGINT)


def stay(stack: Stack) -> NoReturn:
    """Stay until Ctrl-C; end with status 1 when the stack went down by itself."""
    while stack.state is not None:
        time.sleep(0.5)
    out.print("[red]the supervisor ended[/red]; `paidan up` starts everything again")
    raise typer.Exit(1)


@said_plainly
def down(wipe: Annotated[bool, typer.Option("--wipe", help="Remove all data and secrets too.")] = False) -> None:
    """Stop services, Kafka and PostgreSQL, in this order."""
    stack = Stack.to_stop()
    with out.status("stopping"):
        stopped = stack.down()
        if wipe:
            stack.wipe()
    out.print(("Stopped." if stopped else "Nothing was running.") + (" All data is gone." if wipe else ""))


@said_plainly
def status(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Show addresses, pids, data folders, and halts with their reasons. Exit status 1 when anything is not running."""
    stack = Stack.here()
    running = stack.asked()
    halts = stack.halts() if running is not None else {}
    if as_json:
        out.print_json(json.dumps(_report(stack, running, halts)), highlight=False)
    elif running is None:
        out.print("Not running; `paidan up` starts everything.")
    else:
        show(running, halts)
    if running is None or not _all_run(running):
        raise typer.Exit(1)


def _all_run(state: State) -> bool:
    servers = not any(server is not None and server.died for server in (state.kafka, state.postgres))
    return state.phase == "ready" and servers and all(each.condition == "running" for each in state.services)


def _report(stack: Stack, running: State | None, halts: dict[str, list[KeptHalt]]) -> dict[str, object]:
    last = running or read_state(stack.home.state)
    told = {} if last is None else asdict(last)
    standing = {
        name: [asdict(halt) | {"halted_at": _text(halt.halted_at)} for halt in of] for name, of in halts.items()
    }
    return told | {"running": running is not None, "folder": str(stack.home.root), "halts": standing}


def _text(moment: datetime) -> str:
    return moment.isoformat()


@said_plainly
def resume(
    service: Annotated[ServiceName | None, typer.Option(help="Only this one; all that are halted without it.")] = None,
    at: Annotated[
        Where, typer.Option(help="Where to go on: the kept offset, or the start or end of the log.")
    ] = "kept",
) -> None:
    """Lift the halts that stand, once their cause is gone, and start the services again."""
    lifted = Stack.here().resume(service, at)
    out.print("Nothing was halted." if lifted == 0 else f"Lifted {lifted} halt{'s' if lifted > 1 else ''}.")


def show(state: State, halts: dict[str, list[KeptHalt]]) -> None:
    """Print where everything is and how it does."""
    out.print(listing(("", "address", "pid", "condition"), [*_rows(state)], whole=("", "address", "pid")))
    for each in state.services:
        if each.detail and each.condition != "running":
            out.print(f"[yellow]{each.name}[/yellow] {each.condition}: {escape(each.detail)}")
    for name, standing in halts.items():
        for halt in standing:
            out.print(f"[red]{name} halted[/red] ({halt.consumer}): {halt.reason}: {escape(halt.detail)}")
    for note in state.notes:
        out.print(f"[yellow]note[/yellow] {escape(note)}")


def _rows(state: State) -> Iterator[tuple[str, ...]]:
    for name, server in (("Kafka", state.kafka), ("PostgreSQL", state.postgres)):
        if server is not None:
            yield name, server.address, "-" if server.died else str(server.pid or "yours"), server.folder or ""
    for each in state.services:
        restarts = f", restarted {each.restarts} times" if each.restarts else ""
        yield each.name, f"{each.url}/docs", str(each.pid or "-"), each.condition + restarts
