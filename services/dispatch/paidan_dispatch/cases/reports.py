"""上报/受理: decides on a report: it opens a case, joins the open case that it is about, or is noted without one."""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from paidan_contracts import ids
from paidan_contracts.assignments import RuleRef
from paidan_contracts.case_event import CaseEvent, Cause
from paidan_contracts.case_records import CaseNumbers
from paidan_contracts.cases import CaseMerged, CaseOpened, Dispatch
from paidan_contracts.city.verification import SCREENING_RULE, SOURCE_RULE
from paidan_contracts.reports import JoinedReport, ReportReceived
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_contracts.wire import SCREENED_CHANNELS
from paidan_dispatch.cases.case_numbers import Serials
from paidan_dispatch.cases.case_state import Provenance, event_fields, next_state, with_clock
from paidan_dispatch.cases.decide import Progressed
from paidan_dispatch.cases.patrols import with_first_verification
from paidan_dispatch.cases.policy import CityPolicy, Filed, select_row
from paidan_dispatch.cases.promises import with_promise
from paidan_dispatch.cases.transitions.filing import file_and_route
from paidan_dispatch.cases.transitions.routing import NoRoute, assigned_fields, hold, place_by_rule
from paidan_dispatch.cases.trust import CameraRecords, trust_rule
from paidan_dispatch.matching.candidates import Duplicate
from paidan_dispatch.matching.match import CandidateIndex, match, squares_around

JOINED_KEPT: Final = 20
"""So many of the newest reports that joined a case stand in its state; all of them are stored beside it."""
JOINED_TEXT_LENGTH: Final = 500

_new_numbers: Final = unvalidated_constructor(CaseNumbers)
_new_joined: Final = unvalidated_constructor(JoinedReport)
_new_state: Final = unvalidated_constructor(CaseState)
_new_cause: Final = unvalidated_constructor(Cause)
_new_opened: Final = unvalidated_constructor(CaseOpened)
_new_dispatch: Final = unvalidated_constructor(Dispatch)
_new_merged: Final = unvalidated_constructor(CaseMerged)


class Opened(NamedTuple):
    """A report opened a case."""

    events: tuple[CaseEvent, ...]

    @property
    def after(self) -> CaseState:
        """The case's newest state."""
        return self.events[-1].state


ReportDecision: TypeAlias = Opened | Progressed
"""The report opened a case, or joined one."""


def noted_by(report: ReportReceived, policy: CityPolicy) -> RuleRef | None:
    """Return the rule of the city's pack by which a report is noted and answered without a case; None: it is a case."""
    if report.past is not None:
        return None
    rule = policy.city.noting_rule(report.source, report.category, report.matter, report.class_code)
    return policy.rule_ref(rule) if rule else None


def receive_report(
    report: ReportReceived,
    *,
    nearby: CandidateIndex,
    state_of: Callable[[str], CaseState],
    policy: CityPolicy,
    serials: Serials | None = None,
    cameras: CameraRecords | None = None,
) -> ReportDecision:
    """Open a case for a report, or let it join the open case that it is about.

    ``nearby`` holds the cases in ``squares_around(report)``, those opened or changed earlier in the batch included;
    ``state_of`` returns the whole state of one of them. The caller applies ``compute_index_change`` of each decision
    to ``nearby`` before the next report. A case that is opened takes its number from ``serials``; None: it gets none.
    ``cameras`` are the records by which the pack trusts single ones.
    """
    provenance = _provenance(report, policy)
    rules = policy.match_rules
    matched = match(report, nearby.in_squares(squares_around(report, rules)), rules, state_of)
    if isinstance(matched, Duplicate):
        return _join(state_of(matched.case_id), report, matched.distance_m, policy, cameras)
    numbers = _numbers_of(report, policy, serials) if policy.city.numbers is not None else None
    rule = distrusted_by(report, policy, cameras)
    state = _first_state(report, matched.recurrence_of, policy, numbers, trusted=rule is None)
    if rule is not None:
        state = with_first_verification(with_clock(state, provenance), report, rule, policy)
    return Opened(_open(state, provenance, policy))


def _open(state: CaseState, provenance: Provenance, policy: CityPolicy) -> tuple[CaseEvent, ...]:
    report_id = state.opened_by
    if state.status == "received":
        return (_new_opened(**event_fields(state, provenance), report_id=report_id),)
    placed = place_by_rule(state, provenance.recorded_at, policy)
    if isinstance(placed, NoRoute):
        opened = _new_opened(**event_fields(state, provenance), report_id=report_id)
        return opened, hold(state, provenance, placed)
    assigned, assignment = placed
    after = replace_unvalidated(state, **assigned_fields(state, assigned, assignment))
    dispatched = _new_dispatch(
        department=assigned.department,
        order_id=assignment.order_id,
        placed_by=assigned.placed_by,
        due_at=assignment.limits[-1].due_at,
    )
    return (_new_opened(**event_fields(after, provenance), report_id=report_id, dispatched=dispatched),)


