"""Runs the conservation check: waits until services have applied what logs hold now, reads everything, evaluates."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from paidan_chassis.database import Connection
from paidan_contracts.topics import ALARMS, ALARMS_PREFIX, CASES, INBOX, OUTCOMES, SCORES
from paidan_deploy.conservation import tables
from paidan_deploy.conservation.anchor import Anchor, LogDigests
from paidan_deploy.conservation.cases_log import CasesLog
from paidan_deploy.conservation.chained_logs import ChainedLogs, read_chained_logs
from paidan_deploy.conservation.checks import evaluate
from paidan_deploy.conservation.cockpit_checks import CockpitEvidence
from paidan_deploy.conservation.cockpit_logs import ShownOutcomes, ShownScores
from paidan_deploy.conservation.cockpit_tables import CockpitTables, cockpit_tables
from paidan_deploy.conservation.cut import Cut
from paidan_deploy.conservation.evidence import Evidence, PhotoFindings
from paidan_deploy.conservation.log_contents import AlarmsLog, InboxLog, OutcomesLog, add_records
from paidan_deploy.conservation.log_reader import LogReader, LogSpan
from paidan_deploy.conservation.report import ConservationReport

_POLL_S: Final = 0.1
READERS: Final = (("intake", ALARMS.name), ("dispatch", INBOX.name), ("scoring", CASES.name))
"""The services, each by the topic that its tables follow from, in the order in which records pass them."""
COCKPIT: Final = "cockpit"
COCKPIT_READER: Final = (COCKPIT, CASES.name)
"""Of an installation that has a cockpit."""


class NotCaughtUp(Exception):
    """A service has not applied what its log held when the check began, so its tables cannot be compared yet."""

    def __init__(self, message: str, message_zh: str) -> None:
        super().__init__(f"{message} / {message_zh}")
        self.message, self.message_zh = message, message_zh


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the logs, tables and photos are, the anchor to compare with, and whether there is a cockpit."""

    logs: LogReader
    connection: Connection
    photos: Path | None
    anchor: Anchor | None = None
    has_cockpit: bool = False

    @property
    def readers(self) -> tuple[tuple[str, str], ...]:
        """The services of this installation, each by the topic that its tables follow from."""
        return (*READERS, COCKPIT_READER) if self.has_cockpit else READERS

    @property
    def services(self) -> tuple[str, ...]:
        """The schemas of the services."""
        return tuple(service for service, _ in self.readers)

    @property
    def chained_logs(self) -> tuple[str, ...]:
        """The tables whose rows chain to one another."""
        return ("intake.vault_reading", *(f"{service}.access_log" for service in self.services))


@dataclass(frozen=True, slots=True)
class TableContents:
    """Everything that is compared of the tables, read at one moment."""

    cut: Cut
    fields: Mapping[str, Any]
    """Fields of ``Evidence``."""
    cockpit: CockpitTables | None


async def check_conservation(sources: Sources, *, timeout_s: float = 90.0) -> ConservationReport:
    """Compare the logs with the tables, as of one moment, however much arrives meanwhile.

    Tables commit together with the offsets up to which they hold the logs, so one snapshot of the database says which
    part of the logs it must agree with. Raises ``NotCaughtUp`` when a service does not get to what the logs hold now.
    """
    async with _Waiting(sources, timeout_s) as waiting:
        await waiting.for_services()
    contents = await _read_tables(sources)
    async with _Waiting(sources, timeout_s) as waiting:
        for schema in sources.services:
            await waiting.for_relay(schema, contents.cut)
    evidence, anchor = await _collect_evidence(sources, contents)
    holds_to = {topic: contents.cut.offsets(service, topic) for service, topic in READERS}
    return replace(evaluate(evidence), holds_to=holds_to, anchor=anchor)


class _Waiting:
    """Waits for the services within a time limit, after which it names what it waited for."""

    def __init__(self, sources: Sources, timeout_s: float) -> None:
        self._sources = sources
        self._timeout = asyncio.timeout(timeout_s)
        self._awaited = ("", "")

    async def __aenter__(self) -> "_Waiting":
        await self._timeout.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:  # noqa: ANN401 - type, error, traceback
        try:
            await self._timeout.__aexit__(*error)
        except TimeoutError as timeout:
            awaited, awaited_zh = self._awaited
            raise NotCaughtUp(f"a service has not caught up: {awaited}", f"某个服务尚未跟上：{awaited_zh}") from timeout

    async def for_services(self) -> None:
        """Wait until every service has applied what its log holds now, and said all that follows from it."""
        own_topics = [("intake", topic) for topic in await self._sources.logs.topics(ALARMS_PREFIX)]
        for schema, topic in (*self._sources.readers, *own_topics):
            span = await self._sources.logs.current_span(topic)
            self._awaited = (
                f"{schema} has not applied {topic} to its end of now",
                f"{schema} 尚未处理 {topic} 至此刻的末尾",
            )
            await self._until(self._is_applied, schema, topic, span)
            cut = Cut(await tables.lanes(self._sources.connection, [schema]))
            await self.for_relay(schema, cut)

    async def for_relay(self, schema: str, cut: Cut) -> None:
        """Wait until Kafka has every message that a service had said at the cut."""
        self._awaited = f"{schema} has not relayed its messages", f"{schema} 尚未转发完其消息"
        await self._until(self._is_relayed, schema, cut)

    async def _until(self, probe: Callable[..., Awaitable[bool]], *arguments: Any) -> None:  # noqa: ANN401 - the probe's
        while not await probe(*arguments):  # noqa: ASYNC110  # other processes' progress: nothing here announces it
            await asyncio.sleep(_POLL_S)

    async def _is_applied(self, schema: str, topic: str, span: LogSpan) -> bool:
        next_offsets = await tables.next_offsets(self._sources.connection, schema, topic)
        return all(end <= span.begins[at] or next_offsets.get(at.partition, 0) >= end for at, end in span.ends.items())

    async def _is_relayed(self, schema: str, cut: Cut) -> bool:
        relayed = await tables.relayed_seqs(self._sources.connection, schema)
        return all(relayed.get((lane.consumer, lane.topic, lane.partition), lane.seq) >= lane.seq for lane in cut.lanes)


