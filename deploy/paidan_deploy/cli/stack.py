"""`paidan up`, `down`, `status` and `resume`."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import FrameType
from typing import Annotated, Final, NoReturn

import typer

from paidan_chassis.consumer.halts import ResumeFrom
from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.output import console, print_errors, show_status
from paidan_deploy.cli.stack_state import print_not_running, print_state
from paidan_deploy.provisioning.clock import ClockReading
from paidan_deploy.services import ServiceName
from paidan_deploy.stack.consumers import ConsumerStates
from paidan_deploy.stack.stack import Stack
from paidan_deploy.stack.state import StackState, read_state

_STOPPING: Final = "stopping 正在停止"
_STOPPED: Final = "Stopped. / 已停止。"


def register(app: typer.Typer) -> None:
    """Add these commands to the `paidan` command."""
    app.command(epilog=example_epilog("paidan up --detach"))(up)
    app.command(epilog=example_epilog("paidan down --wipe"))(down)
    app.command(epilog=example_epilog("paidan status --json"))(status)
    app.command(epilog=example_epilog("paidan resume --service dispatch"))(resume)


@also_in_chinese(
    "启动 Kafka、PostgreSQL 和四个服务，并等待其就绪。",
    "不加 --detach 则留在前台，Ctrl-C 停止一切。PAIDAN_KAFKA 和 PAIDAN_DATABASE 使其使用您自备的服务器。",
)
@print_errors
def up(
    detach: Annotated[
        bool,
        typer.Option(
            "--detach", help="Return when everything is ready, and leave it running. 一切就绪后返回，任其继续运行。"
        ),
    ] = False,
) -> None:
    """Start Kafka, PostgreSQL and the four services, and wait until they are ready.

    Without --detach it stays in the foreground, and Ctrl-C stops everything.
    PAIDAN_KAFKA and PAIDAN_DATABASE make it use your own servers.
    """
    stack = Stack.for_start()
    if detach:
        _start_stack(stack)
        return
    with stop_stack_on_interrupt(stack):
        _start_stack(stack)
        console.print("Ctrl-C stops everything. / 按 Ctrl-C 停止一切。")
        wait_for_interrupt(stack)


def _start_stack(stack: Stack) -> None:
    with show_status("starting 正在启动") as show:
        running = stack.up(show)
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
        with console.status(_STOPPING):
            stack.down()
        console.print(_STOPPED)


def _raise_interrupt(_number: int, _frame: FrameType | None) -> None:
    # A second signal would interrupt the stop.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.raise_signal(signal.SIGINT)


def wait_for_interrupt(stack: Stack) -> NoReturn:
    """Block until Ctrl-C; exit with status 1 when the stack went down by itself."""
    while stack.state is not None:
        time.sleep(0.5)
    console.print(
        "[red]the supervisor ended[/red]; `paidan up` starts everything again"
        " / [red]监管进程已退出[/red]；`paidan up` 重新启动一切"
    )
    raise typer.Exit(1)


@also_in_chinese("依次停止各服务、Kafka 和 PostgreSQL。")
@print_errors
def down(
    wipe: Annotated[
        bool, typer.Option("--wipe", help="Remove all data and secrets too. 同时清除全部数据和密钥。")
    ] = False,
) -> None:
    """Stop services, Kafka and PostgreSQL, in this order."""
    stack = Stack.for_stop()
    with console.status(_STOPPING):
        stopped = stack.down()
        if wipe:
            stack.wipe()
    console.print(_STOPPED if stopped else "Nothing was running. / 没有任何程序在运行。")
    if wipe:
        console.print("All data is removed. / 全部数据已清除。")


@also_in_chinese(
    "显示地址、进程号、文件夹、时钟、停机原因和被搁置的发送方。",
    "有任何部分未运行，或有循环停机时，退出状态为 1。被搁置的发送方不使任何部分停机。",
)
@print_errors
def status(as_json: Annotated[bool, typer.Option("--json", help="Print JSON. 打印 JSON。")] = False) -> None:
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
        print_not_running(read_state(stack.paths.state))
    else:
        print_state(running, consumers)
        if clock is not None:
            console.print(clock_line(clock), highlight=False)
    if running is None or not _is_healthy(running):
        raise typer.Exit(1)


def _clock_document(clock: ClockReading | None) -> dict[str, object] | None:
    if clock is None:
        return None
    local = {city: each.isoformat() for city, each in clock.local_times.items()}
    return asdict(clock) | {"city_time": clock.city_time.isoformat(), "local_times": local}


def clock_line(clock: ClockReading) -> str:
    """Return what the clock shows, and how fast it runs."""
    kind = "real time 真实时间"
    if clock.kind != "real" and clock.factor == 1:
        kind = "of its own, now as fast as real time / 安装自有时钟，现按真实速度走"
    elif clock.kind != "real":
        kind = f"scaled, {clock.factor:g} times as fast as real time / 加速，为真实时间的 {clock.factor:g} 倍"
    times: dict[str, list[str]] = {} if clock.local_times else {clock.city_time.isoformat(" ", "seconds"): []}
    for city, local in clock.local_times.items():
        times.setdefault(local.isoformat(" ", "seconds"), []).append(city)
    lines = [f"city's time 城市时间  {at}  {', '.join(cities)}".rstrip() for at, cities in times.items()]
    return "\n".join([f"clock 时钟  {kind}", *lines])


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
        ServiceName | None,
        typer.Option(help="Only this service; by default all that are halted. 只处理该服务，默认全部停机者。"),
    ] = None,
    at: Annotated[
        ResumeFrom,
        typer.Option(
            help="Where to continue: at the stored offsets, or at the log's start or end."
            " 从何处继续：已存的偏移量，或日志的开头、末尾。"
        ),
    ] = "kept",
) -> None:
    """Clear halts once their cause is fixed. The halted loops go on within a second, in their processes."""
    cleared = Stack.current().resume(service, at)
    console.print(
        f"Cleared {cleared} halt{'s' if cleared > 1 else ''}. / 已清除 {cleared} 处停机。"
        if cleared
        else "Nothing was halted. / 没有停机。"
    )
