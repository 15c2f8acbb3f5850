"""`paidan people add`, `list` and `disable`: who may sign in at the cockpit."""

import asyncio
import uuid
from typing import Annotated

import typer

from paidan_contracts.scopes import InvalidScope
from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.output import console, print_errors, table
from paidan_deploy.cli.user import user_name
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.provisioning.persons import (
    POSTS,
    NewPerson,
    StoredPerson,
    add_person,
    disable_person,
    list_persons,
)
from paidan_deploy.stack.stack import Stack

_POSTS_HELP = f"Post of the city's pack, or one of {', '.join(POSTS)}. 城市包中的岗位，或前列岗位之一。"


def register(app: typer.Typer) -> None:
    """Add these commands to the `paidan` command."""
    people = typer.Typer(
        help="People: who may sign in at the cockpit, at which post. 人员：谁可登录驾驶舱，在什么岗位。",
        no_args_is_help=True,
    )
    epilog = example_epilog("paidan people add --name 王敏 --post dispatcher --city quancheng")
    people.command("add", epilog=epilog)(add_command)
    people.command("list", epilog=example_epilog("paidan people list"))(list_command)
    people.command("disable", epilog=example_epilog("paidan people disable 7d0c..."))(disable_command)
    app.add_typer(people, name="people")


@also_in_chinese("添加人员，显示其编号；登录链接用 `paidan cockpit link --person` 生成。")
@print_errors
def add_command(
    name: Annotated[str, typer.Option(metavar="TEXT", help="Name; it stays in the cockpit. 姓名，只保存在驾驶舱。")],
    post: Annotated[str, typer.Option(metavar="POST", help=_POSTS_HELP)],
    city: Annotated[str, typer.Option(metavar="ID", help="City id, or * for all. 城市 id，* 为全部。")],
    department: Annotated[
        str | None, typer.Option(metavar="ID", help="Of a clerk: the department. 经办人所属单位。")
    ] = None,
) -> None:
    """Add a person and print the new id; `paidan cockpit link --person` makes a sign-in link."""
    person = NewPerson(name.strip(), city, post, department)
    if not person.name:
        raise DeployError("the name is empty / 姓名为空")
    try:
        person_id = asyncio.run(_add(person))
    except InvalidScope as error:
        raise DeployError(str(error)) from error
    console.print(str(person_id), highlight=False, soft_wrap=True)


async def _add(person: NewPerson) -> uuid.UUID:
    async with open_connection(Stack.current().installation().database) as connection:
        return await add_person(connection, person, created_by=user_name())


@also_in_chinese("列出所有人员及其岗位和最近登录时间。")
@print_errors
def list_command() -> None:
    """List every person with post and last sign-in."""
    titles = (
        "person\n编号", "name\n姓名", "city\n城市", "post\n岗位", "may\n权限", "signed in\n最近登录", "state\n状态",
    )  # fmt: skip
    console.print(table(titles, [_row(each) for each in asyncio.run(_load())], unwrapped=titles[:1]))


def _row(person: StoredPerson) -> tuple[str, ...]:
    seen = f"{person.seen_at:%Y-%m-%d %H:%M}" if person.seen_at else "never 从未"
    state = f"disabled 已停用 {person.disabled_at:%Y-%m-%d}" if person.disabled_at else "active 有效"
    return (
        str(person.person_id),
        person.name,
        person.city,
        person.post,
        " ".join(person.scopes or ("by the pack 按配置包",)),
        seen,
        state,
    )


async def _load() -> list[StoredPerson]:
    async with open_connection(Stack.current().installation().database) as connection:
        return await list_persons(connection)


@also_in_chinese("停用人员，其会话立即结束。")
@print_errors
def disable_command(
    person: Annotated[str, typer.Argument(help="Id, from `paidan people list`. 编号，见 `paidan people list`。")],
) -> None:
    """Disable a person; all sessions end at once."""
    if not asyncio.run(_disable(parse_person_id(person))):
        raise no_such_person(person)
    console.print(f"{person} is disabled. / {person} 已停用。", highlight=False)


async def _disable(person_id: uuid.UUID) -> bool:
    async with open_connection(Stack.current().installation().database) as connection:
        return await disable_person(connection, person_id)


def parse_person_id(text: str) -> uuid.UUID:
    """Return a person's id; raise DeployError for what is none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise no_such_person(text) from None


def no_such_person(person: str) -> DeployError:
    """Return the error for an id that nobody has."""
    return DeployError(f"there is no person {person} / 没有人员 {person}")
