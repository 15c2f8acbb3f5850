"""`paidan demo`, which `make run` runs."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Final

import typer
from pydantic import SecretStr
from rich.live import Live

from paidan_chassis.edge.person_token_signer import PersonTokenSigner
from paidan_chassis.settings import ServiceSettings
from paidan_deploy.citypacks import queries
from paidan_deploy.cli import scores as cli_scores
from paidan_deploy.cli import verify
from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.cockpit import links_of_all_posts
from paidan_deploy.cli.output import console, print_errors, show_status
from paidan_deploy.cli.stack import stop_stack_on_interrupt, wait_for_interrupt
from paidan_deploy.cli.stack_state import print_state
from paidan_deploy.conservation.report import ConservationReport
from paidan_deploy.demo.clock_throttle import ClockThrottle
from paidan_deploy.demo.day import DemoDay, ShowProgress, next_day, play_day
from paidan_deploy.demo.display import ClockStatus, progress_line, render_progress
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.services import COCKPIT, secret_names
from paidan_deploy.settings import inherited_environment
from paidan_deploy.stack.stack import Installation, Stack

CITY: Final = "quancheng"
_AUDIENCE: Final = ServiceSettings.model_fields["persons_audience"].default
NEXT_COMMANDS: Final = (
    "scores --city {city} --period {period} --by district",
    "verify",
    "dead-letters list",
    "import FILE --city losangeles --mapping myla311",
)


def register(app: typer.Typer) -> None:
    """Add this command to the `paidan` command."""
    app.command(epilog=example_epilog("paidan demo --once"))(demo)


@also_in_chinese("启动一切，播放演示城市的下一天，显示分值，直到 Ctrl-C。")
@print_errors
def demo(
    once: Annotated[
        bool,
        typer.Option(
            "--once", help="Exit after the day, with status 1 if anything failed. 播放一天后退出，有失败则状态为 1。"
        ),
    ] = False,
    seconds: Annotated[
        float, typer.Option(help="How long the city's day takes, in seconds. 城市的一天播放多少秒。", min=20)
    ] = 80,
) -> None:
    """Start everything, play the next day of the demo city, show the scores, and keep running until Ctrl-C."""
    stack = Stack.for_start()
    was_running = stack.state is not None
    with stop_stack_on_interrupt(stack):
        try:
            succeeded = _run_day(stack, seconds, stays_up=not once)
        except Exception:
            if once and not was_running:
                stack.down()
            raise
        if not once:
            wait_for_interrupt(stack)
        stack.down()
        raise typer.Exit(0 if succeeded else 1)


def _run_day(stack: Stack, seconds: float, *, stays_up: bool) -> bool:
    """Start everything, play the day and print the results; False when anything failed."""
    with show_status("starting 正在启动") as show:
        stack.up(show)
    _print_cockpit(stack, with_links=stays_up)
    day = asyncio.run(_play_day(stack, seconds))
    report = asyncio.run(verify.run_verification(stack))
    succeeded = _print_results(stack, day, report)
    if stays_up:
        _print_cockpit(stack, with_links=True)
    _print_next_commands(day, stays_up=stays_up)
    return succeeded


async def _play_day(stack: Stack, seconds: float) -> DemoDay:
    installation = stack.installation()
    async with open_connection(installation.database) as connection:
        city = await queries.newest_pack(connection, CITY)
        day = await next_day(connection, city, seconds)
        print_day(day)
        with _progress_of(day) as show_progress:
            waited_s = await play_day(installation, connection, day, show_progress, _signer_of(stack, installation))
        console.print()
        if waited_s >= 1:
            console.print(
                f"[yellow]note 注意[/yellow] the city's clock waited {waited_s:.0f} s for this machine to keep up"
                f" / 城市时钟为等候本机，共停 {waited_s:.0f} 秒"
            )
    return day


def _signer_of(stack: Stack, installation: Installation) -> PersonTokenSigner | None:
    """Return the signer of persons' tokens, as the stack's own cockpit has it; None where another one issues them."""
    issuer = installation.urls.get(COCKPIT.name)
    if issuer is None or stack.settings.persons_issuer is not None:
        return None
    audience = inherited_environment().get(COCKPIT.environment_variable("PERSONS_AUDIENCE"), _AUDIENCE)
    key = SecretStr(stack.credentials.key(secret_names(COCKPIT)["TOKEN_KEY"]))
    return PersonTokenSigner.from_base64(issuer, audience, key)


def print_day(day: DemoDay) -> None:
    """Print which day is played, until when, and who works along."""
    names, seconds = day.city.pack.names, f"{day.duration_s:.0f}"
    if day.skips is not None:
        console.print(
            f"[yellow]note 注意[/yellow] in the city {day.skips} has begun already: the next whole day is played"
            f" / 城市中的 {day.skips} 已经开始，故播放下一个整天",
            highlight=False,
        )
    console.print(
        f"[bold]{names.zh} {names.en}[/bold] {day.midnight:%Y-%m-%d}, until {day.end:%H:%M}: a day in {seconds} s"
        f" / 播放至 {day.end:%H:%M}，{seconds} 秒播放一天",
        highlight=False,
    )
    console.print(
        "Until then simulated staff of every post work the same queues and may be faster than you; from then on the"
        " clock runs at real speed and they rest"
        " / 在此之前，各岗位的模拟人员处理同一批队列，可能比您更快；此后时钟按真实速度走，模拟人员不再办理",
        highlight=False,
        soft_wrap=True,
    )


@contextmanager
def _progress_of(day: DemoDay) -> Iterator[ShowProgress]:
    """Show a display that is drawn anew; without a terminal, a line each hour of the city."""
    if not console.is_terminal:
        shown: set[datetime] = set()

        def print_hour(now: datetime, throttle: ClockThrottle) -> None:
            hour = now.replace(minute=0, second=0, microsecond=0)
            if hour not in shown:
                shown.add(hour)
                clock = ClockStatus(now, day.midnight, day.city.zone)
                line = progress_line(clock, sources=throttle.sources, observed=throttle.observed)
                console.print(line, highlight=False)

        yield print_hour
        return
    with Live(console=console, refresh_per_second=5, transient=False) as live:

        def draw(now: datetime, throttle: ClockThrottle) -> None:
            clock = ClockStatus(now, day.midnight, day.city.zone, is_throttled=throttle.is_throttled)
            live.update(render_progress(clock, sources=throttle.sources, observed=throttle.observed))

        yield draw


def _print_results(stack: Stack, day: DemoDay, report: ConservationReport) -> bool:
    """Print the results of the day; False when a check or a service failed."""
    period = f"{day.midnight:%Y-%m-%d}"
    scores = cli_scores.fetch_scores(stack.installation(), city=CITY, period=period, by="department")
    console.print(cli_scores.scores_table(scores, width=console.width))
    if report.holds:
        console.print("[green]nothing lost, nothing counted twice / 无一丢失，无一重复计数[/green]", highlight=False)
        console.print(report.line, highlight=False)
        console.print(report.line_zh, highlight=False)
    else:
        verify.print_report(report)
    state = stack.state
    succeeded = report.holds and state is not None
    if state is not None:
        print_state(state, stack.consumer_states())
        succeeded = succeeded and all(each.condition == "running" and not each.restarts for each in state.services)
    return succeeded


def _print_cockpit(stack: Stack, *, with_links: bool) -> None:
    """Print where the cockpit is, with a sign-in link for each post; nothing where it does not run."""
    installation = stack.installation()
    if COCKPIT.name not in installation.urls:
        return
    console.print(
        f"[bold]The cockpit / 驾驶舱[/bold]: {installation.url(COCKPIT.name)}", highlight=False, soft_wrap=True
    )
    if not with_links:
        return
    console.print("Sign in as, once each, within the hour / 登录链接，各用一次，一小时内有效：")
    for post, link in asyncio.run(links_of_all_posts(installation, CITY)).items():
        console.print(f"  {post:14} {link}", highlight=False, soft_wrap=True)


def _print_next_commands(day: DemoDay, *, stays_up: bool) -> None:
    period = f"{day.midnight:%Y-%m-%d}"
    console.print("Try next, in another terminal / 接着可在另一终端试：" if stays_up else "Try next / 接着可试：")
    for line in NEXT_COMMANDS if stays_up else ("up --detach", *NEXT_COMMANDS):
        console.print(f"  .venv/bin/paidan {line.format(city=CITY, period=period)}", highlight=False, soft_wrap=True)
