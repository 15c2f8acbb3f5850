"""Runs the conservation check on an installation: waits until what is in the logs is applied, reads all, judges."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from paidan_contracts.topics import ALARMS, CASES, INBOX, OUTCOMES

from . import tables
from .checks import (
    Balance,
    Evidence,
    Photos,
    balance,
)
from .log_contents import (
    AlarmsLog,
    CasesLog,
    InboxLog,
    OutcomesLog,
    fill,
)
from .log_reader import Logs, Span
from .tables import Connection

_POLL_S: Final = 0.1


class NotSettledError(Exception):
    """A service does not come to the end of a log: what it holds cannot be set against it yet."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where the logs, tables and photos are."""

    logs: Logs
    connection: Connection
    photos: Path | None


@dataclass(frozen=True, slots=True)
class Spans:
    """The logs at one moment."""

    alarms: Span
    inbox: Span
    cases: Span
    outcomes: Span


async def check(ground: Ground, *, within_s: float = 90.0) -> Balance:
    """Judge everything that is in the logs.

    Tables and logs are of one moment only while nothing comes in: when a timer fired or a report came meanwhile, all is
    read again. Raises ``NotSettledError`` when a service does not catch up, or things keep coming in.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while loop.time() < deadline:
        try:
            async with asyncio.timeout_at(deadline):
                spans = await _all_settled(ground)
        except TimeoutError as error:
            raise NotSettledError("a service does not come to the end of a log") from error
        found = await _evidence(ground, spans)
        if await _all_settled(ground) == spans:
            return balance(found)
    raise NotSettledError("things keep coming in: what is in the tables cannot be set against the logs of one moment")


async def _all_settled(ground: Ground) -> Spans:
    return Spans(
        alarms=await _settled(ground, "intake", ALARMS.name),
        inbox=await _settled(ground, "dispatch", INBOX.name),
        cases=await _settled(ground, "scoring", CASES.name),
        outcomes=await ground.logs.span(OUTCOMES.name),
    )


async def _settled(ground: Ground, schema: str, topic: str) -> Span:
    """Wait until the service has applied the log to its end, and what it said of it is out."""
    return await _again(lambda: _applied(ground, schema, topic))


async def _again(ask: Callable[[], Awaitable[Span | None]]) -> Span:
    while (span := await ask()) is None:  # noqa: ASYNC110  # other processes' progress: nothing here announces it
        await asyncio.sleep(_POLL_S)
    return span


async def _applied(ground: Ground, schema: str, topic: str) -> Span | None:
    span = await ground.logs.span(topic)
    stands = await tables.stands(ground.connection, schema, topic)
    behind = any(end > span.begins[at] and stands.get(at.partition, 0) < end for at, end in span.ends.items())
    unsaid = await tables.unrelayed(ground.connection, schema)
    return None if behind or unsaid else span


async def _evidence(ground: Ground, spans: Spans) -> Evidence:
    in_inbox, of_cases, of_alarms, of_outcomes = InboxLog(), CasesLog(), AlarmsLog(), OutcomesLog()
    await fill(in_inbox, ground.logs.records(spans.inbox))
    await fill(of_cases, ground.logs.records(spans.cases))
    await fill(of_alarms, ground.logs.records(spans.alarms))
    await fill(of_outcomes, ground.logs.records(spans.outcomes))
    conn = ground.connection
    return Evidence(
        inbox=in_inbox,
        cases=of_cases,
        alarms=of_alarms,
        outcomes=of_outcomes,
        whole=spans.inbox.whole and spans.cases.whole,
        decided=await tables.decided(conn),
        case_now=await tables.cases(conn),
        facts=await tables.facts(conn),
        tallied=await tables.tallied(conn),
        inbox_buried=await tables.buried(conn, "dispatch", INBOX.name),
        alarms_buried=await tables.buried(conn, "intake", ALARMS.name),
        unsealed=await tables.without_vault(conn, in_inbox.sealed),
        photos=await _photos(ground, in_inbox),
    )


async def _photos(ground: Ground, named: InboxLog) -> Photos:
    """Tell what is left of the photos that are named, and of which of them intake never knew anything."""
    refs = named.photos | named.claimed
    without_row = await tables.without_photo_row(ground.connection, refs)
    without_file = without_row if ground.photos is None else refs - await asyncio.to_thread(_files, ground.photos)
    never_sent = (without_row & without_file) - named.photos
    return Photos(lost=(without_row | without_file) - never_sent, never_sent=never_sent)


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*.jpg")}