async def _read_tables(sources: Sources) -> TableContents:
    conn, anchor = sources.connection, sources.anchor or Anchor()
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        cut = Cut(await tables.lanes(conn, sources.services))
        return TableContents(
            cut,
            {
                "outcomes_by_id": await tables.outcomes(conn),
                "noted_reports": await tables.noted_reports(conn),
                "case_table": await tables.case_rows(conn),
                "history": await tables.history(conn),
                "fact_versions": await tables.fact_versions(conn),
                "tallies": await tables.tally_counts(conn),
                "inbox_dead_letters": await tables.dead_letter_positions(conn, "dispatch", INBOX.name),
                "alarm_dead_letters": {
                    (topic, *position)
                    for topic in _alarm_topics(cut)
                    for position in await tables.dead_letter_positions(conn, "intake", topic)
                },
                "counted_alarms": [
                    counted
                    for topic in _alarm_topics(cut)
                    for counted in await tables.counted_dead_letters(conn, "intake", topic)
                ],
                "dead_letters": await tables.dead_letter_counts(conn, sources.services),
                "chained_logs": await read_chained_logs(conn, sources.chained_logs, anchor.logs),
            },
            await cockpit_tables(conn) if sources.has_cockpit else None,
        )


async def _collect_evidence(sources: Sources, contents: TableContents) -> tuple[Evidence, Anchor]:
    cut, logs = contents.cut, sources.logs
    spans = {topic: await logs.current_span(topic) for topic in (INBOX.name, CASES.name, OUTCOMES.name)}
    inbox_log, alarms_log, outcomes_log = (
        InboxLog(applied_to=cut.offsets("dispatch", INBOX.name)),
        AlarmsLog(logs.unprefixed),
        OutcomesLog(cut),
    )
    cases_log = CasesLog(cut, cut.offsets("scoring", CASES.name), cut.offsets(*COCKPIT_READER))
    digests = LogDigests(sources.anchor.cases if sources.anchor else {})
    await add_records(logs.records(spans[INBOX.name]), inbox_log)
    await add_records(logs.records(spans[CASES.name]), cases_log, digests)
    for topic in _alarm_topics(cut):
        await add_records(logs.records(cut.span("intake", topic, await logs.current_span(topic))), alarms_log)
    shown_outcomes = ShownOutcomes(cut.offsets(COCKPIT, OUTCOMES.name), spans[OUTCOMES.name].is_complete)
    await add_records(logs.records(spans[OUTCOMES.name]), outcomes_log, shown_outcomes)
    chained_logs: ChainedLogs = contents.fields["chained_logs"]
    contradicted = [*(f"{CASES.name}-{each}" for each in digests.differing()), *chained_logs.contradicted]
    evidence = Evidence(
        inbox_log=inbox_log,
        cases_log=cases_log,
        alarms_log=alarms_log,
        outcomes_log=outcomes_log,
        complete=spans[INBOX.name].is_complete and spans[CASES.name].is_complete,
        cases_complete=spans[CASES.name].is_complete,
        missing_vault_entries=await tables.missing_vault_entries(sources.connection, inbox_log.vault_references),
        photos=await _check_photos(sources, inbox_log),
        contradicted_anchors=contradicted if sources.anchor else None,
        cockpit=await _collect_cockpit(sources, contents, shown_outcomes),
        **contents.fields,
    )
    return evidence, Anchor(digests.heads(), chained_logs.heads)


async def _collect_cockpit(
    sources: Sources, contents: TableContents, outcomes: ShownOutcomes
) -> CockpitEvidence | None:
    if contents.cockpit is None:
        return None
    scores = ShownScores(contents.cut.offsets(COCKPIT, SCORES.name))
    await add_records(sources.logs.records(await sources.logs.current_span(SCORES.name)), scores)
    return CockpitEvidence(contents.cockpit, outcomes, scores)


def _alarm_topics(cut: Cut) -> list[str]:
    """Return the topic of all alarms, and those of sources that intake reads."""
    own = {lane.topic for lane in cut.lanes if lane.service == "intake" and lane.topic.startswith(ALARMS_PREFIX)}
    return [ALARMS.name, *sorted(own)]


async def _check_photos(sources: Sources, inbox_log: InboxLog) -> PhotoFindings:
    """Find photos that are lost, and photos that were never uploaded."""
    refs = inbox_log.known_photos | inbox_log.claimed_photos
    without_row = await tables.missing_photo_rows(sources.connection, refs)
    without_file = (
        without_row if sources.photos is None else refs - await asyncio.to_thread(_photo_files, sources.photos)
    )
    never_sent = (without_row & without_file) - inbox_log.known_photos
    return PhotoFindings(lost=(without_row | without_file) - never_sent, never_sent=never_sent)


def _photo_files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*.jpg")}
