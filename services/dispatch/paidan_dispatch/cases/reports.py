"""上报/受理: decides on a report: it opens a case, or joins the open case that it is about."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from paidan_contracts import ids
from paidan_contracts.cases import CaseEvent, CaseMerged, CaseOpened
from paidan_contracts.reports import ReportReceived
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases.case_state import Provenance, event_fields, next_state, report_provenance, with_clock
from paidan_dispatch.cases.decide import Progressed
from paidan_dispatch.cases.policy import CityPolicy, Filed, select_row
from paidan_dispatch.cases.transitions.filing import file_and_route
from paidan_dispatch.cases.transitions.routing import route_or_hold
from paidan_dispatch.matching.candidates import Duplicate
from paidan_dispatch.matching.match import CandidateIndex, match, squares_around

_new_state: Final = unvalidated_constructor(CaseState)
_new_opened: Final = unvalidated_constructor(CaseOpened)
_new_merged: Final = unvalidated_constructor(CaseMerged)


@dataclass(frozen=True, slots=True)
class Opened:
    """A report opened a case."""

    events: tuple[CaseEvent, ...]

    @property
    def after(self) -> CaseState:
        """The case's newest state."""
        return self.events[-1].state


ReportDecision: TypeAlias = Opened | Progressed
"""The report opened a case, or joined one."""


def receive_report(
    report: ReportReceived, *, nearby: CandidateIndex, state_of: Callable[[str], CaseState], policy: CityPolicy
) -> ReportDecision:
    """Open a case for a report, or let it join the open case that it is about.

    ``nearby`` holds the cases in ``squares_around(report)``, those opened or changed earlier in the batch included;
    ``state_of`` returns the whole state of one of them. The caller applies ``compute_index_change`` of each decision
    to ``nearby`` before the next report.
    """
    provenance = report_provenance(report, policy)
    rules = policy.match_rules
    matched = match(report, nearby.in_squares(squares_around(report, rules)), rules)
    if isinstance(matched, Duplicate):
        return _join(state_of(matched.case_id), report, matched.distance_m, policy)
    state = with_clock(_first_state(report, matched.recurrence_of, policy), provenance)
    opened = _new_opened(**event_fields(state, provenance), report_id=report.report_id)
    if state.status == "received":
        return Opened((opened,))
    return Opened((opened, route_or_hold(state, provenance, policy)))


def _join(state: CaseState, report: ReportReceived, metres: float, policy: CityPolicy) -> Progressed:
    provenance = report_provenance(report, policy)
    merged = _merged(state, provenance, report, metres)
    if state.status == "received" and _is_trusted(report, policy):
        return Progressed(state, (merged, *file_and_route(merged.state, provenance, policy)))
    return Progressed(state, (merged,))


def _merged(state: CaseState, provenance: Provenance, report: ReportReceived, metres: float) -> CaseMerged:
    after = next_state(state, provenance, reports=state.reports + 1)
    return _new_merged(**event_fields(after, provenance), report_id=report.report_id, metres=metres)


def _is_trusted(report: ReportReceived, policy: CityPolicy) -> bool:
    """Return whether the report is filed without verification; an unknown source's is not."""
    if report.past is not None:
        return report.past.verified
    source = policy.city.sources.get(report.source)
    if source is None or report.verify_first:
        return False
    if source.trusted or source.min_confidence is None or report.confidence is None:
        return source.trusted
    return report.confidence >= source.min_confidence


def _first_state(report: ReportReceived, recurrence_of: str | None, policy: CityPolicy) -> CaseState:
    trusted = _is_trusted(report, policy)
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
