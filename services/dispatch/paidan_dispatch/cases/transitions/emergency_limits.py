"""应急响应, 重大活动保障: limits that run are shortened by a declaration, and get back their former end after it."""

from datetime import datetime
from typing import Final

from paidan_contracts.assignments import Limit
from paidan_contracts.emergencies import EmergencyDeclaration
from paidan_contracts.emergency_events import CaseReclocked
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import unvalidated_constructor
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import Provenance, event_fields, next_state
from paidan_dispatch.cases.emergencies import Subject, all_terms, ending, shortened, terms_of
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.transitions.suspension import with_limit, with_receipt

_new_reclocked: Final = unvalidated_constructor(CaseReclocked)


def shorten(
    state: CaseState, declaration: EmergencyDeclaration, provenance: Provenance, policy: CityPolicy
) -> CaseReclocked | None:
    """Return the step by which a declaration shortens a limit that runs; None where it does not, or did before.

    A clock that stands, work that is done, a limit that is over and one that was set by hand stay as they are.
    """
    at, limit = provenance.recorded_at, _running_limit(state, provenance.recorded_at)
    subject = Subject.of(state, policy)
    terms = terms_of(declaration, subject, at, policy)
    if limit is None or terms is None or _is_set_by_hand(state) or _is_shortened_by(limit, declaration.declaration_id):
        return None
    changed = shortened(limit, terms, subject, at, policy)
    return None if changed is limit else _reclocked(state, declaration, changed, provenance, policy)


def restore(
    state: CaseState, declaration: EmergencyDeclaration, provenance: Provenance, policy: CityPolicy
) -> CaseReclocked | None:
    """Return the step by which a limit gets back its former end; None where it was set anew since, or is over.

    What is declared otherwise, and still in force, shortens it as it would have without this declaration.
    """
    at, limit = provenance.recorded_at, _running_limit(state, provenance.recorded_at)
    receipt = limit.shortened if limit is not None else None
    if limit is None or receipt is None or receipt.declaration_id != declaration.declaration_id:
        return None
    if limit.due_at != receipt.due_at:
        return None
    former = ending(limit, receipt.due_before, at, policy, receipt=None)
    subject = Subject.of(state, policy)
    for terms in all_terms(subject, at, policy):
        if terms.declaration.declaration_id != declaration.declaration_id:
            former = shortened(former, terms, subject, at, policy)
    if former.due_at is None or former.due_at <= receipt.due_at:
        return None
    return _reclocked(state, declaration, former, provenance, policy, restored=True)


def _reclocked(
    state: CaseState,
    declaration: EmergencyDeclaration,
    limit: Limit,
    provenance: Provenance,
    policy: CityPolicy,
    *,
    restored: bool = False,
) -> CaseReclocked | None:
    at, before, due_at = provenance.recorded_at, state.assignments[-1].limits[-1].due_at, limit.due_at
    if before is None or due_at is None:
        return None
    changes = with_receipt(with_limit(state, due_at, at, policy), limit.shortened)
    after = next_state(state, provenance, **changes)
    return _new_reclocked(
        **event_fields(after, provenance),
        department=state.assignments[-1].department,
        declaration_id=declaration.declaration_id,
        plan=declaration.plan,
        level=declaration.level,
        due_before=before,
        due_at=due_at,
        restored=restored,
        reason=_told(declaration, due_at, policy, restored=restored),
    )


def _told(declaration: EmergencyDeclaration, due_at: datetime, policy: CityPolicy, *, restored: bool) -> str:
    name, level, until = declaration.plan_names, declaration.level_names, policy.local_time(due_at)
    if restored:
        text = Bilingual(f"{name.en} is over: the limit ends at {until}.", f"{name.zh}已解除，时限恢复至 {until}。")
    else:
        text = Bilingual(
            f"{name.en}, {level.en}: the limit ends at {until}.", f"{name.zh}{level.zh}，时限缩短至 {until}。"
        )
    return text.joined()


def _running_limit(state: CaseState, at: datetime) -> Limit | None:
    if state.past or state.status not in ("dispatched", "handling"):
        return None
    limit = state.assignments[-1].limits[-1]
    is_over = limit.overdue_at is not None or limit.due_at is None or at > limit.due_at
    return None if is_over else limit


def _is_set_by_hand(state: CaseState) -> bool:
    return state.time_limits is not None and state.time_limits.set_because is not None


def _is_shortened_by(limit: Limit, declaration_id: str) -> bool:
    return limit.shortened is not None and limit.shortened.declaration_id == declaration_id
