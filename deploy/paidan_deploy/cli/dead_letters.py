"""`paidan dead-letters list`, `show`, `redrive` and `drop`."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Final

import typer

from paidan_chassis.consumer import dead_letters
from paidan_chassis.consumer.dead_letters import StoredDeadLetter, decrypt, load_oldest
from paidan_chassis.consumer.record_content import RecordContent
from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.letter_ids import find_ids
from paidan_deploy.cli.letter_redrive import redrive_letters
from paidan_deploy.cli.output import console, print_errors, table
from paidan_deploy.cli.user import user_name
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.services import SERVICES, Service
from paidan_deploy.stack.code_names import named
from paidan_deploy.stack.stack import Stack
from paidan_deploy.stack.vault_keys import cipher_for, explain_decryption_errors

_LIST_LIMIT: Final = 1000
StoredLetter = tuple[Service, StoredDeadLetter]
"""A dead letter, and the service that stored it."""


def register(app: typer.Typer) -> None:
    """Add these commands to the `paidan` command."""
    group = typer.Typer(
        help="Records that a service could not process: list, show, redrive, drop."
        " 服务无法处理的记录：列出、查看、重投、丢弃。",
        no_args_is_help=True,
    )
    group.command("list", epilog=example_epilog("paidan dead-letters list --all"))(list_command)
    group.command("show", epilog=example_epilog("paidan dead-letters show 3f2c --value"))(show_command)
    group.command("redrive", epilog=example_epilog("paidan dead-letters redrive --all"))(redrive_command)
    group.command("drop", epilog=example_epilog('paidan dead-letters drop 3f2c --reason "a test of the vendor"'))(
        drop_command
    )
    app.add_typer(group, name="dead-letters")


@also_in_chinese("列出死信，最旧的在前；内容不显示，可能有个人信息。")
@print_errors
def list_command(
    include_done: Annotated[
        bool, typer.Option("--all", help="Include those that were redriven or dropped. 包括已重投或丢弃的。")
    ] = False,
) -> None:
    """List dead letters, oldest first. Record contents are not shown: they may hold personal data."""
    found = asyncio.run(_load_letters(waiting_only=not include_done))
    rows = [
        (
            str(each.letter_id),
            service.name,
            f"{each.topic}-{each.partition}@{each.offset}",
            named(each.reason),
            each.detail,
            f"{each.dead_lettered_at:%m-%d %H:%M}",
            _what_was_done(each),
        )
        for service, each in found
    ]
    titles = ("id\n编号", "service\n服务", "record\n记录", "reason\n原因", "detail\n详情", "since\n时间", "done\n处理")
    console.print(table(titles, rows, unwrapped=titles[:1]) if rows else "No dead letters. / 没有死信。")
    for name, number in Counter(service.name for service, _ in found).items():
        if number == _LIST_LIMIT:
            console.print(
                f"Only the oldest {_LIST_LIMIT:,} of {name} are shown; `redrive` reaches the others, too."
                f" / {name} 只显示最旧的 {_LIST_LIMIT:,} 条；`redrive` 也处理其余各条。"
            )


@also_in_chinese("显示死信的来历、原因和消息头；须有该服务的保险库密钥。")
@print_errors
def show_command(
    letter_id: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="From `list`; its first characters are enough. 见 `list`，开头几个字符即可。"
        ),
    ],
    value: Annotated[
        bool,
        typer.Option("--value", help="Show its value, too; it may hold personal data. 连同内容显示，可能含个人信息。"),
    ] = False,
) -> None:
    """Show a dead letter's origin, reason and headers. Needs the vault key of the service that stored it."""
    service, found = asyncio.run(_find_letter(letter_id))
    content = _decrypted(service, found)
    position = f"{found.topic}-{found.partition}@{found.offset}"
    console.print(f"{position}, dead-lettered by 死信出自 {service.name} ({found.consumer})", highlight=False)
    console.print(f"{named(found.reason)}: {found.detail}", highlight=False, markup=False)
    if found.dropped_at:
        console.print(_what_was_done(found), highlight=False, markup=False)
    for name, header in content.headers:
        console.print(
            f"  {_printable(name.encode(errors='surrogateescape'))}: {_printable(header)}",
            highlight=False,
            markup=False,
        )
    if value:
        console.print(_printable(content.value), highlight=False, markup=False, soft_wrap=True)


def _decrypted(service: Service, dead_letter: StoredDeadLetter) -> RecordContent:
    with explain_decryption_errors(service):
        return decrypt(dead_letter, cipher_for(service, Stack.current().credentials))


