"""`paidan vault reseal`, `export`, `erase` and `sweep-photos`."""

import asyncio
import json
import subprocess
import sys
from typing import Annotated, Any
from uuid import UUID

import typer

from paidan_deploy.cli.app import also_in_chinese, example_epilog
from paidan_deploy.cli.output import console, print_errors
from paidan_deploy.cli.user import user_name
from paidan_deploy.conservation.log_reader import LogReader
from paidan_deploy.conservation.photo_sweep import PhotoSweep, SweepResult
from paidan_deploy.errors import DeployError
from paidan_deploy.provisioning.connection import open_connection
from paidan_deploy.servers.dsn import dsn_for_role
from paidan_deploy.services import INTAKE, ServiceConfig, service_environment
from paidan_deploy.stack.stack import Stack

_MIN_DIGITS = 7
ReportIds = Annotated[list[UUID] | None, typer.Argument(metavar="[REPORT_ID]...", help="Ids of reports. 上报编号。")]
Phone = Annotated[
    str | None,
    typer.Option(metavar="NUMBER", help="All reports of the person with this telephone. 使用此电话者的全部上报。"),
]
Reason = Annotated[
    str, typer.Option(metavar="TEXT", help="Why; it is recorded with your name. 理由，将与您的姓名一同记录。")
]
By = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Who asks for it; without it, who is logged in. 由谁要求，默认当前登录用户。"),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the `paidan` command."""
    group = typer.Typer(
        help="The vault of personal data: reseal, export, erase. 个人信息保险库：重新封存、导出、删除。",
        no_args_is_help=True,
    )
    group.command("reseal", epilog=example_epilog("paidan vault reseal"))(reseal_command)
    person = "--phone 13812345678 --reason '本人申请'"
    group.command("export", epilog=example_epilog(f"paidan vault export {person}"))(export_command)
    group.command("erase", epilog=example_epilog(f"paidan vault erase {person}"))(erase_command)
    group.command("sweep-photos", epilog=example_epilog("paidan vault sweep-photos --days 30 --delete"))(sweep_command)
    app.add_typer(group, name="vault")


@also_in_chinese(
    "轮换后用最新密钥重新封存每个条目，旧密钥即可停用。",
    "轮换：把 32 个新的随机字节以 base64 写入密钥 vault-key，把旧密钥写入 INTAKE_VAULT_OLD_KEYS，重启后执行本命令；"
    "intake 可同时运行。凡以旧密钥受理的上报，其重发尚须识别的，请把旧密钥留在 INTAKE_VAULT_OLD_KEYS，"
    "或事先设置 INTAKE_DIGEST_KEY。",
)
@print_errors
def reseal_command() -> None:
    """Seal every entry under the newest key, after a rotation; then the former key of the vault can be retired.

    To rotate: put 32 new random bytes in base64 into the secret vault-key and the former ones into
    INTAKE_VAULT_OLD_KEYS, restart, and run this. Intake may run meanwhile. Keep a former key in INTAKE_VAULT_OLD_KEYS,
    or set INTAKE_DIGEST_KEY before, as long as retries of reports that came under it are to be recognized.
    """
    total = _run("reseal")
    console.print(
        f"{total['sealed']} entries sealed under the newest key. / 已用最新密钥封存 {total['sealed']} 个条目。"
    )
    if total["locked"]:
        raise DeployError(
            f"{total['locked']} entries are under a key that is not in INTAKE_VAULT_OLD_KEYS"
            f" / {total['locked']} 个条目所用的密钥不在 INTAKE_VAULT_OLD_KEYS 中"
        )


@also_in_chinese("以 JSON 打印保险库中某些上报或某人的一切及查看者。")
@print_errors
def export_command(reason: Reason, report_ids: ReportIds = None, phone: Phone = None, by: By = None) -> None:
    """Print all that the vault holds of reports or of a person, and who had a look at it, as JSON."""
    sys.stdout.write(json.dumps(_run_on_reports("export", report_ids, phone, reason, by), ensure_ascii=False, indent=2))
    sys.stdout.write("\n")


