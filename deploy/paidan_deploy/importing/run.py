"""Runs one import: parses the file, sends requests in order of time, waits for every outcome."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paidan_chassis.clock import real_now
from paidan_contracts.city.city import City
from paidan_contracts.city.import_mappings import ImportMapping
from paidan_deploy.importing.client import Endpoints, await_outcomes
from paidan_deploy.importing.import_requests import ImportOptions, plan_requests
from paidan_deploy.importing.later_export import LaterExport
from paidan_deploy.importing.parse import RowParser
from paidan_deploy.importing.report import ImportReport, MergedRow
from paidan_deploy.importing.rows import KnownCodes, RowWarning
from paidan_deploy.importing.send import SentRequests, refusal_of, send_amendments, send_requests


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """Callbacks for progress: how many more requests are planned, were sent, were accepted, and are decided."""

    on_planned: Callable[[int], None]
    on_sent: Callable[[int], None]
    on_accepted: Callable[[int], None]
    on_decided: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class ImportJob:
    """A file to import, and the mapping of a city that parses it."""

    file: Path
    city: City
    mapping: ImportMapping
    matching: bool
    amend: bool = False
    """Whether fields that a record states otherwise than before are corrected."""


async def run_import(job: ImportJob, endpoints: Endpoints, progress: ImportProgress) -> ImportReport:
    """Import a file; running it again changes nothing.

    Raises ``UnreadableFile`` for a file that does not fit the mapping, ``httpx.HTTPError`` when a service stays
    unavailable, ``DecisionTimeout`` when dispatch decides nothing for a minute.
    """
    parser = _create_parser(job)
    rows = parser.without_rounded_ids(list(parser.parse_file(job.file)))
    matched_within = f"import-{job.mapping.id}" if job.matching else None
    requests = plan_requests(rows, ImportOptions(job.city.id, matched_within))
    progress.on_planned(len(requests))
    later = LaterExport({row.line: row for row in rows}, job.city, job.amend)
    sent = await send_requests(requests, endpoints, later, progress.on_sent)
    report = _start_report(job, parser, sent, accepted=len(rows))
    await _record_outcomes(report, sent, endpoints, progress)
    if later.amend:
        progress.on_planned(len(later.amendments()))
        corrections = await send_amendments(sent, endpoints, later, progress.on_sent)
        report.refusals += corrections.refused
        await _record_outcomes(report, corrections, endpoints, progress)
    report.refusals.sort(key=lambda refusal: refusal.line)
    report.differences = sorted(later.differences, key=lambda each: (each.line, each.field))
    return report


async def _record_outcomes(
    report: ImportReport, sent: SentRequests, endpoints: Endpoints, progress: ImportProgress
) -> None:
    progress.on_accepted(len(sent.accepted))
    opened: dict[str, int] = {}
    merged: list[tuple[int, str]] = []
    async for outcome in await_outcomes(sent.accepted, endpoints, progress.on_decided):
        request = sent.accepted[outcome["id"]]
        report.results[f"{outcome['about']} {outcome['result']}"] += 1
        if outcome["result"] == "opened":
            opened[outcome["case_id"]] = request.line
        elif outcome["result"] == "merged":
            merged.append((request.line, outcome["case_id"]))
        elif refusal := refusal_of(request, outcome):
            report.refusals.append(refusal)
    report.merged += [MergedRow(line, case_id, opened.get(case_id)) for line, case_id in sorted(merged)]


def _create_parser(job: ImportJob) -> RowParser:
    codes = KnownCodes(
        classes=frozenset(job.city.classes),
        departments=frozenset(job.city.departments),
        districts=frozenset(place.code for place in job.city.pack.geography.places if place.level == "district"),
    )
    return RowParser(job.mapping, codes, real_now())


def _start_report(job: ImportJob, parser: RowParser, sent: SentRequests, *, accepted: int) -> ImportReport:
    column = job.mapping.columns.reported_at
    problem = "is later than the city's clock: recorded at this time / 晚于城市时钟：按此时间记录"
    warnings = parser.warnings + [RowWarning(line, column, problem, at) for line, at in sent.redated.items()]
    return ImportReport(
        job.file.name,
        job.city.id,
        job.mapping.id,
        rows=accepted + parser.skipped + parser.repeated,
        untaken=parser.skipped,
        repeated=parser.repeated,
        refusals=list(sent.refused),
        remarks=sorted(warnings, key=lambda warning: warning.line),
    )
