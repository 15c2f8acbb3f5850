"""How a case begins: from a report to its first state, filed against a row unless it must be verified first."""

from typing import Final

from paidan_contracts import ids
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases.filing import Filed, select_row
from paidan_dispatch.cases.policy import CityPolicy

_new_state: Final = unvalidated_constructor(CaseState)


def is_trusted(report: ReportReceived, policy: CityPolicy) -> bool:
    """Tell whether a report may be filed without verification; of a source that nobody knows it may not."""
    if report.past is not None:
        return report.past.verified
    source = policy.city.sources.get(report.source)
    if source is None or report.verify_first:
        return False
    if source.trusted or source.min_confidence is None or report.confidence is None:
        return source.trusted
    return report.confidence >= source.min_confidence


def first_state(report: ReportReceived, recurrence_of: str | None, policy: CityPolicy) -> CaseState:
    """Put together what is known of a case when a report opens it."""
    trusted = is_trusted(report, policy)
    filing = select_row(report.class_code, report.row_id, policy) if trusted else None
    filed = filing if isinstance(filing, Filed) else None
    past = report.past
    return _new_state(
        case_id=ids.case_id(report.area, report.report_id),
        version=1,
        city=report.city,
        area=report.area,
        city_version=policy.version,
        status="filed" if trusted else "received",
        opened_by=report.report_id,
        source=report.source,
        channel=report.channel,
        matter=report.matter,
        class_code=report.class_code,
        row_id=filed.row.id if filed else None,
        suggested_row=None if filed else report.row_id,
        filed_by=filed.filed_by if filed else None,
        filed_at=report.recorded_at if filed else None,
        place=report.place,
        suggested_owner=report.suggested_owner,
        text=report.text,
        photos=report.photos,
        reporter=report.reporter,
        reports=1,
        occurred_at=report.occurred_at,
        reported_at=report.recorded_at,
        department=_known_department(past.owner, policy) if past else None,
        past=past is not None,
        promised_by=past.promised_by if past else None,
        matched_within=past.matched_within if past else None,
        recurrence_of=recurrence_of,
    )


def _known_department(department: str | None, policy: CityPolicy) -> str | None:
    return department if department in policy.city.departments else None
