"""应急响应, 重大活动保障: which declarations concern a case, and when a limit then ends."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final, NamedTuple

from paidan_contracts.assignments import Assignment, Limit, LimitReceipt
from paidan_contracts.city.calendar import CalendarExhausted
from paidan_contracts.city.catalogue import CatalogueRow
from paidan_contracts.city.class_overrides import matches_class
from paidan_contracts.city.emergencies import EmergencyLevel, EmergencyPlan, LimitReduction
from paidan_contracts.emergencies import EmergencyDeclaration
from paidan_contracts.places import Place
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.working_time import is_working_time

_new_receipt: Final = unvalidated_constructor(LimitReceipt)


class Terms(NamedTuple):
    """What a declaration says for a case: its plan and level in the pack, and how the case's limits shorten."""

    declaration: EmergencyDeclaration
    plan: EmergencyPlan
    level: EmergencyLevel
    reduction: LimitReduction | None
    """None: the case comes first in queues, and no limit shortens."""


class Subject(NamedTuple):
    """Of a case, by what a declaration concerns it."""

    class_code: str | None
    place: Place
    row: CatalogueRow | None

    @classmethod
    def of(cls, state: CaseState, policy: CityPolicy) -> "Subject":
        """Return that of a case as it stands."""
        return cls(state.class_code, state.place, policy.city.rows.get(state.row_id or ""))


def terms_of(declaration: EmergencyDeclaration, subject: Subject, at: datetime, policy: CityPolicy) -> Terms | None:
    """Return what a declaration says for a case at this time; None where it does not concern it."""
    if at < declaration.begins_at or (declaration.ends_at is not None and at >= declaration.ends_at):
        return None
    place = subject.place
    if declaration.places and not {place.district, place.street, place.community}.intersection(declaration.places):
        return None
    plan = policy.city.emergencies.get(declaration.plan)
    level = next((each for each in plan.levels if each.id == declaration.level), None) if plan else None
    if plan is None or level is None:
        return None
    reduction = next((each for each in level.limits if _has_class(each, subject.class_code)), None)
    # A level without reductions puts every case of its places first.
    return None if reduction is None and level.limits else Terms(declaration, plan, level, reduction)


def all_terms(subject: Subject, at: datetime, policy: CityPolicy) -> Iterator[Terms]:
    """Yield what each declaration in force says for a case, in the order in which they were declared."""
    for declaration in policy.emergencies:
        terms = terms_of(declaration, subject, at, policy)
        if terms is not None:
            yield terms


def under_emergencies(assignment: Assignment, subject: Subject, policy: CityPolicy) -> Assignment:
    """Return an assignment that begins while declarations are in force."""
    at = assignment.dispatched_at
    limit = limit_under_emergencies(assignment.limits[-1], subject, at, policy)
    accept_by, receipt = _shortened_acceptance(assignment.accept_by, subject, at, policy)
    return replace_unvalidated(
        assignment,
        accept_by=accept_by,
        accept_warn_at=policy.warn_at(at, accept_by),
        accept_shortened=receipt,
        limits=(*assignment.limits[:-1], limit),
    )


def limit_under_emergencies(limit: Limit, subject: Subject, at: datetime, policy: CityPolicy) -> Limit:
    """Return a limit of handling that begins, or is judged anew, while declarations are in force."""
    for terms in all_terms(subject, at, policy):
        limit = shortened(limit, terms, subject, at, policy)
    return limit


def limit_of_rework(state: CaseState, at: datetime, policy: CityPolicy) -> Limit:
    """Return the limit under which work is done again: what was declared while it was inspected shortens it now.

    One that is over, and one that was set by hand, stay as they are.
    """
    limit, limits = state.assignments[-1].limits[-1], state.time_limits
    is_over = limit.overdue_at is not None or (limit.due_at is not None and at > limit.due_at)
    if not policy.emergencies or is_over or state.past or (limits is not None and limits.set_because is not None):
        return limit
    subject = Subject.of(state, policy)
    for terms in all_terms(subject, at, policy):
        receipt = limit.shortened
        if receipt is None or receipt.declaration_id != terms.declaration.declaration_id:
            limit = shortened(limit, terms, subject, at, policy)
    return limit


