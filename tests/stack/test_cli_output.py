"""What commands print of other people's words acts on no terminal, and a failure is one line that names a way out."""

import io
import json
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError
from rich.console import Console

from paidan_chassis.errors import Unacknowledged
from paidan_deploy.cli import output
from paidan_deploy.cli.output import escape_invisible, table
from paidan_deploy.errors import DeployError
from paidan_deploy.stack.server_errors import explain
from tests import fork_server

pytestmark = pytest.mark.takes(seconds=10)

HOSTILE = "a\x1b[2Jb\u202ec\u200bd\x07e\x9bf\ufeffg\u2066h\udcffi\U000e0041j\x7fk\rl"


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return what the console prints."""
    stream = io.StringIO()
    # Not `file`: what that property returns now would be restored, and not that it follows `sys.stdout`.
    monkeypatch.setattr(output.console, "_file", stream)
    return stream


def test_control_direction_and_zero_width_characters_are_shown_escaped() -> None:
    shown = escape_invisible(HOSTILE)

    assert shown.isprintable()
    assert shown.startswith(r"a\u001b[2Jb\u202ec\u200bd\u0007e\u009bf\ufeffg\u2066h\udcffi\udb40\udc41j\u007fk\u000dl")


DEAD = "postgresql://owner:made-up@127.0.0.1:1/paidan"


@pytest.mark.parametrize("text", ["垃圾 3号楼\n第二行\t表", "é ñ 中文　全角", "📷🏗", "\u00a0"])
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    assert escape_invisible(text) == text


@pytest.mark.parametrize("way", ["text", "markup off", "table", "json"])
def test_nothing_that_is_printed_reaches_the_terminal_raw(printed: io.StringIO, way: str) -> None:
    """One hook of the console: no command has to think of it."""
    match way:
        case "text":
            output.console.print(HOSTILE, soft_wrap=True)
        case "markup off":
            output.console.print(HOSTILE, highlight=False, markup=False)
        case "table":
            output.console.print(table(("id", "detail"), [("1", HOSTILE)]))
        case _:
            output.console.print_json(json.dumps({"detail": HOSTILE}), highlight=False)

    assert printed.getvalue().replace("\n", "").isprintable()


def test_escaped_json_is_the_same_json(printed: io.StringIO) -> None:
    output.console.print_json(json.dumps({"detail": HOSTILE}), highlight=False)

    assert json.loads(printed.getvalue()) == {"detail": HOSTILE}


def test_colours_of_our_own_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    terminal = Console(file=stream, force_terminal=True, color_system="standard")
    terminal.push_render_hook(output.EscapeInvisible())

    terminal.print("[red]halted[/red] \x1b[2J", highlight=False)

    assert stream.getvalue() == "\x1b[31mhalted\x1b[0m \\u001b[2J\n"


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (KafkaConnectionError("no broker"), "PAIDAN_KAFKA"),
        (Unacknowledged("no broker"), "PAIDAN_KAFKA"),
        (ConnectionRefusedError(111, "refused"), "PAIDAN_DATABASE"),
        (TimeoutError(), "TimeoutError"),
        (PermissionError(13, "Permission denied", "/secrets/x"), "/secrets/x"),
        (DeployError("do this"), "do this"),
        (ExceptionGroup("both", [ValueError("bug"), Unacknowledged("no broker")]), "PAIDAN_KAFKA"),
    ],
)
def test_server_error_is_explained(error: BaseException, named: str) -> None:
    assert named in str(explain(error))


@pytest.mark.parametrize("database", [DEAD, "owner:made-up@nowhere"])
def test_start_that_fails_says_why_in_either_language(tmp_path: Path, database: str) -> None:
    environment = {"PAIDAN_HOME": str(tmp_path), "PAIDAN_DATABASE": database, "PAIDAN_KAFKA": "127.0.0.1:1"}

    result = fork_server.run("paidan_deploy", "up", "--detach", environment=environment, timeout_s=60)

    english, chinese = result.stderr.strip().split(" / ")
    assert "cannot be used" in english
    assert "无法使用" in chinese
    assert all("supervisor.log" in each for each in (english, chinese))

    status = fork_server.run("paidan_deploy", "status", environment={"PAIDAN_HOME": str(tmp_path)}, timeout_s=60)

    assert "the last start failed" in status.stdout
    assert "无法使用" in status.stdout
    assert "made-up" not in status.stdout


def test_bug_is_not_explained_away() -> None:
    assert explain(ZeroDivisionError()) is None


@pytest.mark.parametrize(
    ("arguments", "variables", "named"),
    [
        (("resume",), {}, "the stack is not running; `paidan up --detach` starts it"),
        (("vault", "reseal"), {}, "the stack is not running; `paidan up --detach` starts it"),
        (("topics", "acls"), {}, "the stack is not running; `paidan up --detach` starts it"),
        (("resume",), {"DATABASE": DEAD, "KAFKA": "127.0.0.1:1"}, "postgresql://owner@127.0.0.1:1/paidan"),
        (("prepare",), {"DATABASE": DEAD, "KAFKA": "127.0.0.1:1"}, "PAIDAN_DATABASE"),
        (("prepare",), {"DATABASE": "owner:made-up@nowhere", "KAFKA": "127.0.0.1:1"}, "PAIDAN_DATABASE"),
        (("up", "--detach"), {"DATABASE": DEAD, "KAFKA": "127.0.0.1:1"}, "PAIDAN_DATABASE"),
        (("status",), {"CLOCK": "fake"}, "PAIDAN_CLOCK"),
        (("dead-letters", "list"), {"CLOCK": "fake"}, "PAIDAN_CLOCK"),
        (("keys", "list"), {"TOPIC_PREFIX": "日"}, "PAIDAN_TOPIC_PREFIX"),
    ],
)
def test_command_that_fails_says_in_one_line_what_to_do(
    tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str], named: str
) -> None:
    environment = {f"PAIDAN_{name}": value for name, value in variables.items()} | {"PAIDAN_HOME": str(tmp_path)}

    result = fork_server.run("paidan_deploy", *arguments, environment=environment, timeout_s=60)

    assert result.returncode == 1
    assert "Traceback" not in result.stdout + result.stderr
    assert "made-up" not in result.stdout + result.stderr
    assert named in result.stderr
    assert len(result.stderr.splitlines()) == 1
