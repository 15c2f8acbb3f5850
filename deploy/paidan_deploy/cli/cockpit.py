"""`paidan cockpit link`: one-time links by which people sign in."""

import asyncio
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final

import typer

from paidan_chassis.database import Connection
from paidan_contracts.scopes import ALL_CITIES, InvalidScope
from paidan_deploy.citypacks import queries
from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.output import console, print_errors
from paidan_deploy.cli.people import parse_person_id
from paidan_deploy.cli.user import user_name
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.provisioning.persons import (
    CLERK,
    LINK_VALIDITY,
    POSTS,
    SYSTEM_OPERATOR,
    NewPerson,
    create_link,
    find_or_add_person,
    posts_of_pack,
)
from paidan_deploy.services import COCKPIT
from paidan_deploy.stack.stack import Installation, Stack

# A demonstration prints them before anybody has had time to look.
_VALIDITY_OF_ALL: Final = timedelta(hours=1)
_DEMONSTRATOR: Final = "演示 Demo"
_DEFAULT_CITY: Final = "quancheng"
_ADMINISTRATOR: Final = "administrator"
_MINUTES: Final = round(LINK_VALIDITY.total_seconds() / 60)


def register(app: typer.Typer) -> None:
    """Add these commands to the `paidan` command."""
    cockpit = typer.Typer(
        help="The cockpit: pages for everybody who works on cases. 驾驶舱：所有办案人员使用的页面。",
        no_args_is_help=True,
    )
    cockpit.command("link", epilog=example_epilog("paidan cockpit link --as dispatcher"))(link_command)
    app.add_typer(cockpit, name="cockpit")


@also_in_chinese(f"生成登录链接：只能使用一次，{_MINUTES} 分钟内有效。")
@print_errors
def link_command(
    post: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="POST",
            help=f"A person of this post: {', '.join(POSTS)}. 以该岗位的人员登录，岗位：{'、'.join(POSTS)}。",
        ),
    ] = None,
    person: Annotated[
        str | None, typer.Option(metavar="ID", help="This person, from `paidan people list`. 以此人员登录。")
    ] = None,
    city: Annotated[str, typer.Option(metavar="ID", help="City, with --as. 城市，与 --as 同用。")] = _DEFAULT_CITY,
    department: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Of a clerk; by default the city's first. 经办人所属单位，默认为第一个。"),
    ] = None,
) -> None:
    """Print a sign-in link that works once, for some minutes."""
    if (post is None) == (person is None):
        raise DeployError("give --as or --person / 请用 --as 或 --person 之一")
    installation = Stack.current().installation()
    try:
        link = asyncio.run(_link(installation, post, person, city, department))
    except InvalidScope as error:
        raise DeployError(str(error)) from error
    console.print(link, highlight=False, soft_wrap=True)


async def _link(
    installation: Installation, post: str | None, person: str | None, city: str, department: str | None
) -> str:
    async with open_connection(installation.database) as connection:
        if person is not None:
            return await _link_of(connection, installation, parse_person_id(person))
        return await _link_as(connection, installation, post or "", city, department)


async def links_of_all_posts(installation: Installation, city: str) -> Mapping[str, str]:
    """Return a new sign-in link for one post of each duty, by post."""
    async with open_connection(installation.database) as connection:
        by_duty = {post.duty: post.id for post in reversed(await posts_of_pack(connection, city))}
        posts = [*reversed(by_duty.values()), _ADMINISTRATOR, SYSTEM_OPERATOR] if by_duty else POSTS
        return {
            post: await _link_as(connection, installation, post, city, None, is_demonstration=True) for post in posts
        }


async def _link_as(
    connection: Connection,
    installation: Installation,
    post: str,
    city: str,
    department: str | None,
    *,
    is_demonstration: bool = False,
) -> str:
    if post == CLERK and department is None:
        department = next(iter((await queries.newest_pack(connection, city)).departments), None)
    name = _DEMONSTRATOR if is_demonstration else user_name()
    person = NewPerson(name, ALL_CITIES if post == SYSTEM_OPERATOR else city, post, department)
    person_id = await find_or_add_person(connection, person, created_by=user_name())
    return await _link_of(connection, installation, person_id, _VALIDITY_OF_ALL if is_demonstration else LINK_VALIDITY)


async def _link_of(
    connection: Connection, installation: Installation, person_id: uuid.UUID, valid_for: timedelta = LINK_VALIDITY
) -> str:
    secret = await create_link(connection, person_id, created_by=user_name(), valid_for=valid_for)
    return f"{installation.url(COCKPIT.name)}/sign-in/{secret}"
