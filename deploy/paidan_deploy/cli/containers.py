"""`paidan prepare`, `serve` and `secrets`: for containers, where something else supervises the processes."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from paidan_deploy.citypacks.bootstrap import publish_missing_packs
from paidan_deploy.cli.acl_creation import keep_acls
from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.output import console, print_errors
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning import database as database_provisioning
from paidan_deploy.provisioning.clock import settle_clock
from paidan_deploy.provisioning.handover import (
    OWN_SECRETS,
    can_create_secrets,
    hand_over,
    handed_over,
    write_prepare_secrets,
)
from paidan_deploy.provisioning.topics import create_topics
from paidan_deploy.servers.dsn import dsn_for_role
from paidan_deploy.servers.ports import LOOPBACK
from paidan_deploy.services import (
    INTAKE,
    SERVICES,
    Service,
    ServiceConfig,
    ServiceName,
    environment_with,
    service_secrets,
)
from paidan_deploy.settings import inherited_environment
from paidan_deploy.stack.stack import Stack

_FOLDER_HELP: Final = (
    "Folder to write: one folder for each service, and one for prepare."
    " 要写入的文件夹：每个服务一个子文件夹，prepare 一个。"
)


def register(app: typer.Typer) -> None:
    """Add these commands to the `paidan` command."""
    app.command(epilog=example_epilog("PAIDAN_KAFKA=kafka:9092 PAIDAN_DATABASE=postgresql://... paidan prepare"))(
        prepare
    )
    app.command(epilog=example_epilog("paidan serve intake --host 0.0.0.0"))(serve)
    app.command(epilog=example_epilog("paidan secrets secrets --database postgresql://postgres:5432/paidan"))(secrets)


@also_in_chinese(
    "在您的服务器上建好角色、表、主题、密钥和首批城市包。",
    "可随时重复执行；每次启动新版本之前请执行。Kafka 须登录（PAIDAN_KAFKA_SASL）时，也创建其 ACL。"
    "只有它需要 PAIDAN_DATABASE，即数据库所有者的 DSN。"
    "密钥存放在 PAIDAN_HOME/secrets。",
)
@print_errors
def prepare(
    handover: Annotated[
        Path | None,
        typer.Option(
            help="Write a folder of secrets for each service here, to be mounted by that service alone."
            " 在此为每个服务写出密钥文件夹，只由该服务挂载。"
        ),
    ] = None,
) -> None:
    """Create roles, tables, topics and secrets on your own servers, publish the first city packs, and exit.

    It may be run again at any time; run it before each new release starts. Where Kafka wants a login
    (PAIDAN_KAFKA_SASL), it creates Kafka's ACLs, too. It alone needs PAIDAN_DATABASE, the DSN of
    the database's owner. Secrets are stored in PAIDAN_HOME/secrets.
    """
    stack = _stack_on_own_servers()
    asyncio.run(_prepare(stack))
    if handover is not None:
        hand_over(handover, dsn=stack.servers.dsn, credentials=stack.credentials)
    console.print("Ready: services can start. / 准备就绪：可以启动服务。")


async def _prepare(stack: Stack) -> None:
    if can_create_secrets(stack.paths.secrets):
        for service in SERVICES:
            service_secrets(service, paths=stack.paths, credentials=stack.credentials)
    await database_provisioning.prepare_database(stack.servers.dsn, stack.credentials)
    await settle_clock(stack.servers.dsn, stack.settings.clock, stack.settings.cities)
    await create_topics(stack.servers.cluster)
    messages = await publish_missing_packs(stack.settings.cities, dsn=stack.servers.dsn, kafka=stack.servers.cluster)
    for message in messages:
        console.print(message)
    if await keep_acls(stack):
        console.print("Kafka's ACLs are set. / Kafka 的 ACL 已设置。")


@also_in_chinese(
    "无须服务器，为新安装生成密钥：各服务只得自己所需。",
    "使用 PAIDAN_HOME/secrets 中已有的密钥，缺少的在那里生成：请妥善保存，仅此一份。",
)
@print_errors
def secrets(
    folder: Annotated[Path, typer.Argument(help=_FOLDER_HELP)],
    database: Annotated[
        str,
        typer.Option(
            help="Address of the database, without user and password, with parameters such as sslmode."
            " 数据库地址，不含用户和密码，可带 sslmode 等参数。"
        ),
    ],
) -> None:
    """Generate the secrets of a new installation without its servers: what each service gets, and nothing else.

    Those in PAIDAN_HOME/secrets are used, and what is missing is generated there: keep it, it is the only copy.
    """
    credentials = Stack.from_settings().credentials
    hand_over(folder, dsn=database, credentials=credentials)
    write_prepare_secrets(folder, credentials)
    console.print(
        f"{folder} has the secrets; {credentials.folder} is the copy to keep."
        f" / 密钥已写入 {folder}；{credentials.folder} 是须保存的一份。",
        highlight=False,
    )


@also_in_chinese(
    "在 `paidan prepare` 准备好的服务器上前台运行一个服务。",
    "其密钥来自 INTAKE_DATABASE 等变量，或 `paidan prepare --handover`、`paidan secrets` 写在 PAIDAN_HOME/secrets"
    " 中的文件。两者皆无时，用同一 PAIDAN_HOME 中 `paidan prepare` 的密钥，这需要 PAIDAN_DATABASE。",
)
@print_errors
def serve(
    name: Annotated[ServiceName, typer.Argument(help="The service to run. 要运行的服务。")],
    host: Annotated[
        str, typer.Option(help="Address to listen on; by default loopback. 监听地址，默认为本机回环地址。")
    ] = LOOPBACK,
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on; by default 8101 to 8104. 监听端口，默认 8101 至 8104。"),
    ] = None,
) -> None:
    """Run one service on servers that `paidan prepare` has prepared, in the foreground.

    Its secrets are variables such as INTAKE_DATABASE, or the files that `paidan prepare --handover` or `paidan secrets`
    wrote, in PAIDAN_HOME/secrets. Where there are neither, they are those of `paidan prepare` in the same PAIDAN_HOME,
    which needs PAIDAN_DATABASE.
    """
    stack = Stack.from_settings()
    if stack.settings.kafka is None:
        raise DeployError(
            "set PAIDAN_KAFKA; `paidan up` starts servers of its own"
            " / 请设置 PAIDAN_KAFKA 和 PAIDAN_DATABASE；`paidan up` 会自行启动服务器"
        )
    service = next(each for each in SERVICES if each.name == name)
    config = ServiceConfig(
        kafka=stack.servers.bootstrap,
        topic_prefix=stack.settings.topic_prefix,
        port=port or service.port,
        host=host,
        clock=stack.settings.clock or "real",
        kafka_security=stack.settings,
        persons_issuer=stack.settings.persons_issuer,
        persons_jwks_url=stack.settings.persons_jwks_url,
    )
    env = environment_with(service, config, secrets=_secrets_of(stack, service))
    # A service must not have the database owner's DSN.
    os.execve(sys.executable, service.argv, {key: value for key, value in env.items() if key != "PAIDAN_DATABASE"})  # noqa: S606


def _secrets_of(stack: Stack, service: Service) -> dict[str, str]:
    """Return the service's own secrets: from its folder, and over them from its variables."""
    inherited = inherited_environment()
    variables = {name: inherited.get(service.environment_variable(name), "") for name in OWN_SECRETS}
    own = handed_over(stack.paths.secrets) | {name: value for name, value in variables.items() if value}
    if "DATABASE" in own:
        return own | ({"PHOTOS": str(stack.paths.photos)} if service is INTAKE else {})
    dsn = dsn_for_role(_stack_on_own_servers().servers.dsn, service.role, stack.credentials.password(service.role))
    return {"DATABASE": dsn, **service_secrets(service, paths=stack.paths, credentials=stack.credentials)} | own


def _stack_on_own_servers() -> Stack:
    stack = Stack.from_settings()
    if stack.settings.kafka is None or stack.settings.database is None:
        raise DeployError(
            "set PAIDAN_KAFKA and PAIDAN_DATABASE; `paidan up` starts servers of its own"
            " / 请设置 PAIDAN_KAFKA 和 PAIDAN_DATABASE；`paidan up` 会自行启动服务器"
        )
    return stack