def _join(
    state: CaseState, report: ReportReceived, metres: float, policy: CityPolicy, cameras: CameraRecords | None
) -> Progressed:
    provenance = _provenance(report, policy)
    merged = _merged(state, provenance, report, metres, policy)
    if state.status == "received" and distrusted_by(report, policy, cameras) is None:
        return Progressed(state, (merged, *file_and_route(merged.state, provenance, policy)))
    return Progressed(state, (merged,))


def as_held_by_case(report: ReportReceived, metres: float | None = None) -> JoinedReport:
    """Return a report as its case holds it, in full but for what stays in the vault."""
    return _new_joined(
        report_id=report.report_id,
        source=report.source,
        channel=report.channel,
        text=_public_text(report),
        address=None if report.confidential else report.place.address,
        latitude=report.place.latitude,
        longitude=report.place.longitude,
        photos=report.photos,
        metres=metres,
        recorded_at=report.recorded_at,
        wants_callback=report.wants_callback,
        confidential=report.confidential,
    )


def _public_text(report: ReportReceived) -> str:
    return "" if report.confidential else report.text


def _merged(
    state: CaseState, provenance: Provenance, report: ReportReceived, metres: float, policy: CityPolicy
) -> CaseMerged:
    joined = as_held_by_case(report, metres)
    kept = replace_unvalidated(joined, text=joined.text[:JOINED_TEXT_LENGTH])
    wanted = state.callbacks_wanted
    after = next_state(
        state,
        provenance,
        reports=state.reports + 1,
        joined=(*state.joined, kept)[-JOINED_KEPT:],
        callbacks_wanted=(*wanted, report.report_id) if _is_called_back(report, policy) else wanted,
        time_limits=state.time_limits
        if report.promised_by is None
        else with_promise(state.time_limits, report, policy),
    )
    return _new_merged(**event_fields(after, provenance), report_id=report.report_id, metres=metres, report=joined)


def _is_called_back(report: ReportReceived, policy: CityPolicy) -> bool:
    """Return whether a report's reporter is called back: who asks for it, and whom the pack says; never a machine."""
    if report.past is not None or report.channel in SCREENED_CHANNELS:
        return False
    return report.wants_callback or (report.reporter is not None and policy.calls_back(report.source))


def distrusted_by(report: ReportReceived, policy: CityPolicy, cameras: CameraRecords | None = None) -> str | None:
    """Return by which rule a report is verified before it is filed; None: it is trusted. An unknown source is not."""
    if report.past is not None:
        return None if report.past.verified else SOURCE_RULE
    source = policy.city.sources.get(report.source)
    if source is None or report.verify_first:
        return SOURCE_RULE if source is None else SCREENING_RULE
    if policy.city.pack.verification is not None:
        rule = trust_rule(report, policy, cameras)
        if rule is not None:
            return rule.id if rule.verify else None
    if source.trusted or source.min_confidence is None or report.confidence is None:
        return None if source.trusted else SOURCE_RULE
    return None if report.confidence >= source.min_confidence else SOURCE_RULE


def _provenance(report: ReportReceived, policy: CityPolicy) -> Provenance:
    cause = _new_cause(kind="report", id=report.report_id)
    return Provenance(cause, report.occurred_at, report.recorded_at, policy)


def _numbers_of(report: ReportReceived, policy: CityPolicy, serials: Serials | None) -> CaseNumbers | None:
    city, ours, source_ref = policy.city, None, None
    if policy.number_format is not None and serials is not None and report.past is None:
        day = report.recorded_at.astimezone(city.zone).date()
        serial = serials.next(report.area, day)
        ours = policy.number_format.number(report.class_code, report.area, day, serial)
    shows_ref = city.numbers is not None and city.numbers.source_refs
    if shows_ref and not report.confidential and report.channel not in SCREENED_CHANNELS:
        source_ref = report.source_ref
    return _new_numbers(ours=ours, source_ref=source_ref) if ours or source_ref else None


def _first_state(
    report: ReportReceived, recurrence_of: str | None, policy: CityPolicy, numbers: CaseNumbers | None, *, trusted: bool
) -> CaseState:
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
        place=replace_unvalidated(report.place, address=None) if report.confidential else report.place,
        suggested_owner=report.suggested_owner,
        complained_of=report.complained_of,
        text=_public_text(report),
        photos=report.photos,
        reporter=report.reporter,
        wants_callback=report.wants_callback,
        confidential=report.confidential,
        callbacks_wanted=(report.report_id,) if _is_called_back(report, policy) else (),
        reports=1,
        occurred_at=report.occurred_at,
        reported_at=report.recorded_at,
        department=past.owner if past is not None and past.owner in policy.city.departments else None,
        past=past is not None,
        time_limits=with_promise(None, report, policy) if report.promised_by is not None else None,
        promised_by=past.promised_by if past else None,
        matched_within=past.matched_within if past else None,
        recurrence_of=recurrence_of,
        numbers=numbers,
        answerable=None if past else policy.answerable(report.class_code, report.place),
    )
