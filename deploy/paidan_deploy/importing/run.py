"""One import from file to report: read, send in order of time, wait for every outcome."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paidan_contracts.city.city import City
from paidan_contracts.city.import_mapping import ImportMapping

from .parse import Reader
from .report import ImportReport, Merged
from .requests import Terms, steps_of
from .rows import Known, Remark
from .send import (
    Doors,
    Sent,
    outcomes,
    refusal_of,
    send,
)


@dataclass(frozen=True, slots=True)
class Progress:
    """Who is told how far it is: the number of steps known, then what was done of them."""

    found: Callable[[int], None]
    sent: Callable[[int], None]
    decided: Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What to import, and as what."""

    file: Path
    city: City
    mapping: ImportMapping
    matching: bool


async def run(job: Job, doors: Doors, progress: Progress) -> ImportReport:
    """Import a file; run again it changes nothing.

    Raises ``Unreadable`` for a file of another kind, ``httpx.HTTPError`` when a door stays shut, ``Undecided`` when
    dispatch decides nothing for a minute.
    """
    reader = _reader(job)
    rows = list(reader.of(job.file))
    matched_within = f"import-{job.mapping.id}" if job.matching else None
    steps = steps_of(rows, Terms(job.city.id, matched_within))
    progress.found(len(steps))
    sent = await send(steps, doors, progress.sent)
    report = _begun(job, reader, sent, taken=len(rows))
    opened: dict[str, int] = {}
    joined: list[tuple[int, str]] = []
    async for outcome in outcomes(sent, doors, progress.decided):
        step = sent.taken[outcome["id"]]
        report.results[f"{outcome['about']} {outcome['result']}"] += 1
        if outcome["result"] == "opened":
            opened[outcome["case_id"]] = step.line
        elif outcome["result"] == "merged":
            joined.append((step.line, outcome["case_id"]))
        elif refusal := refusal_of(step, outcome):
            report.refusals.append(refusal)
    report.refusals.sort(key=lambda refusal: refusal.line)
    report.merged = [Merged(line, case_id, opened.get(case_id)) for line, case_id in sorted(joined)]
    return report


def _reader(job: Job) -> Reader:
    known = Known(
        classes=frozenset(job.city.classes),
        departments=frozenset(job.city.departments),
        districts=frozenset(place.code for place in job.city.pack.geography.places if place.level == "district"),
    )
    return Reader(job.mapping, known)


def _begun(job: Job, reader: Reader, sent: Sent, *, taken: int) -> ImportReport:
    column, ahead = job.mapping.columns.reported_at, "is after the city's clock: counted under this time"
    remarks = reader.remarks + [Remark(line, column, ahead, at) for line, at in sent.ahead.items()]
    return ImportReport(
        job.file.name,
        job.city.id,
        job.mapping.id,
        rows=taken + reader.untaken + reader.repeated,
        untaken=reader.untaken,
        repeated=reader.repeated,
        refusals=list(sent.refused),
        remarks=sorted(remarks, key=lambda remark: remark.line),
    )
