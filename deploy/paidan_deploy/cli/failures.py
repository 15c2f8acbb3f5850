"""The end of a command that failed: one line for the person, and the trace of a bug in a file."""

import traceback
from typing import Final

from pydantic import ValidationError

from paidan_chassis.errors import EXIT_BUG
from paidan_deploy.cli.output import print_error
from paidan_deploy.paths import StackPaths
from paidan_deploy.settings import default_home, load_settings
from paidan_deploy.stack.server_errors import explain

EXIT_FAILED: Final = 1
TRACE_FILE: Final = "command-failure.log"


def report(error: Exception) -> int:
    """Print why a command failed and what to do, and return its exit status."""
    explanation = explain(error)
    if explanation is not None:
        print_error(" ".join(explanation.split()))
        return EXIT_FAILED
    print_error(f"a bug / 程序缺陷: {type(error).__name__}; {_write_trace(error)}")
    return EXIT_BUG


def _write_trace(error: Exception) -> str:
    try:
        path = StackPaths(load_settings().home).log / TRACE_FILE
    except ValidationError:
        path = default_home() / "log" / TRACE_FILE
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace")
    except OSError as write_error:
        return f"its trace could not be written / 无法写出其调用栈: {write_error}"
    return f"its trace, to be reported with it, is in / 请连同其调用栈一并报告，见: {path}"
