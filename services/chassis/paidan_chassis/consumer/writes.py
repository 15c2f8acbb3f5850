"""Statements that change rows, sent one by one or as one statement with several common table expressions."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from paidan_chassis.database import Connection

_PARAMETER: Final = re.compile(r"\$(\d+)")


class Write(NamedTuple):
    """A statement, its parameters numbered from $1 on, under the name that others of the same batch may read it by."""

    name: str
    sql: str
    arguments: Sequence[object] = ()


class CombinedStatement(NamedTuple):
    """One statement that does what several would do, all or nothing."""

    sql: str
    arguments: Sequence[object]


def combine(writes: Sequence[Write], main: str) -> CombinedStatement:
    """Return one statement of these writes, each a common table expression, that ends with ``main``.

    ``main`` is evaluated first, and with it the writes that it names; the others run after it. All see the rows as they
    were before the statement, so no two may change the same row.
    """
    shapes = tuple((each.name, each.sql, len(each.arguments)) for each in writes)
    return CombinedStatement(_combined_sql(shapes, main), [each for write in writes for each in write.arguments])


async def execute(conn: Connection, writes: Sequence[Write]) -> None:
    """Execute writes as one statement: all or nothing, with or without a transaction of the caller's."""
    if writes:
        sql, arguments = combine(writes, "SELECT")
        await conn.execute(sql, *arguments)


@lru_cache(maxsize=256)
def _combined_sql(shapes: tuple[tuple[str, str, int], ...], main: str) -> str:
    expressions, parameters = [], 0
    for name, sql, argument_count in shapes:
        expressions.append(f"{name} AS ({_shift_parameters(sql, parameters)})")
        parameters += argument_count
    return f"WITH {', '.join(expressions)} {main}"


def _shift_parameters(sql: str, by: int) -> str:
    return _PARAMETER.sub(lambda match: f"${int(match[1]) + by}", sql)
