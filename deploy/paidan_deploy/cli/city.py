"""`paidan city`: check and publish packs, make a new one, list, show and compare them."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from paidan_chassis.clock import real_now
from paidan_contracts.city import City, InvalidPack, Pack, pack_version
from paidan_contracts.city.compare import compare_packs
from paidan_contracts.city.posts import DUTIES, Post
from paidan_contracts.nearest import nearest
from paidan_deploy.citypacks import queries
from paidan_deploy.citypacks.check import CheckedPack, calendar_warning, check_folder, summarize
from paidan_deploy.citypacks.new_pack import create_pack
from paidan_deploy.citypacks.publish import PublishedPack, publish
from paidan_deploy.cli.acl_creation import keep_acls
from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.output import console, error_console, print_errors, table
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.stack.stack import Stack

PackFolder = Annotated[
    Path,
    typer.Argument(
        exists=True, file_okay=False, help="The pack: a folder with city.toml in it. 配置包：含 city.toml 的文件夹。"
    ),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the `paidan` command."""
    city = typer.Typer(
        help="City packs: everything that is specific to one city, as files."
        " 城市配置包：一个城市特有的一切，皆为文件。",
        no_args_is_help=True,
    )
    city.command("check", epilog=example_epilog("paidan city check deploy/cities/quancheng"))(check_command)
    city.command("publish", epilog=example_epilog("paidan city publish deploy/cities/quancheng"))(publish_command)
    city.command("new", epilog=example_epilog("paidan city new mycity --from deploy/cities/quancheng"))(new_command)
    city.command("list", epilog=example_epilog("paidan city list"))(list_command)
    city.command("show", epilog=example_epilog("paidan city show quancheng"))(show_command)
    city.command("diff", epilog=example_epilog("paidan city diff quancheng deploy/cities/quancheng"))(diff_command)
    app.add_typer(city, name="city")


@also_in_chinese("打印每处错误的文件、行和字段；有错误则退出状态为 1。")
@print_errors
def check_command(folder: PackFolder) -> None:
    """Print file, line and field of every mistake in a pack. Exit status 1 if there is one."""
    checked = check_folder(folder)
    for warning in checked.warnings:
        error_console.print(
            f"warning / 提醒: {warning.in_both_languages()}", highlight=False, markup=False, soft_wrap=True
        )
    pack = _valid_or_exit(checked)
    console.print(f"{pack.id}: {summarize(pack)}", highlight=False)
    console.print(f"version 版本 {pack_version(pack.canonical_bytes())}", highlight=False)
    if note := calendar_warning(pack, real_now().date()):
        error_console.print(f"note / 注意: {note}", highlight=False)


@also_in_chinese("检查配置包并使其生效：服务随即使用，以前的决定不变。")
@print_errors
def publish_command(folder: PackFolder) -> None:
    """Check a pack and put it in force: services use it from then on, earlier decisions stay as they are."""
    pack = _valid_or_exit(check_folder(folder))
    published = asyncio.run(_publish(Stack.current(), pack))
    console.print(
        f"{published.city} is in force under version {published.version[:12]}: {published.departments} departments,"
        f" {published.partitions} partitions notified / 城市 {published.city} 已生效，版本 {published.version[:12]}："
        f"{published.departments} 个部门，已通知 {published.partitions} 个分区",
        highlight=False,
    )


@also_in_chinese("由另一城市的配置包制作您的，部门和来源用自己的 id。")
@print_errors
def new_command(
    name: Annotated[
        str, typer.Argument(help="Id of the new city: small letters and digits. 新城市的 id：小写字母和数字。")
    ],
    origin: Annotated[
        Path, typer.Option("--from", exists=True, file_okay=False, help="The pack to begin with. 作为起点的配置包。")
    ],
    target: Annotated[
        Path | None,
        typer.Option(
            "--to",
            help="Its folder; by default one of this name where you are. 目标文件夹，默认为当前目录下的同名文件夹。",
        ),
    ] = None,
) -> None:
    """Make a pack for a city of your own from another one's, with department and source ids of its own."""
    folder = (target or Path(name)).resolve()
    pack = create_pack(name, origin, folder)
    console.print(f"Made the folder / 已建立文件夹 {escape(str(folder))}", highlight=False, soft_wrap=True)
    console.print(f"{pack.id}: {summarize(pack)}", highlight=False, soft_wrap=True)
    console.print(
        "Next: edit its files (names and places are still those of the other city), then run these"
        " / 下一步：修改其中的文件（名称和地点仍是原城市的），然后执行：\n"
        f"  paidan city check {folder}\n  paidan city publish {folder}",
        highlight=False, soft_wrap=True,
    )  # fmt: skip


