"""`paidan up`, `down`, `status` and `resume`."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.markup import escape

from paidan_chassis.consumer.halts import ResumeFrom
from paidan_chassis.consumer.senders import SetAsideSender
from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.output import console, print_errors, table
from paidan_deploy.provisioning.clock import ClockReading
from paidan_deploy.services import ServiceName
from paidan_deploy.stack.consumers import ConsumerStates
from paidan_deploy.stack.stack import Stack
from paidan_deploy.stack.state import StackState, read_state


def register(app: typer.Typer) -> None:
    """Add these commands to the `paidan` command."""
    app.command(epilog=example_epilog("paidan up --detach"))(up)
    app.command(epilog=example_epilog("paidan down --wipe"))(down)
    app.command(epilog=example_epilog("paidan status --json"))(status)
    app.command(epilog=example_epilog("paidan resume --service dispatch"))(resume)


@also_in_chinese("启动 Kafka、PostgreSQL 和三个服务，并等待其就绪。")
@print_errors
def up(
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when everything is ready, and leave it running.")
    ] = False,
) -> None:
    """Start Kafka, PostgreSQL and the three services, and wait until they are ready.

    Without --detach it stays in the foreground, and Ctrl-C stops everything.
    PAIDAN_KAFKA and PAIDAN_DATABASE make it use your own servers.
    """
    stack = Stack.for_start()
    if detach:
        _start_stack(stack)
        return
    with stop_stack_on_interrupt(stack):
        _start_stack(stack)
        console.print("Ctrl-C stops everything.")
        wait_for_interrupt(stack)


def _start_stack(stack: Stack) -> None:
    with console.status("starting") as progress:
        running = stack.up(lambda message: progress.update(escape(message)))
    print_state(stack.probed_state() or running, stack.consumer_states())


@contextmanager
def stop_stack_on_interrupt(stack: Stack) -> Iterator[None]:
    """Stop everything in order when Ctrl-C or SIGTERM interrupts the body; execution continues after the block."""
    signal.signal(signal.SIGTERM, _raise_interrupt)
    # A script's shell makes background processes ignore SIGINT; then nothing would be stopped in order.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        with console.status("stopping"):
            stack.down()
        console.print("Stopped.")


def _raise_interrupt(_number: int, _frame: FrameType | None) -> None:
    # A second signal would interrupt the stop.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.raise_signal(signal.SIGINT)


def wait_for_interrupt(stack: Stack) -> NoReturn:
    """Block until Ctrl-C; exit with status 1 when the stack went down by itself."""
    while stack.state is not None:
        time.sleep(0.5)
    console.print("[red]the supervisor ended[/red]; `paidan up` starts everything again")
    raise typer.Exit(1)


@also_in_chinese("依次停止各服务、Kafka 和 PostgreSQL。")
@print_errors
def down(wipe: Annotated[bool, typer.Option("--wipe", help="Remove all data and secrets too.")] = False) -> None:
    """Stop services, Kafka and PostgreSQL, in this order."""
    stack = Stack.for_stop()
    with console.status("stopping"):
        stopped = stack.down()
        if wipe:
            stack.wipe()
    console.print(("Stopped." if stopped else "Nothing was running.") + (" All data is removed." if wipe else ""))


@also_in_chinese("显示地址、进程号、文件夹、时钟、停机原因和被搁置的发送方。")
@print_errors
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show addresses, pids, data folders, the clock, halts with their reasons, and senders that are set aside.

    Exit status 1 when anything is not running, or a loop is halted. A sender that is set aside halts nothing.
    """
    stack = Stack.current()
    running = stack.probed_state()
    consumers = stack.consumer_states() if running is not None else ConsumerStates()
    clock = stack.clock() if running is not None else None
    if as_json:
        document = _status_document(stack, running, consumers) | {"clock": _clock_document(clock)}
        console.print_json(json.dumps(document), highlight=False)
    elif running is None:
        console.print("Not running; `paidan up` starts everything.")
    else:
        print_state(running, consumers)
        if clock is not None:
            console.print(_clock_line(clock), highlight=False)
    if running is None or not _is_healthy(running):
        raise typer.Exit(1)


