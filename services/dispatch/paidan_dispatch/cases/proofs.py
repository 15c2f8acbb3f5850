"""Whether the photos that an action names prove anything."""

from datetime import datetime

from paidan_contracts.actions import ActionRequested, Actor, Inspect, Verify
from paidan_contracts.assignments import Assignment
from paidan_contracts.construction_actions import StrikeOff
from paidan_contracts.department_actions import Finish
from paidan_contracts.outcomes import Refusal
from paidan_contracts.settlement_actions import Settle
from paidan_contracts.state import CaseState
from paidan_contracts.verification_actions import CannotVerify
from paidan_dispatch.cases import photo_refusals
from paidan_dispatch.cases.guards import ActionEvidence, ProofPhoto
from paidan_dispatch.cases.policy import CityPolicy
from paidan_dispatch.cases.transitions.helper_orders import acting_helper


def proof_of(request: ActionRequested) -> tuple[str, ...]:
    """Return the photos that an action names as proof."""
    action = request.action
    return action.proof if isinstance(action, Finish | Inspect | Verify | CannotVerify | StrikeOff | Settle) else ()


def proof_refusal(
    state: CaseState, request: ActionRequested, evidence: ActionEvidence, policy: CityPolicy
) -> Refusal | None:
    """Return why photos prove nothing: the actor must have stored each, for this case and under
    the order, and none may have proved anything in another case. Work that is finished again needs a new one, and what
    is settled on the spot one that has proved nothing yet.

    An import repeats what others proved elsewhere; an order of release 0.1 knows no record of its photos.
    """
    actor, proof = request.actor, proof_of(request)
    if not proof:
        return None
    since = _counted_since(state, actor)
    if actor.kind == "importer" or state.past or since is None:
        return None
    reported = {*state.photos, *(ref for each in state.joined for ref in each.photos)}
    for number, ref in enumerate(proof, start=1):
        photos = [each for each in evidence.photos if each.ref == ref]
        if any(each.used_in not in (None, state.case_id) for each in photos):
            return photo_refusals.photo_used(state, number, actor.kind)
        own = [each for each in photos if each.case_id == state.case_id and _is_held_by(each, actor)]
        if ref in reported or not any(each.stored_at >= since for each in own):
            told = None if ref in reported else policy.local_time(since)
            return photo_refusals.not_yours(state, number, told, actor.kind)
    return _proved_before(state, request, evidence)


def _proved_before(state: CaseState, request: ActionRequested, evidence: ActionEvidence) -> Refusal | None:
    action, role = request.action, request.actor.kind
    proved = {each.ref: each.used_round for each in evidence.photos if each.used_round}
    if isinstance(action, Finish) and all(proved.get(each, state.round) < state.round for each in action.proof):
        return photo_refusals.photos_of_earlier_rounds(state, role)
    if isinstance(action, Settle) and proved.keys() >= set(action.proof):
        return photo_refusals.photos_of_before(state, role)
    return None


def _counted_since(state: CaseState, actor: Actor) -> datetime | None:
    """Return since when photos count: since the order, or while there is none the report; None: they are not judged."""
    order = acting_helper(state, actor) or (state.assignments[-1] if state.assignments else None)
    if isinstance(order, Assignment) and not order.proofs_checked:
        return None
    return order.dispatched_at if order is not None else state.reported_at


def _is_held_by(photo: ProofPhoto, actor: Actor) -> bool:
    kind, _, id_ = photo.holder.partition(":")
    # A key with several roles stores and acts in whichever it needs.
    is_same_role = kind == actor.kind or not {kind, actor.kind} & {"department", "source"}
    return is_same_role and id_ == actor.id