@also_in_chinese("列出本安装的城市及各自生效的版本。")
@print_errors
def list_command() -> None:
    """List the cities of this installation and the version of each that is in force."""
    cities = asyncio.run(_read_published())
    rows = [
        [city.id, f"{city.pack.names.en}\n{city.pack.names.zh}", city.version[:12], summarize(city.pack)]
        for city in cities
    ]
    console.print(
        table(
            ["city\n城市", "name\n名称", "version\n版本", "content\n内容"],
            rows,
            unwrapped=["city\n城市", "version\n版本"],
        )
    )


@also_in_chinese("显示某城市生效的内容：部门、来源和岗位。")
@print_errors
def show_command(name: Annotated[str, typer.Argument(help="City id. 城市 id。")]) -> None:
    """Show what is in force in a city: its departments, sources and posts."""
    city = _published_city(name)
    console.print(f"{city.id} {city.pack.names.zh} {city.pack.names.en}, version 版本 {city.version}", highlight=False)
    console.print(f"{summarize(city.pack)}\ncalendar to 日历至 {city.pack.calendar.last}", highlight=False)
    for title, entries in (
        ("departments\n部门", city.pack.departments),
        ("sources\n来源", city.pack.sources),
    ):
        rows = [[each.id, each.names.en, each.names.zh, each.kind] for each in entries]
        console.print(table([title, "name\n英文名", "name\n中文名", "kind\n种类"], rows, unwrapped=[title]))
    if city.posts:
        console.print(_posts_table(city))


def _posts_table(city: City) -> Table:
    rows = [
        [post.id, post.names.en, post.names.zh, f"{post.duty}\n{DUTIES[post.duty].names.zh}", _bounds_of(post)]
        for post in city.posts.values()
    ]
    title = "posts\n岗位"
    return table([title, "name\n英文名", "name\n中文名", "duty\n职责", "bounds\n范围"], rows, unwrapped=[title])


def _bounds_of(post: Post) -> str:
    return " ".join([*(post.classes or ()), *(post.places or ()), post.department or ""]).strip()


@also_in_chinese("打印两个配置包的差异；有差异时退出状态为 1。")
@print_errors
def diff_command(
    old: Annotated[
        str,
        typer.Argument(
            help="A pack's folder, or the id of a city: its version in force. 文件夹，或城市 id（其生效版本）。"
        ),
    ],
    new: Annotated[str, typer.Argument(help="What to compare it with, likewise. 与之比较的另一方，写法相同。")],
) -> None:
    """Print what differs between two packs. Exit status 1 if anything does."""
    lines = [str(each) for each in compare_packs(_pack_of(old), _pack_of(new))]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if lines:
        raise typer.Exit(1)


def _pack_of(folder_or_city: str) -> Pack:
    folder = Path(folder_or_city)
    return _valid_or_exit(check_folder(folder)) if folder.is_dir() else _published_city(folder_or_city).pack


def _published_city(name: str) -> City:
    cities = {city.id: city for city in asyncio.run(_read_published())}
    if name not in cities:
        hint = nearest(name, cities)
        raise DeployError(
            f"no city called {name} is published; there are: {', '.join(cities) or 'none'}{hint.en}"
            f" / 没有发布过城市 {name}；已发布：{'、'.join(cities) or '无'}{hint.zh}"
        )
    return cities[name]


async def _read_published() -> list[City]:
    async with open_connection(Stack.current().installation().database) as connection:
        return await queries.cities_in_force(connection)


def _valid_or_exit(checked: CheckedPack) -> Pack:
    try:
        return checked.valid_pack()
    except InvalidPack as error:
        for mistake in error.diagnostics:
            console.print(mistake.in_both_languages(), highlight=False, markup=False, soft_wrap=True)
        error_console.print(f"{len(error.diagnostics)} mistakes / 共 {len(error.diagnostics)} 处错误", highlight=False)
        raise typer.Exit(1) from error


async def _publish(stack: Stack, pack: Pack) -> PublishedPack:
    installation = stack.installation()
    async with open_connection(installation.database) as connection:
        published = await publish(connection, installation.cluster, pack)
    await keep_acls(stack)
    return published
