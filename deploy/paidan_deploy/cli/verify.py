"""`paidan verify`."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.markup import escape

from paidan_chassis.clock import real_now
from paidan_chassis.errors import Unacknowledged
from paidan_chassis.kafka.cluster import KafkaCluster
from paidan_contracts.checks import ConservationChecked
from paidan_contracts.topics import CHECKS
from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.output import console, error_console, print_errors
from paidan_deploy.conservation.anchor import Anchor
from paidan_deploy.conservation.log_reader import LogReader
from paidan_deploy.conservation.publication import publish, to_event
from paidan_deploy.conservation.report import ConservationReport
from paidan_deploy.conservation.run import NotCaughtUp, Sources, check_conservation
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.servers.atomic_files import write_atomically
from paidan_deploy.services import COCKPIT
from paidan_deploy.stack.stack import Stack

_INDENT: Final = " " * len("FAILS ......  ")


def register(app: typer.Typer) -> None:
    """Add this command to the `paidan` command."""
    app.command(epilog=example_epilog("paidan verify --json"))(verify)


@also_in_chinese(
    "以日志核对每张表：无丢失、重复或改写；否则退出状态 1。",
    "它读取整个收件日志及由此产生的一切，内容越多耗时越长。其间可以继续上报：结论截至所打印的偏移量。"
    "结果以编码和数量写入 paidan.checks；本地栈默认每小时核对一次（PAIDAN_CHECK_EVERY_S，0 为关闭）。",
)
@print_errors
def verify(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON. 打印 JSON。")] = False,
    anchor: Annotated[
        Path | None,
        typer.Option(
            help="An anchor that was saved earlier: what it was taken of must be as it was."
            " 以前保存的锚点：其所记内容须与当时一致。"
        ),
    ] = None,
    save_anchor: Annotated[
        Path | None,
        typer.Option(
            help="Where to save an anchor; keep it where no operator here can write."
            " 锚点存于何处；请保管在此处运维人员不能写入的地方。"
        ),
    ] = None,
) -> None:
    """Check that nothing was lost, counted twice or rewritten: the logs against every table. Exit status 1 if it was.

    It reads the whole inbox and everything that resulted from it, so it takes longer the more there is. Reports may
    keep coming in: it holds up to the offsets that it prints. The result is appended to paidan.checks, as codes and
    numbers; the local stack checks once an hour unless PAIDAN_CHECK_EVERY_S says otherwise (0: never).
    """
    taken = None if anchor is None else Anchor.read(anchor)
    try:
        report = asyncio.run(run_verification(Stack.current(), taken))
    except NotCaughtUp as error:
        raise DeployError(
            f"{error.message}; `paidan status` may say why / {error.message_zh}；原因可见 `paidan status`"
        ) from error
    if save_anchor is not None and report.holds:
        write_atomically(save_anchor, report.anchor.to_json(), mode=0o644)
    if as_json:
        console.print_json(
            json.dumps(asdict(report) | {"holds": report.holds, "line": report.line, "line_zh": report.line_zh}),
            highlight=False,
        )
    else:
        print_report(report)
    if not report.holds:
        raise typer.Exit(1)


async def run_verification(stack: Stack, anchor: Anchor | None = None) -> ConservationReport:
    """Run the conservation check on a running installation, and announce what it found."""
    installation = stack.installation()
    checked_at, begun = real_now(), time.monotonic()
    async with open_connection(installation.database) as connection:
        has_cockpit = COCKPIT.name in installation.services
        sources = Sources(LogReader(installation.cluster), connection, stack.paths.photos, anchor, has_cockpit)
        report = await check_conservation(sources)
    took_ms = round((time.monotonic() - begun) * 1000)
    await announce(installation.cluster, to_event(report, checked_at=checked_at, took_ms=took_ms))
    return report


async def announce(kafka: KafkaCluster, event: ConservationChecked) -> None:
    """Append a result to its topic, or print that this failed: what was found stands all the same."""
    try:
        await publish(kafka, event)
    except Unacknowledged as error:
        error_console.print(
            f"[yellow]note 注意[/yellow] the result could not be appended to {CHECKS.name}, monitoring does not see it"
            f" / 结果未能写入 {CHECKS.name}，监控看不到本次结果: {escape(str(error))}",
            highlight=False,
        )


def print_report(report: ConservationReport) -> None:
    """Print each check with examples of what fails it, then notices, then the summary line."""
    for check in report.claims:
        mark = "[green]holds 成立  [/green]" if check.holds else "[red]FAILS 不成立[/red]"
        total = f"{check.counted}" if check.holds else f"wrong 错误 {check.against}/{check.counted}"
        console.print(f"{mark}  {check.name} ({total})", highlight=False)
        console.print(f"{_INDENT}{check.name_zh}", highlight=False)
        _print_examples(check.examples, check.against)
    for notice in report.remarks:
        if notice.found:
            mark = "[yellow]note 注意   [/yellow]"
            console.print(f"{mark}  {notice.name} ({notice.found}/{notice.counted})", highlight=False)
            console.print(f"{_INDENT}{notice.name_zh}", highlight=False)
            _print_examples(notice.examples, notice.found)
    console.print(f"as of 截至 {_offsets(report)}", highlight=False)
    for line in (report.line, report.line_zh):
        console.print(line, highlight=False, style="bold" if report.is_balanced else "bold red")
    if failing := sum(not check.holds for check in report.claims):
        all_checks = len(report.claims)
        console.print(
            f"{failing} of {all_checks} checks FAIL / {all_checks} 项检查中 {failing} 项不成立",
            highlight=False,
            style="bold red",
        )


def _offsets(report: ConservationReport) -> str:
    """Return the offsets up to which the report holds, partition by partition."""
    return ", ".join(
        f"{topic} {'/'.join(str(offset) for _, offset in sorted(offsets.items())) or '-'}"
        for topic, offsets in report.holds_to.items()
    )


def _print_examples(examples: Sequence[str], count: int) -> None:
    for each in examples:
        console.print(f"{_INDENT}{each}", highlight=False, markup=False)
    if count > len(examples):
        console.print(f"{_INDENT}and {count - len(examples)} more / 另有 {count - len(examples)} 项", highlight=False)
