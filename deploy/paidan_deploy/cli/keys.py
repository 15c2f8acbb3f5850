"""`paidan keys add`, `list` and `revoke`."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from paidan_chassis.clock import real_now
from paidan_chassis.edge.api_keys import ApiKey
from paidan_contracts.scopes import ROLE_MEANINGS, SCOPE_MEANINGS, InvalidScope, validate_key
from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.output import console, print_errors, table
from paidan_deploy.cli.user import user_name
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.api_keys import (
    DEFAULT_VALIDITY,
    all_keys,
    create_key,
    require_published,
    revoke_everywhere,
)
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.stack.stack import Stack

_MAX_DAYS: Final = 3650
_SCOPES_HELP: Final = "\n\n".join(
    f"[bold]{scope}[/bold]  {meaning.en}. {meaning.zh}。"
    for scope, meaning in [
        *SCOPE_MEANINGS.items(),
        *((f"role:{role}", meaning) for role, meaning in ROLE_MEANINGS.items()),
    ]
)
_ADD_HELP: Final = (
    "Create a key and print its token, once: only a hash of it is stored."
    " 创建密钥并显示令牌，仅此一次：只保存其哈希。\n\n"
    "City, source and department must be in a published pack. 城市、来源、单位须在已发布的城市包中。\n\n"
    f"{_SCOPES_HELP}"
)


def register(app: typer.Typer) -> None:
    """Add these commands to the `paidan` command."""
    keys = typer.Typer(
        help="API keys: which clients may call the services, with which scopes."
        " API 密钥：哪些客户端可以调用服务，范围如何。",
        no_args_is_help=True,
    )
    epilog = example_epilog("paidan keys add --name hotline --city quancheng source:hotline-12345")
    keys.command("add", help=_ADD_HELP, epilog=epilog)(add_command)
    keys.command("list", epilog=example_epilog("paidan keys list"))(list_command)
    keys.command("revoke", epilog=example_epilog("paidan keys revoke key_0123456789abcdef"))(revoke_command)
    app.add_typer(keys, name="keys")


@print_errors
def add_command(
    scopes: Annotated[
        list[str], typer.Argument(metavar="SCOPE", help="What its holder may do; see above. 持有人可做什么，见上。")
    ],
    name: Annotated[
        str, typer.Option(metavar="TEXT", help="Holder of the key; shown in the list. 持有人，列表中显示。")
    ],
    city: Annotated[str, typer.Option(metavar="ID", help="City id, or * for all. 城市 id，* 为全部。")],
    days: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=_MAX_DAYS,
            help=f"Valid for so many days; without it {DEFAULT_VALIDITY.days}."
            f" 有效天数，默认 {DEFAULT_VALIDITY.days}。",
        ),
    ] = None,
    expires: Annotated[
        datetime | None,
        typer.Option(
            metavar="DATE", formats=["%Y-%m-%d"], help="Last day that it is valid, UTC. 有效期最后一天（UTC）。"
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Who grants it; without it, who is logged in. 授予人，默认当前登录用户。"),
    ] = None,
) -> None:
    """Create a key; its help is put together above, from what each scope means."""
    valid_for = _validity(days, expires)
    try:
        token, key_id = asyncio.run(_create_key(scopes, name, city, valid_for, by or user_name()))
    except InvalidScope as error:
        raise DeployError(str(error)) from error
    console.print(f"{key_id}  {token}", highlight=False, soft_wrap=True)


def _validity(days: int | None, expires: datetime | None) -> timedelta:
    if expires is None:
        return timedelta(days=days) if days else DEFAULT_VALIDITY
    if days is not None:
        raise DeployError("give --days or --expires, not both / --days 与 --expires 只能用其一")
    valid_for = expires.replace(tzinfo=UTC) + timedelta(days=1) - real_now()
    if not timedelta(0) < valid_for <= timedelta(days=_MAX_DAYS + 1):
        raise DeployError(
            f"--expires {expires:%Y-%m-%d} is in the past, or more than {_MAX_DAYS} days away"
            f" / --expires {expires:%Y-%m-%d} 已过，或在 {_MAX_DAYS} 天之后"
        )
    return valid_for


async def _create_key(
    scopes: list[str], name: str, city: str, valid_for: timedelta, granted_by: str
) -> tuple[str, str]:
    validate_key(city, scopes)
    async with open_connection(Stack.current().installation().database) as connection:
        await require_published(connection, city, scopes)
        return await create_key(
            connection, name=name, city=city, scopes=scopes, valid_for=valid_for, granted_by=granted_by
        )


@also_in_chinese("列出每个密钥及其范围、到期时间、最近使用和授予人；令牌不保存。")
@print_errors
def list_command() -> None:
    """List every key with its scopes, end, last use and grantor; tokens are not stored."""
    titles = (
        "key\n密钥", "name\n名称", "city\n城市", "scopes\n范围",
        "valid until\n有效至", "last used\n最近使用", "granted\n授予",
    )  # fmt: skip
    rows = [_key_row(key) for key in asyncio.run(_load_keys())]
    console.print(table(titles, rows, unwrapped=titles[:3]))


def _key_row(key: ApiKey) -> tuple[str, ...]:
    last_used = f"{key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never 从未"
    granted = f"{key.created_at:%Y-%m-%d} {key.granted_by or '?'}"
    return key.key_id, key.name, key.city, " ".join(key.scopes), _validity_of(key), last_used, granted


def _validity_of(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return f"revoked 已撤销 {key.revoked_at:%Y-%m-%d}"
    if key.expires_at is None:
        return "until revoked 直至撤销"
    return f"{key.expires_at:%Y-%m-%d}" + (" expired 已过期" if key.expires_at <= real_now() else "")


async def _load_keys() -> list[ApiKey]:
    async with open_connection(Stack.current().installation().database) as connection:
        return await all_keys(connection)


@also_in_chinese("撤销密钥；运行中的服务在数秒内即拒绝它。")
@print_errors
def revoke_command(
    key_id: Annotated[
        str, typer.Argument(help="The key's id, from `paidan keys list`. 密钥 id，见 `paidan keys list`。")
    ],
) -> None:
    """Revoke a key; running services refuse it within seconds."""
    if not asyncio.run(_revoke_key(key_id)):
        raise DeployError(f"there is no key {key_id} / 没有密钥 {key_id}")
    console.print(f"{key_id} is revoked. / 密钥 {key_id} 已撤销。")


async def _revoke_key(key_id: str) -> bool:
    async with open_connection(Stack.current().installation().database) as connection:
        return await revoke_everywhere(connection, key_id, revoked_by=user_name())
