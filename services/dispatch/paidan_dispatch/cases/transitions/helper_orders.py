"""协办: departments that help the one that leads, each with an order, answers and limits of its own."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from paidan_contracts import ids
from paidan_contracts.actions import Actor
from paidan_contracts.assignments import Assignment, Helper, Limit
from paidan_contracts.cases import CaseHelperAnswered
from paidan_contracts.clock_events import CaseClockWarned, CaseOverdue
from paidan_contracts.department_actions import Accept, Finish, Return
from paidan_contracts.inbox import TimerDue
from paidan_contracts.outcomes import Refusal
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.cases import refusals
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import OPEN_STATUSES, ActResult, Provenance, event_fields, is_active, next_state
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.timers import HELPER_ACCEPT, HELPERS_PER_ROUND, WARNING

_new_helper: Final = unvalidated_constructor(Helper)
_new_answered: Final = unvalidated_constructor(CaseHelperAnswered)
_new_overdue: Final = unvalidated_constructor(CaseOverdue)
_new_warned: Final = unvalidated_constructor(CaseClockWarned)


def find_helper(state: CaseState, department: str) -> Helper | None:
    """Return the department's open order to help, if it has one."""
    return next((each for each in state.helpers if each.department == department and is_active(each)), None)


def acting_helper(state: CaseState, actor: Actor | None) -> Helper | None:
    """Return the open order to help by which an actor acts; None for the lead and for who is no department."""
    if actor is None or actor.kind != "department" or actor.id == state.department:
        return None
    return find_helper(state, actor.id)


def appoint(state: CaseState, departments: Collection[str] | None, lead: Assignment) -> tuple[Helper, ...]:
    """Return the case's helpers after it was dispatched to this lead.

    ``departments`` are those that the rule names: the others lose their order. None, as by hand: all stay.
    A department that returned its order to help is not asked again.
    """
    at, limit = lead.dispatched_at, lead.limits[-1]
    wanted = None if departments is None else frozenset(departments)
    kept = [
        replace_unvalidated(each, withdrawn_at=at, **_stopped(each, at))
        if is_active(each)
        and (each.department == lead.department or (wanted is not None and each.department not in wanted))
        else each
        for each in state.helpers
    ]
    asked = {each.department for each in kept if each.withdrawn_at is None} | {lead.department}
    for department in dict.fromkeys(departments or ()):
        if department not in asked:
            helper = _new_helper(
                department=department,
                order_id=ids.helper_order_id(state.case_id, len(kept) + 1),
                placed_by=lead.placed_by,
                dispatched_at=at,
                accept_by=lead.accept_by,
                accept_warn_at=lead.accept_warn_at,
                due_at=limit.due_at,
                warn_at=limit.warn_at,
            )
            kept.append(helper)
    return tuple(kept)


def renew(state: CaseState, limit: Limit) -> tuple[Helper, ...]:
    """Return the helpers of a case that is reopened: those that still have their order work again."""
    fields = {"due_at": limit.due_at, "warn_at": limit.warn_at, "warned_at": None}
    return tuple(
        replace_unvalidated(each, **fields, finished_at=None, overdue_at=None) if is_active(each) else each
        for each in state.helpers
    )


def end_help(state: CaseState, at: datetime) -> tuple[Helper, ...]:
    """Return the helpers of a case that ends without being handled: their orders are withdrawn."""
    return tuple(
        replace_unvalidated(each, withdrawn_at=at, **_stopped(each, at)) if is_active(each) else each
        for each in state.helpers
    )


def answer(
    state: CaseState,
    helper: Helper,
    action: Accept | Return | Finish,
    provenance: Provenance,
    policy: CityPolicy,
) -> ActResult:
    """Record a helper's answer to its own order; the case's status stays as it is."""
    at = provenance.recorded_at
    if state.status not in OPEN_STATUSES or (isinstance(action, Accept) and helper.accepted_at is not None):
        return _not_allowed_now(state, helper, action.kind, policy)
    match action:
        case Accept():
            changed = replace_unvalidated(helper, accepted_at=at, accept_overdue_at=_passed(helper.accept_by, at))
        case Return(code=code):
            changed = replace_unvalidated(helper, returned_at=at, return_code=code, **_stopped(helper, at))
        case Finish(text=text, proof=proof):
            changed = replace_unvalidated(
                helper,
                accepted_at=helper.accepted_at or at,
                finished_at=at,
                text=text,
                proof=proof,
                **_stopped(helper, at),
            )
    after = next_state(state, provenance, helpers=_replace(state, changed))
    return [_answered(after, changed, action, provenance)]


