"""`paidan topics acls`."""

import asyncio
from typing import Annotated

import typer

from paidan_contracts.city import Pack
from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.output import console, print_errors
from paidan_deploy.provisioning.acls import acls_of, create_acls, published_packs
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.stack.stack import Stack


def register(app: typer.Typer) -> None:
    """Add this group of commands to the `paidan` command."""
    topics = typer.Typer(help="Topics, and who may read and write them. 主题，以及谁可以读写。", no_args_is_help=True)
    topics.callback()(_keep_subcommand_names)
    topics.command("acls", epilog=example_epilog("paidan topics acls --apply"))(acls_command)
    app.add_typer(topics, name="topics")


def _keep_subcommand_names() -> None:
    """Keep the command's name required though it is the only one."""


@also_in_chinese(
    "打印所有已发布城市中各服务、部门、来源的 ACL 命令。",
    "部门以消费组 <department> 或 <department>.* 读取 paidan.orders.<department>，并写入 paidan.answers.<department>；"
    "来源写入其告警；服务的主体为 paidan-<service>。配置包更改后，不再打印的 ACL 须手工删除。",
)
@print_errors
def acls_command(
    apply: Annotated[
        bool,
        typer.Option(
            "--apply", help="Create them, too; needs the right to alter the cluster. 同时创建，须有更改集群的权限。"
        ),
    ] = False,
    principal: Annotated[
        str,
        typer.Option(
            help="How a principal is made of an id; with client certificates User:CN={id}, for example."
            " 如何由 id 构成主体；使用客户端证书时例如 User:CN={id}。"
        ),
    ] = "User:{id}",
) -> None:
    """Print the ACLs of all published cities as lines for kafka-acls.sh: each service, department and source its own.

    A department reads paidan.orders.<department>, with consumer groups <department> or <department>.*, and writes
    paidan.answers.<department>; a source writes its alarms; a service's principal is paidan-<service>. After a pack has
    changed, what is printed no more has to be removed by hand.
    """
    if "{id}" not in principal:
        raise typer.BadParameter("it must contain {id} / 须含有 {id}", param_hint="--principal")
    stack = Stack.current()
    acls = acls_of(asyncio.run(_load_packs(stack)), topic_prefix=stack.settings.topic_prefix, principal=principal)
    for acl in acls:
        console.print(acl.command(), highlight=False, markup=False, soft_wrap=True)
    if apply:
        asyncio.run(create_acls(stack.servers.cluster, acls))


async def _load_packs(stack: Stack) -> list[Pack]:
    async with open_connection(stack.servers.running_dsn()) as connection:
        return await published_packs(connection)
