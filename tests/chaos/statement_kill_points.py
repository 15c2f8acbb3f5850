"""Runs a real service that kills itself before or after a named statement of its own.

python -m tests.chaos.statement_kill_points cockpit:words_taken:0 --only loop
"""

import os
import re
import runpy
import signal
import sys
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import asyncpg


class Window(NamedTuple):
    """A moment before or after a statement, found by its text and by what ran before it in the same transaction."""

    statement: str
    is_after: bool = False
    transaction: str = ""


COCKPIT_WINDOWS: Final = {
    "first_takeover": Window(r"INSERT INTO lane\s"),
    "takeover": Window("REPEATABLE READ"),
    "takeover_read": Window("COMMIT", is_after=True, transaction="FROM lane"),
    "before_lock": Window(r"FROM lane\s[^;]*FOR UPDATE", transaction="BEGIN"),
    "before_rows": Window("INSERT INTO case_row"),
    "before_positions": Window(r"UPDATE lane\s", transaction="INSERT INTO case_row"),
    "before_commit": Window("COMMIT", transaction="INSERT INTO case_row"),
    "after_commit": Window("COMMIT", is_after=True, transaction="INSERT INTO case_row"),
    "outcomes_before_positions": Window(r"UPDATE lane\s", transaction="INSERT INTO suppressed_tally"),
    "outcomes_after_commit": Window("COMMIT", is_after=True, transaction="INSERT INTO noted_report"),
    "checks_before_positions": Window(r"UPDATE lane\s", transaction="INSERT INTO conservation_check"),
    "checks_after_commit": Window("COMMIT", is_after=True, transaction="INSERT INTO conservation_check"),
    "words_taken": Window("INSERT INTO case_words", transaction="DELETE FROM word_queue"),
    "words_before_commit": Window("COMMIT", transaction="DELETE FROM word_queue"),
    "words_after_commit": Window("COMMIT", is_after=True, transaction="DELETE FROM word_queue"),
    "rebuild_before_truncate": Window("TRUNCATE"),
    "rebuild_truncated": Window("TRUNCATE", is_after=True),
    "rebuild_before_commit": Window("COMMIT", transaction="TRUNCATE"),
    "rebuild_after_commit": Window("COMMIT", is_after=True, transaction="TRUNCATE"),
    "rebuild_reading": Window("COMMIT", is_after=True, transaction="INSERT INTO case_row"),
    "rebuild_before_indexes": Window("create_read_indexes"),
    "rebuild_after_indexes": Window("create_read_indexes", is_after=True),
}
WINDOWS: Final = {"cockpit": COCKPIT_WINDOWS}


@dataclass(slots=True)
class StatementKillPoint:
    """The window, and how often it is passed before the process dies in it."""

    window: Window
    passes_left: int

    def pass_by(self, query: str, transaction: str, *, is_after: bool) -> None:
        """Kill this process as a power cut would, if this is the moment."""
        window = self.window
        if (
            is_after != window.is_after
            or window.transaction not in transaction
            or not re.search(window.statement, query)
        ):
            return
        self.passes_left -= 1
        if self.passes_left < 0:
            os.kill(os.getpid(), signal.SIGKILL)


def install(kill_point: StatementKillPoint) -> None:
    """Patch asyncpg, by which every statement of a service goes."""
    connection: Any = asyncpg.Connection
    execute, run_prepared = connection.execute, connection._execute  # noqa: SLF001 - all else ends there
    transactions: WeakKeyDictionary[Any, str] = WeakKeyDictionary()

    async def run(statement: Any, conn: Any, query: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        if query.startswith("BEGIN"):
            transactions[conn] = ""
        transaction = transactions.get(conn, "")
        kill_point.pass_by(query, transaction, is_after=False)
        result = await statement(conn, query, *arguments, **options)
        kill_point.pass_by(query, transaction, is_after=True)
        if conn in transactions:
            transactions[conn] += query
        if query.startswith(("COMMIT", "ROLLBACK")):
            transactions.pop(conn, None)
        return result

    async def execute_text(conn: Any, query: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        if arguments:  # goes on to _execute
            return await execute(conn, query, *arguments, **options)
        return await run(execute, conn, query, **options)

    async def execute_prepared(conn: Any, query: str, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        return await run(run_prepared, conn, query, *arguments, **options)

    connection.execute, connection._execute = execute_text, execute_prepared  # noqa: SLF001


if __name__ == "__main__":
    service, name, passes = sys.argv.pop(1).split(":")
    install(StatementKillPoint(WINDOWS[service][name], int(passes)))
    runpy.run_module(f"paidan_{service}", run_name="__main__", alter_sys=True)