def overdue(state: CaseState, provenance: Provenance, timer: TimerDue) -> CaseOverdue | CaseClockWarned:
    """超时: a helper's limit for accepting or for its work has passed, or soon will."""
    helper = state.helpers[timer.generation % HELPERS_PER_ROUND - 1]
    is_accept = timer.kind.removesuffix(WARNING) == HELPER_ACCEPT
    if timer.kind.endswith(WARNING):
        return _warned(state, provenance, helper, is_accept=is_accept)
    mark = {"accept_overdue_at": helper.accept_by} if is_accept else {"overdue_at": helper.due_at}
    after = next_state(state, provenance, helpers=_replace(state, replace_unvalidated(helper, **mark)))
    return _new_overdue(
        **event_fields(after, provenance),
        department=helper.department,
        clock="accept" if is_accept else "handle",
        due_at=provenance.recorded_at,
    )


def _warned(state: CaseState, provenance: Provenance, helper: Helper, *, is_accept: bool) -> CaseClockWarned:
    at = provenance.recorded_at
    told = {"accept_warn_at": None, "accept_warned_at": at} if is_accept else {"warn_at": None, "warned_at": at}
    after = next_state(state, provenance, helpers=_replace(state, replace_unvalidated(helper, **told)))
    return _new_warned(
        **event_fields(after, provenance),
        clock="accept" if is_accept else "handle",
        due_at=(helper.accept_by if is_accept else helper.due_at) or at,
        department=helper.department,
    )


def _answered(
    after: CaseState, helper: Helper, action: Accept | Return | Finish, provenance: Provenance
) -> CaseHelperAnswered:
    fields = event_fields(after, provenance)
    department, role = helper.department, helper.role
    match action:
        case Accept():
            return _new_answered(**fields, department=department, role=role, answer="accepted")
        case Return(code=code, reason=reason):
            return _new_answered(**fields, department=department, role=role, answer="returned", code=code, text=reason)
        case Finish():
            return _new_answered(
                **fields,
                department=department,
                role=role,
                answer="finished",
                text=action.text,
                proof=action.proof,
                latitude=action.latitude,
                longitude=action.longitude,
            )


def _not_allowed_now(state: CaseState, helper: Helper, kind: str, policy: CityPolicy) -> Refusal:
    if state.status not in OPEN_STATUSES or helper.accepted_at is None:
        return refusals.not_allowed_in_state(state, kind, "department")
    accepted_at = policy.local_time(helper.accepted_at)
    text = Bilingual(
        f"You accepted this order to help at {accepted_at}; a helper may now finish or return it.",
        f"贵单位已于 {accepted_at} 签收本协办单，此时可做：处置完成、退单。",
    )
    return refusals.build_refusal(state, "not_allowed_in_state", text, "action.kind", role=None)


def _replace(state: CaseState, changed: Helper) -> tuple[Helper, ...]:
    return tuple(changed if each.order_id == changed.order_id else each for each in state.helpers)


def _stopped(helper: Helper, at: datetime) -> dict[str, datetime | None]:
    """Return the marks of limits that stop: met or missed by the time of the deed, as those of the lead are."""
    marks: dict[str, datetime | None] = {}
    if helper.accepted_at is None:
        marks["accept_overdue_at"] = _passed(helper.accept_by, at)
    if helper.finished_at is None:
        marks["overdue_at"] = _passed(helper.due_at, at)
    return marks


def _passed(limit: datetime | None, at: datetime) -> datetime | None:
    return limit if limit is not None and at > limit else None
