"""`paidan import`."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Annotated, Final

import httpx
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from paidan_chassis.database import DB_ERRORS, retry
from paidan_deploy.citypacks import queries
from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.output import console, error_console, print_errors
from paidan_deploy.errors import DeployError
from paidan_deploy.importing import run
from paidan_deploy.importing.client import Endpoints
from paidan_deploy.importing.csv_rows import UnreadableFile
from paidan_deploy.importing.report import ImportReport
from paidan_deploy.provisioning.api_keys import OWN_VALIDITY, create_key, revoke_everywhere
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.stack.stack import Installation, Stack

IMPORT_KEY_SCOPES = ("role:importer", "backdate")
RETRY_HINT: Final = "run it again: nothing is counted twice"
RETRY_HINT_ZH: Final = "请重新执行，不会重复计数"
REVOKE_TIMEOUT_S: Final = 15.0


def register(app: typer.Typer) -> None:
    """Add this command to the `paidan` command."""
    app.command("import", epilog=example_epilog("paidan import records.csv --city losangeles --mapping myla311"))(
        import_records
    )


@also_in_chinese(
    "按原来的时间把过去的记录导入为上报和操作；可重复执行。",
    "不向部门派单，不启动时限，记录只在彼此间合并。以后导出的文件会更新以前的记录：补上其后的步骤；"
    "其他不同之处列出，加 --amend 则予以更正。",
)
@print_errors
def import_records(
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, readable=True, help="A CSV file of records. 记录的 CSV 文件。"),
    ],
    city: Annotated[str, typer.Option(help="City id; its pack must be published. 城市 id，其配置包须已发布。")],
    mapping: Annotated[
        str,
        typer.Option(help="How to read the columns: a mapping in that city's pack. 读列的方式：该城市配置包中的映射。"),
    ],
    no_matching: Annotated[bool, typer.Option("--no-matching", help="Do not merge records. 不合并记录。")] = False,
    amend: Annotated[
        bool,
        typer.Option(
            "--amend",
            help="Correct what records state otherwise than when they were imported before."
            " 记录与上次导入不同之处，予以更正。",
        ),
    ] = False,
) -> None:
    """Import past records as reports and actions at their original times. Running it again changes nothing.

    No orders go to departments, no timer starts, and records are only matched with each other. A later export brings
    earlier records up to date: their further steps are taken; what else they state otherwise is listed, and corrected
    with --amend.
    """
    stack = Stack.current()
    started = time.monotonic()
    with explain_import_errors(file, mapping):
        report = asyncio.run(
            _import(stack.installation(), file, (city, mapping), matching=not no_matching, amend=amend)
        )
    path = stack.paths.imports / f"{file.stem}-{mapping}.json"
    report.write(path)
    for line in report.summary():
        console.print(line, highlight=False, markup=False)
    console.print(
        f"every warning is listed, after {time.monotonic() - started:.1f} s, in / 全部提醒列于: {path}",
        highlight=False,
        soft_wrap=True,
    )


@contextmanager
def explain_import_errors(file: Path, mapping: str) -> Iterator[None]:
    """Raise a ``DeployError`` of one line for an error that ended an import."""
    try:
        yield
    except UnreadableFile as error:
        raise DeployError(
            f"{file.name} cannot be read by mapping {mapping} / {file.name} 无法按映射 {mapping} 读取: {error}"
        ) from error
    except httpx.HTTPError as error:
        raise DeployError(
            f"a service did not answer ({_first_line(error)}); {RETRY_HINT} / 某个服务没有应答；{RETRY_HINT_ZH}"
        ) from error
    except DB_ERRORS as error:
        raise DeployError(
            f"the import was interrupted ({_first_line(error)}); {RETRY_HINT} / 导入中断；{RETRY_HINT_ZH}"
        ) from error


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines and lines[0] else type(error).__name__


async def _import(
    installation: Installation, file: Path, selection: tuple[str, str], *, matching: bool, amend: bool
) -> ImportReport:
    city_id, mapping_id = selection
    async with open_connection(installation.database) as connection:
        city = await queries.newest_pack(connection, city_id)
    if mapping_id not in city.imports:
        available = ", ".join(sorted(city.imports)) or "none"
        raise DeployError(
            f"{city_id}'s pack has no mapping {mapping_id}; it has: {available}"
            f" / {city_id} 的配置包没有映射 {mapping_id}；可用的有：{available}"
        )
    job = run.ImportJob(file, city, city.imports[mapping_id], matching, amend)
    async with temporary_key(installation.database, city_id) as token:
        return await _run_with_progress(job, Endpoints(installation.url("intake"), installation.url("dispatch"), token))


@asynccontextmanager
async def temporary_key(dsn: str, city: str) -> AsyncIterator[str]:
    """Create a key that may backdate, and revoke it at the end; no connection is held meanwhile."""
    async with open_connection(dsn) as connection:
        token, key_id = await create_key(
            connection,
            name="import",
            city=city,
            scopes=IMPORT_KEY_SCOPES,
            valid_for=OWN_VALIDITY,
            granted_by="paidan import",
        )
    try:
        yield token
    finally:
        await _revoke_key(dsn, key_id)


async def _revoke_key(dsn: str, key_id: str) -> None:
    async def revoked() -> bool:
        async with open_connection(dsn) as connection:
            return await revoke_everywhere(connection, key_id)

    try:
        await retry(revoked, timeout_s=REVOKE_TIMEOUT_S)
    except DB_ERRORS as error:
        # Not raised: it would hide the import's result, or its error.
        error_console.print(
            f"paidan: the import's key was not revoked ({_first_line(error)}); it stays valid until"
            f" `paidan keys revoke {key_id}` / 导入所用密钥未能撤销；在执行 `paidan keys revoke {key_id}` 之前一直有效",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


async def _run_with_progress(job: run.ImportJob, endpoints: Endpoints) -> ImportReport:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=error_console) as progress_bars:
        sending, deciding = progress_bars.add_task("sent 已发送"), progress_bars.add_task("decided 已决定", total=None)
        expected: Counter[TaskID] = Counter()

        def expect(task: TaskID, count: int) -> None:
            expected[task] += count
            progress_bars.update(task, total=expected[task])

        progress = run.ImportProgress(
            on_planned=lambda count: expect(sending, count),
            on_sent=lambda count: progress_bars.advance(sending, count),
            on_accepted=lambda count: expect(deciding, count),
            on_decided=lambda count: progress_bars.advance(deciding, count),
        )
        return await run.run_import(job, endpoints, progress)