@also_in_chinese(
    "销毁某些上报或某人的个人信息：密钥和文字，不可撤销。", "已发布的脱敏文字予以保留：其中没有任何人的姓名。"
)
@print_errors
def erase_command(reason: Reason, report_ids: ReportIds = None, phone: Phone = None, by: By = None) -> None:
    """Destroy the personal data of reports or of a person: keys and words. It cannot be undone.

    The masked texts that were published stay: they name nobody.
    """
    for report in _run_on_reports("erase", report_ids, phone, reason, by):
        done = (
            f"erased at 已删除于 {report['erased_at']}" if report["found"] else "there is no such report / 没有此上报"
        )
        console.print(f"{report['report_id']}  {done}", highlight=False)


@also_in_chinese("查找并删除没有上报、操作、答复或案件引用的照片。")
@print_errors
def sweep_command(
    days: Annotated[
        int,
        typer.Option(metavar="N", min=1, help="Photos last uploaded so many days ago. 最后上传于多少天之前的照片。"),
    ] = 30,
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove them; without it they are counted. 予以删除，不加则只计数。")
    ] = False,
) -> None:
    """Find photos that no report, action, answer or case refers to, and remove them. It reads the logs as a whole."""
    result = asyncio.run(_sweep(Stack.current(), days, delete=delete))
    done = "removed / 已删除" if delete else "can be removed / 可以删除 (--delete)"
    console.print(f"{result.swept} photos 张照片, {result.size / 1e6:.1f} MB: {done}", highlight=False)
    if result.kept:
        console.print(
            f"{result.kept} were taken up meanwhile and stay. / 其间有 {result.kept} 张被引用，予以保留。",
            highlight=False,
        )


async def _sweep(stack: Stack, days: int, *, delete: bool) -> SweepResult:
    installation = stack.installation()
    async with open_connection(installation.database) as connection:
        sweep = PhotoSweep(LogReader(stack.servers.cluster), connection, stack.paths.photos, min_age_s=days * 86_400)
        refs = await sweep.find()
        return await sweep.remove(refs) if delete and refs else SweepResult(len(refs), sweep.size(refs), 0)


def _run_on_reports(
    command: str, report_ids: list[UUID] | None, phone: str | None, reason: str, by: str | None
) -> list[dict[str, Any]]:
    if not report_ids and not phone:
        raise DeployError("name reports, or a person by --phone / 请指明上报，或用 --phone 指明某人")
    if phone and sum(each.isdecimal() for each in phone) < _MIN_DIGITS:
        raise DeployError(f"a telephone number has at least {_MIN_DIGITS} digits / 电话号码至少 {_MIN_DIGITS} 位数字")
    if not reason.strip():
        raise DeployError("the reason is blank / 理由为空")
    chosen = [*map(str, report_ids or ()), *(["--phone", phone] if phone else [])]
    found: list[dict[str, Any]] = _run(command, *chosen, "--reason", reason, "--by", by or user_name())["reports"]
    if not found:
        raise DeployError("no report of this person is in the vault / 保险库中没有此人的上报")
    return found


def _run(*arguments: str) -> dict[str, Any]:
    """Run intake's own command, with its role and its keys."""
    stack = Stack.current()
    config = ServiceConfig(
        kafka=stack.servers.bootstrap,
        database=dsn_for_role(stack.servers.running_dsn(), INTAKE.role, stack.credentials.password(INTAKE.role)),
        topic_prefix=stack.settings.topic_prefix,
        port=INTAKE.port,
        clock="real",
        kafka_security=stack.settings,
    )
    env = service_environment(INTAKE, config, paths=stack.paths, credentials=stack.credentials)
    argv = [sys.executable, "-m", f"{INTAKE.package}.vault_command", *arguments]
    ended = subprocess.run(argv, env=env, capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        last = ended.stderr.strip().splitlines()[-1:] or ["no message 无消息"]
        raise DeployError(f"intake's vault could not be worked on: {last[0]} / 无法处理 intake 的保险库：{last[0]}")
    result: dict[str, Any] = json.loads(ended.stdout)
    return result
