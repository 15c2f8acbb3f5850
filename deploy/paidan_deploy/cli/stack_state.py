"""Prints the state of the stack: servers, services, halts, senders that are set aside, dead letters, notes."""

from collections.abc import Iterator

from rich.markup import escape

from paidan_chassis.consumer.senders import SetAsideSender
from paidan_deploy.cli.output import console, table
from paidan_deploy.stack.code_names import named
from paidan_deploy.stack.consumers import ConsumerStates
from paidan_deploy.stack.state import CONDITION_NAMES, StackState


def print_not_running(last: StackState | None) -> None:
    """Print that nothing runs and, where the last start failed, why: it was on the servers that were set then."""
    console.print("Not running; `paidan up` starts everything. / 未在运行；`paidan up` 启动一切。")
    if last is not None and last.phase == "failed":
        console.print(f"[yellow]the last start failed 上次启动失败[/yellow] {escape(last.message)}", highlight=False)


def print_state(state: StackState, consumers: ConsumerStates) -> None:
    """Print addresses, pids and conditions of servers and services, then halts, set-aside senders and notes."""
    titles = ("", "address\n地址", "pid\n进程号", "condition\n状态")
    console.print(table(titles, [*_state_rows(state)], unwrapped=titles))
    for name, server in (("Kafka", state.kafka), ("PostgreSQL", state.postgres)):
        if server is not None and server.folder is not None:
            console.print(f"{name} folder 文件夹 {escape(server.folder)}", highlight=False, soft_wrap=True)
    for each in state.services:
        if each.detail and each.condition != "running":
            console.print(f"[yellow]{each.name}[/yellow] {CONDITION_NAMES[each.condition]}: {escape(each.detail)}")
    _print_consumers(consumers)
    for note in state.notes:
        console.print(f"[yellow]note 注意[/yellow] {escape(_on_two_lines(note))}", highlight=False)


def _print_consumers(consumers: ConsumerStates) -> None:
    for name, service_halts in consumers.halts.items():
        for halt in service_halts:
            reason = f"{named(halt.reason)}: {escape(halt.detail)}"
            console.print(f"[red]{name} halted 停机[/red] ({halt.consumer}): {reason}")
    for name, set_aside in consumers.set_aside.items():
        for sender in set_aside:
            described = escape(_on_two_lines(_describe_set_aside(sender)))
            console.print(f"[yellow]{name} set aside 已搁置[/yellow] {described}", highlight=False)
    waiting = ", ".join(f"{name} {number:,}" for name, number in consumers.dead_letters.items() if number)
    if waiting:
        console.print(
            f"[yellow]dead letters wait 死信待处理[/yellow] {waiting}; see 见 `paidan dead-letters list`",
            highlight=False,
        )


def _on_two_lines(text: str) -> str:
    """Put the Chinese half on a line of its own: a terminal breaks a line only at blanks, as long as there are any."""
    return text.replace(" / ", "\n  ", 1)


def _describe_set_aside(sender: SetAsideSender) -> str:
    return (
        f"{sender.sender} on {sender.topic}: {sender.counted:,} unreadable records of this hour are only counted,"
        f" offsets {sender.first_offset} to {sender.last_offset}; its sound ones and all others are applied"
        f" / {sender.topic} 上的 {sender.sender}：本小时内 {sender.counted:,} 条无法读取的记录只计数，"
        f"偏移量 {sender.first_offset} 至 {sender.last_offset}；其正常记录及其他发送方的记录照常处理"
    )


def _state_rows(state: StackState) -> Iterator[tuple[str, ...]]:
    for name, server in (("Kafka", state.kafka), ("PostgreSQL", state.postgres)):
        if server is not None:
            condition = "" if server.folder is None else CONDITION_NAMES["stopped" if server.is_dead else "running"]
            yield name, server.address, "-" if server.is_dead else str(server.pid or "yours 自备"), condition
    for each in state.services:
        restarts = f", restarted 已重启 {each.restarts}×" if each.restarts else ""
        yield each.name, f"{each.url}/docs", str(each.pid or "-"), CONDITION_NAMES[each.condition] + restarts
