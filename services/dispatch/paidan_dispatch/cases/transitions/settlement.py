"""自行处置: a patrol that found or verified a problem settles it on the spot, which counts as handled."""

from typing import Final

from paidan_contracts.assignments import Assignment
from paidan_contracts.case_event import CaseEvent
from paidan_contracts.city.class_overrides import matches_class
from paidan_contracts.city.posts import DUTIES
from paidan_contracts.city.settlement import SettlementPolicy
from paidan_contracts.outcomes import Refusal
from paidan_contracts.settlement_actions import Settle
from paidan_contracts.settlement_events import CaseSettled
from paidan_contracts.state import CaseState
from paidan_contracts.unvalidated import replace_unvalidated, unvalidated_constructor
from paidan_dispatch.cases import answers
from paidan_dispatch.cases.bilingual import Bilingual
from paidan_dispatch.cases.case_state import (
    ActResult,
    Provenance,
    event_fields,
    next_state,
    replace_assignment,
    replace_limit,
    replace_unit_order,
    stop_accept_limit,
    stop_limit,
)
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.refusals import build_refusal
from paidan_dispatch.cases.transitions.filing import file_and_route
from paidan_dispatch.cases.transitions.fulfilment import reporters_to_call
from paidan_dispatch.cases.transitions.verification import found_true, task_refusal

_new_settled: Final = unvalidated_constructor(CaseSettled)


def settle(state: CaseState, action: Settle, provenance: Provenance, policy: CityPolicy) -> ActResult:
    """自行处置: what awaited verification is true by that; the department that the rules name is counted for it."""
    terms = policy.city.pack.settlement
    refusal = _refusal(state, action, provenance, policy)
    if refusal is not None or terms is None:
        return refusal or _not_here(state)
    before: list[CaseEvent] = []
    if state.status == "received":
        before = found_true(state, provenance, policy)
        before += file_and_route(before[-1].state if before else state, provenance, policy)
        state = before[-1].state
    if state.status != "dispatched":
        text = Bilingual(
            "No rule names a department for it: it must be assigned first.", "没有派遣规则适用，须先派遣责任单位。"
        )
        return build_refusal(state, "not_allowed_in_state", text, "action.kind")
    return [*before, _settled(state, action, provenance, terms, policy)]


def _settled(
    state: CaseState, action: Settle, provenance: Provenance, terms: SettlementPolicy, policy: CityPolicy
) -> CaseSettled:
    at, actor = provenance.recorded_at, provenance.actor
    person = (actor.person,) if actor is not None and actor.person is not None else ()
    done: dict[str, object] = {
        "assignments": replace_assignment(state, _done(state.assignments[-1], action, provenance)),
        "workers": tuple(dict.fromkeys((*state.workers, *person))),
        "status": "inspecting",
    }
    if not terms.inspected:
        done |= {
            "status": "closed",
            "closed_at": at,
            "answer": action.answer or action.text or answers.SETTLED,
            "callbacks_awaited": reporters_to_call(state, policy),
        }
    after = next_state(state, provenance, **done)
    return _new_settled(
        **event_fields(after, provenance),
        department=state.assignments[-1].department,
        text=action.text,
        proof=action.proof,
        latitude=action.latitude,
        longitude=action.longitude,
    )


def _done(assignment: Assignment, action: Settle, provenance: Provenance) -> Assignment:
    """Return the assignment with its work done by the patrol, in time or not, as if its department had finished it."""
    at = provenance.recorded_at
    assignment, limit = replace_unit_order(assignment, at, withdrawn_at=at), assignment.limits[-1]
    late = None if limit.due_at is None else at > limit.due_at
    finished = replace_unvalidated(stop_limit(limit, at), finished_at=at, late=late)
    accepted = replace_unvalidated(stop_accept_limit(assignment, at), accepted_at=assignment.accepted_at or at)
    return replace_unvalidated(
        replace_limit(accepted, finished), text=action.text, proof=action.proof, settled_by=provenance.actor
    )


def _refusal(state: CaseState, action: Settle, provenance: Provenance, policy: CityPolicy) -> Refusal | None:
    terms, actor = policy.city.pack.settlement, provenance.actor
    if terms is None or state.past or actor is None:
        return _not_here(state)
    if terms.classes is not None and not any(matches_class(each, state.class_code) for each in terms.classes):
        text = Bilingual("Cases of this class are not settled on the spot.", "本市此类案件不得自行处置。")
        return build_refusal(state, "not_allowed_in_state", text, "action.kind")
    post = policy.city.posts.get(actor.post) if actor.post is not None else None
    if post is not None and post.duty not in terms.duties:
        names = [DUTIES[each].names for each in terms.duties]
        text = Bilingual(
            f"In this city these settle on the spot: {', '.join(each.en for each in names)}.",
            f"本市可自行处置的岗位职责：{'、'.join(each.zh for each in names)}。",
        )
        return build_refusal(state, "not_your_duty", text, "actor", role="inspector")
    if state.status == "received" and (refusal := task_refusal(state, actor, policy)) is not None:
        return refusal
    if terms.photo and not action.proof:
        text = Bilingual(
            "The city asks for a photo of afterwards: 1 to 20 in proof.", "本市要求处置后照片：proof 须有 1 至 20 张。"
        )
        return build_refusal(state, "proof_missing", text, "action.proof", role="inspector")
    return None


def _not_here(state: CaseState) -> Refusal:
    text = Bilingual("In this city nothing is settled on the spot.", "本市未设自行处置。")
    return build_refusal(state, "not_allowed_in_state", text, "action.kind")