def _clock_document(clock: ClockReading | None) -> dict[str, object] | None:
    return None if clock is None else asdict(clock) | {"city_time": clock.city_time.isoformat()}


def _clock_line(clock: ClockReading) -> str:
    speed = "" if clock.kind == "real" else f", {clock.factor:g} times as fast as real time"
    return f"clock  {clock.kind}{speed}; the city's time is {clock.city_time:%Y-%m-%d %H:%M:%S} UTC"


def _is_healthy(state: StackState) -> bool:
    servers = not any(server is not None and server.is_dead for server in (state.kafka, state.postgres))
    return state.phase == "ready" and servers and all(each.condition == "running" for each in state.services)


def _status_document(stack: Stack, running: StackState | None, consumers: ConsumerStates) -> dict[str, object]:
    state = running or read_state(stack.paths.state)
    document = {} if state is None else asdict(state)
    halts_by_service = {
        name: [asdict(halt) | {"halted_at": halt.halted_at.isoformat()} for halt in service_halts]
        for name, service_halts in consumers.halts.items()
    }
    return document | {
        "running": running is not None,
        "folder": str(stack.paths.root),
        "halts": halts_by_service,
        "set_aside": {name: [each._asdict() for each in found] for name, found in consumers.set_aside.items()},
        "dead_letters": consumers.dead_letters,
    }


@also_in_chinese("排除原因后清除停机；循环一秒之内在原进程中继续。")
@print_errors
def resume(
    service: Annotated[
        ServiceName | None, typer.Option(help="Only this service; by default all that are halted.")
    ] = None,
    at: Annotated[
        ResumeFrom, typer.Option(help="Where to continue: at the stored offsets, or at the log's start or end.")
    ] = "kept",
) -> None:
    """Clear halts once their cause is fixed. The halted loops go on within a second, in their processes."""
    cleared = Stack.current().resume(service, at)
    console.print("Nothing was halted." if cleared == 0 else f"Cleared {cleared} halt{'s' if cleared > 1 else ''}.")


def print_state(state: StackState, consumers: ConsumerStates) -> None:
    """Print addresses, pids and conditions of servers and services, then halts, set-aside senders and notes."""
    console.print(table(("", "address", "pid", "condition"), [*_state_rows(state)], unwrapped=("", "address", "pid")))
    for each in state.services:
        if each.detail and each.condition != "running":
            console.print(f"[yellow]{each.name}[/yellow] {each.condition}: {escape(each.detail)}")
    for name, service_halts in consumers.halts.items():
        for halt in service_halts:
            console.print(f"[red]{name} halted[/red] ({halt.consumer}): {halt.reason}: {escape(halt.detail)}")
    for name, set_aside in consumers.set_aside.items():
        for sender in set_aside:
            console.print(f"[yellow]{name} set aside[/yellow] {escape(_describe_set_aside(sender))}", highlight=False)
    waiting = ", ".join(f"{number:,} of {name}" for name, number in consumers.dead_letters.items() if number)
    if waiting:
        console.print(f"[yellow]dead letters[/yellow] {waiting} wait; see `paidan dead-letters list`", highlight=False)
    for note in state.notes:
        console.print(f"[yellow]note[/yellow] {escape(note)}")


def _describe_set_aside(sender: SetAsideSender) -> str:
    return (
        f"{sender.sender} on {sender.topic}: {sender.counted:,} unreadable records of this hour are only counted,"
        f" offsets {sender.first_offset} to {sender.last_offset}; its sound ones and all others are applied"
    )


def _state_rows(state: StackState) -> Iterator[tuple[str, ...]]:
    for name, server in (("Kafka", state.kafka), ("PostgreSQL", state.postgres)):
        if server is not None:
            yield name, server.address, "-" if server.is_dead else str(server.pid or "yours"), server.folder or ""
    for each in state.services:
        restarts = f", restarted {each.restarts} times" if each.restarts else ""
        yield each.name, f"{each.url}/docs", str(each.pid or "-"), each.condition + restarts