def _what_was_done(letter: StoredDeadLetter) -> str:
    if letter.dropped_at:
        return f"dropped 已丢弃 {letter.dropped_at:%m-%d %H:%M} {letter.dropped_by}: {letter.dropped_because}"
    return f"redriven 已重投 {letter.redriven_at:%m-%d %H:%M}" if letter.redriven_at else ""


@also_in_chinese(
    "排除失败原因之后，把记录原样追加到其来自的主题。",
    "逐条进行，前一条有结果后才投下一条；再次失败时即停。须有存放这些死信的服务的保险库密钥。",
)
@print_errors
def redrive_command(
    letter_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Which dead letters. 哪些死信。")
    ] = None,
    redrive_all: Annotated[bool, typer.Option("--all", help="All that wait. 所有待处理的。")] = False,
) -> None:
    """Append records unchanged to the topics they came from, once the cause of their failure is fixed.

    One after the other, each once the one before it is decided; it stops at the first that fails again.
    Needs the vault keys of the services that stored them.
    """
    if not letter_ids and not redrive_all:
        raise DeployError("name dead letters, or use --all / 请指明死信，或使用 --all")
    result = asyncio.run(redrive_letters(letter_ids or None))
    for each, reason in result.skipped:
        console.print(f"{_describe(each)} {reason}", highlight=False, markup=False)
    console.print(f"{result.redriven} redriven. / 已重投 {result.redriven} 条。")
    if result.stopped_at:
        each, reason = result.stopped_at
        raise DeployError(f"stopped at / 停在 {_describe(each)}: {reason}")
    if result.skipped:
        raise DeployError(
            f"{len(result.skipped)} could not be redriven; `paidan dead-letters drop` takes them off"
            f" / {len(result.skipped)} 条无法重投，可用 `paidan dead-letters drop` 移出清单"
        )


@also_in_chinese("把无法放回的死信移出清单，记下何人何时为何；内容保留。")
@print_errors
def drop_command(
    letter_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Which dead letters. 哪些死信。")],
    reason: Annotated[
        str, typer.Option(help="Why they will never be put back; it is recorded. 为何不再放回，将予记录。")
    ],
    by: Annotated[
        str, typer.Option(help="Who says so; by default the user of this shell. 由何人决定，默认当前用户。")
    ] = "",
) -> None:
    """Take letters that can never be put back off the list. Who, when and why is recorded; their content stays."""
    if not reason.strip():
        raise DeployError("--reason needs words / --reason 须写明理由")
    dropped = asyncio.run(_drop(letter_ids, by=by.strip() or user_name(), because=reason.strip()))
    console.print(f"{dropped} dropped. / 已丢弃 {dropped} 条。")


def _describe(letter: StoredDeadLetter) -> str:
    return f"{letter.letter_id} ({letter.topic}-{letter.partition}@{letter.offset})"


async def _load_letters(*, waiting_only: bool) -> list[StoredLetter]:
    async with open_connection(Stack.current().installation().database) as connection:
        found: list[StoredLetter] = []
        for service in SERVICES:
            await connection.execute(f"SET search_path = {service.name}")
            letters = await load_oldest(connection, waiting_only=waiting_only, limit=_LIST_LIMIT)
            found += [(service, each) for each in letters]
        return found


async def _find_letter(letter_id: str) -> StoredLetter:
    async with open_connection(Stack.current().installation().database) as connection:
        [(service, ids)] = (await find_ids(connection, [letter_id])).items()
        await connection.execute(f"SET search_path = {service.name}")
        [letter] = await dead_letters.load(connection, ids)
        return service, letter


async def _drop(letter_ids: Sequence[str], *, by: str, because: str) -> int:
    async with open_connection(Stack.current().installation().database) as connection, connection.transaction():
        dropped = 0
        for service, ids in (await find_ids(connection, letter_ids)).items():
            await connection.execute(f"SET search_path = {service.name}")
            done = await dead_letters.drop(connection, ids, by=by, because=because)
            if not_waiting := set(ids) - set(done):
                raise DeployError(
                    f"{min(map(str, not_waiting))} was redriven or dropped already; none is dropped"
                    f" / {min(map(str, not_waiting))} 已重投或丢弃，未丢弃任何死信"
                )
            dropped += len(done)
        return dropped


def _printable(data: bytes | None) -> str:
    return "(null)" if data is None else data.decode(errors="backslashreplace")
