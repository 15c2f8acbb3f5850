"""What is wrong with a command line is answered in both languages."""

import re

import pytest
from typer import rich_utils
from typer.testing import CliRunner

from paidan_deploy.cli.usage_errors import in_both_languages
from tests.stack.test_cli_in_chinese import paidan


@pytest.mark.parametrize(
    ("line", "en", "zh"),
    [
        ("stauts", "No such command 'stauts'. Did you mean 'status'?", "没有命令 'stauts'。是否为 'status'？"),
        ("zzzz", "No such command 'zzzz'.", "没有命令 'zzzz'。"),
        ("vault exprt", "Did you mean 'export'?", "没有命令 'exprt'。是否为 'export'？"),
        ("status --zz", "No such option: --zz", "没有选项 --zz"),
        ("status --jsn", "(Possible options: --json)", "没有选项 --jsn（可能是：--json）"),
        ("keys add s --city q", "Missing option '--name'.", "缺少选项 '--name'。"),
        ("keys revoke", "Missing argument 'key_id'.", "缺少参数 'key_id'。"),
        ("vault sweep-photos --days", "Option '--days' requires an argument.", "选项 '--days' 须带有值。"),
        ("status --json=1", "Option '--json' does not take a value.", "选项 '--json' 不带值。"),
        ("up a b", "Got unexpected extra argument(s) (a b)", "有多余的参数 (a b)"),
        ("scores --city a --by zz", "'zz' is not one of 'department'", "'zz' 不在允许的取值之内：'department'"),
        ("vault sweep-photos --days x", "should be a valid integer", "'--days' 的值无效：须为整数"),
        ("vault sweep-photos --days 0", "greater than or equal to 1", "'--days' 的值无效：须大于或等于 1"),
        ("keys add s --name a --city q --expires x", "does not match the formats", "'x' 不符合格式 '%Y-%m-%d'。"),
        ("import nope --city q --mapping m", "file 'nope' does not exist.", "文件 'nope' 不存在。"),
        ("topics acls --principal x", "it must contain {id}", "--principal 的值无效：须含有 {id}"),
    ],
)
def test_usage_error_is_in_both_languages(line: str, en: str, zh: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rich_utils, "MAX_WIDTH", 200)
    result = CliRunner().invoke(paidan(), line.split())
    shown = re.sub(r"\s*│\s*", "\n", result.output)

    assert result.exit_code == 2
    assert en in shown
    assert zh in shown
    assert "Value error" not in shown


def test_sentence_that_is_not_known_has_chinese_too() -> None:
    assert in_both_languages("Something new.") == "Something new.\n命令行不正确"
