"""`paidan people add`, `list` and `disable`: who may sign in at the cockpit."""

import asyncio
import uuid
from typing import Annotated, Final

import typer
from pydantic import SecretStr

from paidan_chassis.identity_digests import IdentityDigests
from paidan_contracts.scopes import InvalidScope
from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.output import console, print_errors, table
from paidan_deploy.cli.user import user_name
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.provisioning.persons import (
    POSTS,
    IdentityDigest,
    NewPerson,
    StoredPerson,
    add_person,
    disable_person,
    list_persons,
    no_such_person,
)
from paidan_deploy.services import COCKPIT, secret_names
from paidan_deploy.settings import inherited_environment
from paidan_deploy.stack.stack import Stack

_TOKEN_KEY: Final = secret_names(COCKPIT)["TOKEN_KEY"]
_IDENTITIES: Final = {"subject": "subject 主体", "email": "e-mail 邮箱"}
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


@also_in_chinese("添加人员并显示其编号；登录链接用 `paidan cockpit link` 生成。")
@print_errors
def add_command(
    name: Annotated[str, typer.Option(metavar="TEXT", help="Name; it stays in the cockpit. 姓名，只保存在驾驶舱。")],
    post: Annotated[str, typer.Option(metavar="POST", help=_POSTS_HELP)],
    city: Annotated[str, typer.Option(metavar="ID", help="City id, or * for all. 城市 id，* 为全部。")],
    department: Annotated[
        str | None, typer.Option(metavar="ID", help="Of a clerk: the department. 经办人所属单位。")
    ] = None,
    oidc_subject: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="How the identity provider names the person. 身份提供方的主体标识（sub）。"),
    ] = None,
    oidc_email: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="E-mail that the provider has verified; only a digest is stored. 提供方已验证的邮箱，仅保存摘要。",
        ),
    ] = None,
) -> None:
    """Add a person and print the new id; `paidan cockpit link --person` makes a sign-in link."""
    person = NewPerson(name.strip(), city, post, department)
    if not person.name:
        raise DeployError("the name is empty / 姓名为空")
    try:
        person_id = asyncio.run(_add(person, oidc_subject, oidc_email))
    except InvalidScope as error:
        raise DeployError(str(error)) from error
    console.print(str(person_id), highlight=False, soft_wrap=True)


async def _add(person: NewPerson, subject: str | None, email: str | None) -> uuid.UUID:
    stack = Stack.current()
    identities = _identities(stack, subject, email)
    async with open_connection(stack.installation().database) as connection:
        return await add_person(connection, person, created_by=user_name(), identities=identities)


def _identities(stack: Stack, subject: str | None, email: str | None) -> list[IdentityDigest]:
    variables, found = inherited_environment(), []
    key = stack.credentials.existing(_TOKEN_KEY) or variables.get(COCKPIT.environment_variable("TOKEN_KEY"))
    digests = IdentityDigests.from_base64(SecretStr(key or stack.credentials.key(_TOKEN_KEY)))
    if subject is not None:
        issuer = variables.get(COCKPIT.environment_variable("OIDC_ISSUER"))
        if not issuer:
            raise DeployError(
                "set COCKPIT_OIDC_ISSUER, whose subject it is / 请设置 COCKPIT_OIDC_ISSUER，即主体标识的提供方"
            )
        found.append(IdentityDigest("subject", digests.of_subject(issuer, subject)[0]))
    if email is not None:
        found.append(IdentityDigest("email", digests.of_email(email)[0]))
    return found


@also_in_chinese("列出所有人员及其岗位和最近登录时间。")
@print_errors
def list_command() -> None:
    """List every person with post and last sign-in."""
    titles = (
        "person\n编号", "name\n姓名", "city\n城市", "post\n岗位", "may\n权限", "known by\n登录标识",
        "signed in\n最近登录", "state\n状态",
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
        " ".join(_IDENTITIES[each] for each in person.identities) or "links 链接",
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