def shortened(
    limit: Limit, terms: Terms, subject: Subject, at: datetime, policy: CityPolicy, *, since: datetime | None = None
) -> Limit:
    """Return a limit of handling as a declaration shortens it at this time; the same where it would not end earlier.

    It is counted from its beginning, or from ``since``. It never ends before the plan's minimum is over, from the
    declaration's beginning or, where that has passed, from now on.
    """
    if limit.due_at is None or terms.reduction is None:
        return limit
    try:
        target = _target(terms.reduction, since or limit.began_at, limit.due_at, subject, policy)
        floor = _earliest_end(terms, at, policy)
    except CalendarExhausted:
        return limit
    if target is None or (due_at := max(target, floor)) >= limit.due_at:
        return limit
    return ending(limit, due_at, at, policy, receipt=_receipt(terms, _usual_end(limit), due_at, policy))


def shortened_acceptance(assignment: Assignment, terms: Terms, at: datetime, policy: CityPolicy) -> Assignment:
    """Return an assignment that waits for acceptance as a declaration shortens it; the same where it would not."""
    accept_by, limit = assignment.accept_by, terms.reduction.accept if terms.reduction is not None else None
    if accept_by is None or limit is None:
        return assignment
    try:
        due_at = max(policy.deadline(assignment.dispatched_at, limit), _earliest_end(terms, at, policy))
    except CalendarExhausted:
        return assignment
    if due_at >= accept_by:
        return assignment
    receipt = assignment.accept_shortened
    usual = receipt.due_before if receipt is not None and receipt.due_at == accept_by else accept_by
    return accepting_by(assignment, due_at, at, policy, receipt=_receipt(terms, usual, due_at, policy))


def accepting_by(
    assignment: Assignment, due_at: datetime | None, at: datetime, policy: CityPolicy, *, receipt: LimitReceipt | None
) -> Assignment:
    """Return an assignment with another end of its accept limit, whose warning lies ahead."""
    warn_at = policy.warn_at(assignment.dispatched_at, due_at)
    if warn_at is not None and warn_at <= at:
        warn_at = policy.warn_at(at, due_at)
    return replace_unvalidated(assignment, accept_by=due_at, accept_warn_at=warn_at, accept_shortened=receipt)


def _earliest_end(terms: Terms, at: datetime, policy: CityPolicy) -> datetime:
    """Return when a limit that runs may end at the soonest, by the plan's minimum."""
    floor = policy.deadline(terms.declaration.begins_at, terms.plan.minimum)
    return floor if floor > at else policy.deadline(at, terms.plan.minimum)


def _usual_end(limit: Limit) -> datetime | None:
    """Return when a limit would end if nothing were declared: what ends earlier already counts from there, too."""
    receipt = limit.shortened
    return receipt.due_before if receipt is not None and receipt.due_at == limit.due_at else limit.due_at


def ending(limit: Limit, due_at: datetime, at: datetime, policy: CityPolicy, *, receipt: LimitReceipt | None) -> Limit:
    """Return a limit with another end, whose warning lies ahead."""
    warn_at = policy.warn_at(limit.began_at, due_at)
    if warn_at is not None and warn_at <= at:
        warn_at = policy.warn_at(at, due_at)
    return replace_unvalidated(limit, due_at=due_at, warn_at=warn_at, shortened=receipt)


def _shortened_acceptance(
    accept_by: datetime | None, subject: Subject, at: datetime, policy: CityPolicy
) -> tuple[datetime | None, LimitReceipt | None]:
    receipt, usual = None, accept_by
    for terms in all_terms(subject, at, policy):
        limit = terms.reduction.accept if terms.reduction is not None else None
        if accept_by is None or limit is None:
            continue
        try:
            due_at = policy.deadline(at, limit)
        except CalendarExhausted:
            continue
        if due_at < accept_by:
            accept_by, receipt = due_at, _receipt(terms, usual, due_at, policy)
    return accept_by, receipt


def _target(
    reduction: LimitReduction, began_at: datetime, due_at: datetime, subject: Subject, policy: CityPolicy
) -> datetime | None:
    if reduction.handle is not None:
        return policy.deadline(began_at, reduction.handle)
    if reduction.share is None:
        return None
    usual = policy.handling_limit(subject.row)
    if usual is not None and is_working_time(usual):
        return policy.part_of_time(began_at, due_at, reduction.share)
    return began_at + (due_at - began_at) * reduction.share


def _receipt(terms: Terms, due_before: datetime | None, due_at: datetime, policy: CityPolicy) -> LimitReceipt:
    rule = policy.rule_ref(f"{terms.plan.id}.{terms.level.id}")
    return _new_receipt(
        declaration_id=terms.declaration.declaration_id, rule=rule, due_before=due_before, due_at=due_at
    )


def _has_class(reduction: LimitReduction, class_code: str | None) -> bool:
    return reduction.classes is None or any(matches_class(pattern, class_code) for pattern in reduction.classes)
